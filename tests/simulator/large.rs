//! Objects too large to be held: sent to the real binary and read back as they are made, never as a whole.
//!
//! Shared by the memory test and by `cargo bench --bench simulator -- --bytes N`; so it knows of neither.

use std::{
    fmt,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use crc::{CRC_64_XZ, Crc, Table};
use futures_util::{StreamExt, stream};
use md5::{Digest, Md5};
use oss_valet::{
    clock::{Clock, SystemClock},
    oss::{
        access_key::AccessKey,
        endpoint::{AddressingStyle, Endpoint},
        post_form,
        post_policy::{Condition, PostPolicy},
        presign::{self, SigningContext},
        request::{SignableRequest, SignatureVersion},
        xml::Element,
    },
};
use reqwest::{Body, Client, Method, RequestBuilder, Response};

pub(crate) const BUCKET: &str = "dev-media";
const REGION: &str = "cn-hangzhou";
const MIB: u64 = 1024 * 1024;
/// Small enough for many, large enough to be streamed.
const PART_BYTES: u64 = 16 * MIB;

/// Around the fields and the file of a form.
pub(crate) const FORM_TYPE: &str = "multipart/form-data; boundary=----oss-valet-large";
const FORM_PART: &str = "------oss-valet-large\r\nContent-Disposition: form-data";
pub(crate) const FORM_TAIL: &str = "\r\n------oss-valet-large--\r\n";

static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// A way for bytes to get into a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    PutObject,
    PostObject,
    Multipart,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::PutObject, Self::PostObject, Self::Multipart];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

/// So many bytes of the pattern, and what they come to.
#[derive(Debug, Clone)]
pub(crate) struct Large {
    size: u64,
    md5: [u8; 16],
    crc64: u64,
}

impl Large {
    pub(crate) fn new(size: u64) -> Self {
        let (mut md5, mut crc) = (Md5::new(), CRC64.digest());
        for chunk in pattern(0, size) {
            md5.update(&chunk);
            crc.update(&chunk);
        }
        Self { size, md5: md5.finalize().into(), crc64: crc.finalize() }
    }

    /// Reads the answer to its end, and insists that it is the pattern, byte by byte.
    async fn assert_read(&self, answer: Response) {
        let mut chunks = answer.bytes_stream();
        let (mut rest, mut read) = (Bytes::new(), 0);
        for mut expected in pattern(0, self.size) {
            while !expected.is_empty() {
                if rest.is_empty() {
                    rest = chunks.next().await.expect("more bytes").expect("an answer that does not break off");
                }
                let length = rest.len().min(expected.len());
                assert!(rest.split_to(length) == expected.split_to(length), "another content at {read}");
                read += length;
            }
        }
        assert!(rest.is_empty() && chunks.next().await.is_none(), "more than was sent");
    }
}

/// Bytes `from..to` of an endless pattern in which no two mebibytes are alike.
fn pattern(from: u64, to: u64) -> impl Iterator<Item = Bytes> + Send + Sync + 'static {
    assert!(from.is_multiple_of(MIB), "parts begin at whole mebibytes");
    let block: Arc<[u8]> = (0..MIB).map(|at| (at * 7 + (at >> 8) * 31).to_le_bytes()[0]).collect();
    (from / MIB..to.div_ceil(MIB)).map(move |index| {
        let mut bytes = block.to_vec();
        bytes[..8].copy_from_slice(&index.to_le_bytes());
        bytes.truncate(usize::try_from((to - index * MIB).min(MIB)).expect("a mebibyte"));
        Bytes::from(bytes)
    })
}

/// The simulator as its users start it, in a process of its own. Dropped, it is killed in the middle of whatever it does.
pub(crate) struct Process {
    child: Child,
    url: String,
    endpoint: Endpoint,
    key: AccessKey,
    client: Client,
}

impl Process {
    /// Starts `command simulator` with its data in `data`, and waits until it is ready.
    pub(crate) fn start(mut command: Command, data: &Path, options: &[&str]) -> Self {
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let key = AccessKey::new("LTAI5tLarge", "large-secret");
        let mut child = command
            .args(["simulator", "--listen", "127.0.0.1:0", "--bucket", BUCKET, "--region", REGION])
            .args(["--access-key-id", key.id(), "--access-key-secret", key.expose_secret(), "--data"])
            .arg(data)
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let url = ready["url"].as_str().expect("a URL").to_owned();
        let endpoint = Endpoint::parse(&url, AddressingStyle::Path).expect("an endpoint");
        Self { child, url, endpoint, key, client: Client::builder().no_proxy().build().expect("a client") }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn context(&self) -> SigningContext<'_> {
        SigningContext {
            version: SignatureVersion::V4,
            endpoint: &self.endpoint,
            region: REGION,
            key: &self.key,
            signing_key: None,
            now: SystemClock.now(),
        }
    }

