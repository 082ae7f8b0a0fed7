//! `GET /?list-type=2` (ListObjectsV2), and `GET /` (ListObjects), which SDKs still use.

use actix_web::HttpResponse;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};

use crate::simulator::{
    access::{authorise::identify, permissions::Action},
    errors::OssError,
    operations::{
        paging::{self, Encoding, Entry, Page, Wanted},
        symlink::etag_of_link,
    },
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{
        objects::KeyFile,
        record::{Kind, Record},
    },
    xml::Xml,
};

const DEFAULT_KEYS: usize = 100;
const MAX_KEYS: usize = 1000;

/// Lists, in whichever of the two ways the request asks for.
pub(in crate::simulator) async fn list_objects(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    match identify(incoming, oss)? {
        Some(caller) => caller.permit(Action::ListObjects, incoming.resource())?,
        None if bucket.acl.lets_everybody_read() => {}
        None => return Err(OssError::anonymous()),
    }
    let list = List::of(incoming)?;
    let after = list.after()?;
    let keys = oss.objects.list_range(&bucket.name, list.wanted.prefix, &after, usize::MAX).await?;
    let current = keys.iter().filter_map(|file| visible(file).map(|record| (file.key.as_str(), record)));
    let wanted = Wanted { after: &after, ..list.wanted };
    let page = wanted.page(current, |(key, _)| key);
    Ok(list.document(bucket, &page).answer())
}

/// The newest version, unless it marks the key as deleted.
fn visible(file: &KeyFile) -> Option<&Record> {
    file.versions.first().filter(|record| !matches!(record.kind, Kind::DeleteMarker))
}

/// What the request asks for.
struct List<'a> {
    /// ListObjectsV2.
    is_v2: bool,
    wanted: Wanted<'a>,
    encoding: Encoding,
    /// `marker`, or `start-after` of V2.
    start: &'a str,
    token: Option<&'a str>,
    with_owner: bool,
}

impl<'a> List<'a> {
    fn of(incoming: &'a Incoming) -> Result<Self, OssError> {
        let is_v2 = match incoming.query("list-type") {
            None => false,
            Some("2") => true,
            // The wording is an assumption.
            Some(other) => return Err(OssError::invalid_argument("The list-type must be 2.", "list-type", other)),
        };
        let wanted = Wanted {
            prefix: paging::name(incoming, "prefix")?,
            delimiter: paging::name(incoming, "delimiter")?,
            after: "",
            limit: paging::limit(incoming, "max-keys", DEFAULT_KEYS, 1..=MAX_KEYS)?,
        };
        Ok(Self {
            is_v2,
            wanted,
            encoding: Encoding::of(incoming)?,
            start: paging::name(incoming, if is_v2 { "start-after" } else { "marker" })?,
            token: incoming.query("continuation-token").filter(|token| is_v2 && !token.is_empty()),
            with_owner: !is_v2 || incoming.query("fetch-owner") == Some("true"),
        })
    }

    /// The name that the list goes on after; a token counts more than `start-after`.
    fn after(&self) -> Result<String, OssError> {
        let Some(token) = self.token else { return Ok(self.start.to_owned()) };
        let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|name| String::from_utf8(name).ok());
        // The wording is an assumption.
        let message = "The continuation token provided is incorrect.";
        name.ok_or_else(|| OssError::invalid_argument(message, "continuation-token", token))
    }

    fn document(&self, bucket: &BucketSpec, page: &Page<(&str, &Record)>) -> Xml {
        let Wanted { prefix, delimiter, limit, .. } = self.wanted;
        let encode = |text| self.encoding.apply(text);
        let mut xml = Xml::new("ListBucketResult");
        xml.text("Name", &bucket.name).text("Prefix", &encode(prefix));
        xml.text(if self.is_v2 { "StartAfter" } else { "Marker" }, &encode(self.start));
        xml.text("MaxKeys", &limit.to_string()).text("Delimiter", &encode(delimiter));
        xml.optional("EncodingType", self.encoding.name());
        xml.text("IsTruncated", if page.is_truncated { "true" } else { "false" });
        if self.is_v2 {
            xml.optional("ContinuationToken", self.token).text("KeyCount", &page.entries.len().to_string());
        }
        let last = page.entries.last().filter(|_| page.is_truncated).map(|entry| match entry {
            Entry::Item((key, _)) => key,
            Entry::CommonPrefix(prefix) => prefix.as_str(),
        });
        match last {
            Some(last) if self.is_v2 => xml.text("NextContinuationToken", &URL_SAFE_NO_PAD.encode(last)),
            last => xml.optional("NextMarker", last.map(encode).as_deref()),
        };
        for entry in &page.entries {
            if let Entry::Item((key, record)) = entry {
                xml.element("Contents", |xml| self.contents(xml, bucket, key, record));
            }
        }
        for entry in &page.entries {
            if let Entry::CommonPrefix(prefix) = entry {
                xml.element("CommonPrefixes", |xml| {
                    xml.text("Prefix", &encode(prefix));
                });
            }
        }
        xml
    }

    fn contents(&self, xml: &mut Xml, bucket: &BucketSpec, key: &str, record: &Record) {
        let (etag, kind, size) = match &record.kind {
            Kind::Normal(content) => (content.etag.clone(), content.object_type.name(), content.size),
            // That a link counts no bytes is an assumption.
            Kind::Symlink { target } => (etag_of_link(target), "Symlink", 0),
            Kind::DeleteMarker => return,
        };
        let class = record.attributes.storage_class.unwrap_or(bucket.storage_class);
        xml.text("Key", &self.encoding.apply(key))
            .text("LastModified", &iso_date(record.last_modified))
            .text("ETag", &format!("\"{etag}\""))
            .text("Type", kind)
            .text("Size", &size.to_string())
            .text("StorageClass", class.name());
        if self.with_owner {
            owner(xml, bucket);
        }
    }
}

/// `2012-02-24T08:43:07.000Z`, as documents write dates; OSS counts no fractions.
pub(in crate::simulator) fn iso_date(date: DateTime<Utc>) -> String {
    date.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// The account, whose name is its id.
pub(in crate::simulator) fn owner(xml: &mut Xml, bucket: &BucketSpec) {
    xml.element("Owner", |xml| {
        xml.text("ID", &bucket.owner).text("DisplayName", &bucket.owner);
    });
}
