//! A simulator with something in it, and the valid requests that get changed.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use oss_valet::{
    oss::{
        access_key::AccessKey,
        presign::{self, SigningContext},
        request::{SignableRequest, SignatureVersion},
        xml::Element,
    },
    simulator::BucketSpec,
};

use super::wire::Wire;
use crate::harness::{BUCKET, VERSIONED, World, header, ok, own, owner, session, text};

/// One byte beside [`BUCKET`], in the same region.
pub(super) const NEIGHBOUR: &str = "dev-medib";
pub(super) const KEY: &str = "inbox/a b.png";
pub(super) const BODY: &[u8] = b"123456789";
/// To port 1, where nobody listens: the object is stored all the same.
pub(super) const CALLBACK: &str = "eyJjYWxsYmFja1VybCI6Imh0dHA6Ly8xMjcuMC4wLjE6MS8iLCJjYWxsYmFja0JvZHkiOiJhIn0=";
/// `{"x:a":"1"}`.
pub(super) const CALLBACK_VAR: &str = "eyJ4OmEiOiIxIn0=";

/// How a request proves who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    HeaderV1,
    QueryV1,
    HeaderV4,
    QueryV4,
    /// V4 with `Host` and `Cache-Control` among the signed headers.
    HeaderV4Additional,
    QueryV4Additional,
}

impl Way {
    pub(super) const ALL: [Self; 6] = [
        Self::HeaderV1,
        Self::QueryV1,
        Self::HeaderV4,
        Self::QueryV4,
        Self::HeaderV4Additional,
        Self::QueryV4Additional,
    ];

    pub(super) fn version(self) -> SignatureVersion {
        if matches!(self, Self::HeaderV1 | Self::QueryV1) { SignatureVersion::V1 } else { SignatureVersion::V4 }
    }

    pub(super) fn in_query(self) -> bool {
        matches!(self, Self::QueryV1 | Self::QueryV4 | Self::QueryV4Additional)
    }

    pub(super) fn additional(self) -> bool {
        matches!(self, Self::HeaderV4Additional | Self::QueryV4Additional)
    }
}

/// A static key, and one from STS.
pub(super) fn keys() -> [AccessKey; 2] {
    [owner(), session()]
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    PutObject,
    /// With the callback among the query parameters.
    PutObjectCalledBack,
    PutSymlink,
    InitiateMultipartUpload,
    UploadPart,
    CompleteMultipartUpload,
    GetObject,
    GetVersion,
    PutObjectAcl,
    PutObjectTagging,
    AppendObject,
}

impl Operation {
    pub(super) const ALL: [Self; 11] = [
        Self::PutObject,
        Self::PutObjectCalledBack,
        Self::PutSymlink,
        Self::InitiateMultipartUpload,
        Self::UploadPart,
        Self::CompleteMultipartUpload,
        Self::GetObject,
        Self::GetVersion,
        Self::PutObjectAcl,
        Self::PutObjectTagging,
        Self::AppendObject,
    ];

    pub(super) fn bucket(self) -> &'static str {
        if self == Self::GetVersion { VERSIONED } else { BUCKET }
    }
}

pub(super) struct Bed {
    pub(super) world: World,
    /// `127.0.0.1:PORT`.
    pub(super) authority: String,
    version_id: String,
}

impl Bed {
    pub(super) async fn new() -> Self {
        let world = World::with(|settings| settings.buckets.push(BucketSpec::new(NEIGHBOUR, "cn-hangzhou"))).await;
        let authority = world.url.trim_start_matches("http://").to_owned();
        let mut bed = Self { world, authority, version_id: String::new() };
        bed.world.store(KEY, "old").await;
        let key = owner();
        let put = presign::put_object(VERSIONED, KEY, vec![]);
        let signed = presign::sign_headers(put, &[], &bed.context(SignatureVersion::V4, VERSIONED, &key));
        let stored = ok(bed.world.request(&signed).body("old")).await;
        bed.version_id = header(&stored, "x-oss-version-id").expect("a version");
        bed
    }

    fn context<'a>(&'a self, version: SignatureVersion, bucket: &str, key: &'a AccessKey) -> SigningContext<'a> {
        let region = if bucket == VERSIONED { "cn-beijing" } else { "cn-hangzhou" };
        SigningContext { region, ..self.world.context(version, key) }
    }

    /// A valid request of the operation, fresh: what it works on is there.
    pub(super) async fn request(&self, operation: Operation, way: Way, key: &AccessKey) -> Wire {
        let (request, body) = self.unsigned(operation).await;
        self.sign(request, way, key, &body)
    }

    pub(super) fn sign(&self, mut request: SignableRequest, way: Way, key: &AccessKey, body: &[u8]) -> Wire {
        let (bucket, object) = (request.bucket.clone().unwrap_or_default(), request.key.clone());
        let additional = if way.additional() { ["host", "cache-control"].map(str::to_owned).to_vec() } else { vec![] };
        if way.additional() {
            request.headers.extend(own(&[("Host", &self.authority), ("Cache-Control", "no-cache")]));
        }
        let context = self.context(way.version(), &bucket, key);
        let signed = if way.in_query() {
            presign::presign(request, &additional, 600, &context).expect("ten minutes")
        } else {
            presign::sign_headers(request, &additional, &context)
        };
        Wire::of(signed, &bucket, &object, body)
    }