    /// Signed in the header.
    pub(crate) fn signed(&self, request: SignableRequest) -> RequestBuilder {
        let signed = presign::sign_headers(request, &[], &self.context());
        let method = Method::from_bytes(signed.method.as_bytes()).expect("a method");
        let headers = signed.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
        headers.fold(self.client.request(method, &signed.url), |request, (name, value)| request.header(name, value))
    }

    /// Sends it there, reads it back, and insists that nothing got lost on the way.
    pub(crate) async fn round_trip(&self, way: Way, large: &Large) {
        let (key, size) = (format!("large/{way}"), large.size);
        let sent = match way {
            Way::PutObject => {
                let put = self.signed(presign::put_object(BUCKET, &key, vec![])).header("content-length", size);
                ok(put.body(body(pattern(0, size)))).await
            }
            Way::PostObject => ok(self.form(&key, size)).await,
            Way::Multipart => self.multipart(&key, size).await,
        };
        let etag = header(&sent, "etag");
        match way {
            Way::Multipart => assert!(etag.ends_with(&format!("-{}\"", size.div_ceil(PART_BYTES))), "{etag}"),
            Way::PutObject | Way::PostObject => assert_eq!(etag, format!("\"{}\"", hex::encode_upper(large.md5))),
        }
        let read = ok(self.signed(presign::get_object(BUCKET, &key))).await;
        for answer in [&sent, &read] {
            assert_eq!(header(answer, "x-oss-hash-crc64ecma"), large.crc64.to_string(), "{way}");
            assert_eq!(header(answer, "etag"), etag, "{way}");
        }
        large.assert_read(read).await;
    }

    fn form(&self, key: &str, size: u64) -> RequestBuilder {
        let head = self.form_head(key, &[]);
        let length = (head.len() + FORM_TAIL.len()) as u64 + size;
        let around = |text: String| std::iter::once(Bytes::from(text));
        let post = self.client().post(format!("{}/{BUCKET}/", self.url())).header("content-length", length);
        let chunks = around(head).chain(pattern(0, size)).chain(around(FORM_TAIL.to_owned()));
        post.header("content-type", FORM_TYPE).body(body(chunks))
    }

    /// A form up to the bytes of its file; its policy pins the key and all of `fields`.
    pub(crate) fn form_head(&self, key: &str, fields: &[(&str, &str)]) -> String {
        let context = self.context();
        let given = [&[("bucket", BUCKET), ("key", key)], fields].concat();
        let given = given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let pinned = given.clone().chain(post_form::signature_conditions(&context));
        let conditions = pinned.map(|(name, value)| Condition::Simple(name, value)).collect();
        let policy = PostPolicy { expiration: context.now + chrono::TimeDelta::hours(1), conditions };
        let fields = given.skip(1).chain(post_form::signature_fields(&policy, &context));
        let part = |(name, value)| format!("{FORM_PART}; name=\"{name}\"\r\n\r\n{value}\r\n");
        let fields: String = fields.map(part).collect();
        format!("{fields}{FORM_PART}; name=\"file\"; filename=\"large\"\r\n\r\n")
    }

    async fn multipart(&self, key: &str, size: u64) -> Response {
        let initiated = ok(self.signed(presign::initiate_multipart_upload(BUCKET, key, vec![]))).await;
        let xml = Element::parse(&initiated.text().await.expect("a body")).expect("XML");
        let id = xml.child_text("UploadId").expect("an id");
        for (number, from) in (1..).zip((0..size).step_by(usize::try_from(PART_BYTES).expect("megabytes"))) {
            let to = size.min(from + PART_BYTES);
            let part = self.signed(presign::upload_part(BUCKET, key, id, number));
            ok(part.header("content-length", to - from).body(body(pattern(from, to)))).await;
        }
        let all = vec![("x-oss-complete-all".to_owned(), "yes".to_owned())];
        ok(self.signed(presign::complete_multipart_upload(BUCKET, key, id, all))).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

fn body(chunks: impl Iterator<Item = Bytes> + Send + Sync + 'static) -> Body {
    Body::wrap_stream(stream::iter(chunks.map(Ok::<_, std::io::Error>)))
}

async fn ok(request: RequestBuilder) -> Response {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    if status.is_success() {
        return response;
    }
    panic!("refused: {status} {}", response.text().await.unwrap_or_default());
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).expect(name).to_str().expect("text").to_owned()
}