    async fn unsigned(&self, operation: Operation) -> (SignableRequest, Vec<u8>) {
        use Operation::{
            AppendObject, CompleteMultipartUpload, GetObject, GetVersion, InitiateMultipartUpload, PutObject,
            PutObjectAcl, PutObjectCalledBack, PutObjectTagging, PutSymlink, UploadPart,
        };
        let object = |method: &str, query: &[(&str, &str)], headers: &[(&str, &str)]| SignableRequest {
            query: own(query),
            headers: own(headers),
            ..SignableRequest::object(method, operation.bucket(), KEY)
        };
        let request = match operation {
            PutObject => object("PUT", &[], &put_headers().each_ref().map(|(name, value)| (*name, value.as_str()))),
            PutObjectCalledBack => object(
                "PUT",
                &[("callback", CALLBACK), ("callback-var", CALLBACK_VAR)],
                &[("x-oss-forbid-overwrite", "false")],
            ),
            PutSymlink => object("PUT", &[("symlink", "")], &[("x-oss-symlink-target", "inbox/target")]),
            InitiateMultipartUpload => object("POST", &[("uploads", "")], &[("x-oss-meta-a", "1")]),
            UploadPart => presign::upload_part(BUCKET, KEY, &self.upload().await, 2),
            CompleteMultipartUpload => {
                let headers = [("x-oss-complete-all", "yes"), ("x-oss-callback", CALLBACK)];
                presign::complete_multipart_upload(BUCKET, KEY, &self.upload().await, own(&headers))
            }
            GetObject => object("GET", &OVERRIDES, &[]),
            GetVersion => object("GET", &[("versionId", &self.version_id)], &[]),
            PutObjectAcl => object("PUT", &[("acl", "")], &[("x-oss-object-acl", "private")]),
            PutObjectTagging => object("PUT", &[("tagging", "")], &[]),
            AppendObject => {
                let position = self.position().await;
                object("POST", &[("append", ""), ("position", &position)], &[("x-oss-meta-a", "1")])
            }
        };
        let body: &[u8] = match operation {
            PutObject | PutObjectCalledBack | UploadPart | AppendObject => BODY,
            PutObjectTagging => b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>",
            _ => b"",
        };
        (request, body.to_vec())
    }

    /// Where an append goes on; an object that is not made of appends makes room.
    async fn position(&self) -> String {
        let head = self.world.head(KEY).await;
        if header(&head, "x-oss-object-type").as_deref() == Some("Appendable") {
            return header(&head, "x-oss-next-append-position").expect("a position");
        }
        ok(self.world.signed(SignatureVersion::V4, SignableRequest::object("DELETE", BUCKET, KEY))).await;
        "0".to_owned()
    }

    /// The id of a multipart upload with one part.
    async fn upload(&self) -> String {
        let initiate = presign::initiate_multipart_upload(BUCKET, KEY, vec![]);
        let initiated = text(ok(self.world.signed(SignatureVersion::V4, initiate)).await).await;
        let initiated = Element::parse(&initiated).expect("XML");
        let id = initiated.child_text("UploadId").expect("an id").to_owned();
        let part = presign::upload_part(BUCKET, KEY, &id, 1);
        ok(self.world.signed(SignatureVersion::V4, part).body("x")).await;
        id
    }

    /// Every file that the simulator keeps, with its length: contents, which get a new name each time, and the journal,
    /// which grows with every change of an object, a multipart upload or a part.
    pub(super) fn stored(&self) -> BTreeMap<String, u64> {
        let mut files = BTreeMap::new();
        collect(self.world.folder.path(), &mut files);
        files
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<String, u64>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path.display().to_string(), path.metadata().expect("a file").len());
        }
    }
}

/// Everything that a PUT may say about its object.
fn put_headers() -> [(&'static str, String); 9] {
    [
        ("Content-Type", "image/png".to_owned()),
        ("Content-MD5", STANDARD.encode(Md5::digest(BODY))),
        ("x-oss-callback", CALLBACK.to_owned()),
        ("x-oss-callback-var", CALLBACK_VAR.to_owned()),
        ("x-oss-forbid-overwrite", "false".to_owned()),
        ("x-oss-meta-a", "one".to_owned()),
        ("x-oss-object-acl", "private".to_owned()),
        ("x-oss-storage-class", "Standard".to_owned()),
        ("x-oss-server-side-encryption", "AES256".to_owned()),
    ]
}

/// What a GET may replace in its answer.
const OVERRIDES: [(&str, &str); 6] = [
    ("response-content-type", "image/gif"),
    ("response-content-language", "de"),
    ("response-expires", "Thu, 01 Jan 2026 00:10:00 GMT"),
    ("response-cache-control", "no-store"),
    ("response-content-disposition", "attachment; filename=\"a.png\""),
    ("response-content-encoding", "identity"),
];
