//! Callbacks: sent signed, with what they are to say, and answered verbatim.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use oss_valet::oss::{
    callback::{Callback, CallbackBodyType, encode_vars},
    callback_signature::UnverifiedCallback,
    presign,
    request::{SignableRequest, SignatureVersion},
};

use crate::{
    harness::{BOTH, BUCKET, DIGITS_CRC, Form, World, header, ok, own, owner, send, text},
    receiver::{GOOD_ANSWER, Receiver, answer},
};

/// Every system variable that a file decides, and one of the client's.
pub(crate) const TEMPLATE: &str = "bucket=${bucket}&object=${object}&etag=${etag}&size=${size}&mimeType=${mimeType}\
    &height=${imageInfo.height}&width=${imageInfo.width}&format=${imageInfo.format}&crc64=${crc64}\
    &contentMd5=${contentMd5}&operation=${operation}&sid=${x:sid}";

pub(crate) fn callback(url: &str) -> Callback {
    Callback { urls: vec![url.to_owned()], body: TEMPLATE.to_owned(), ..Callback::default() }
}

/// A PNG of 3 × 2 pixels, as far as its header goes.
fn png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend_from_slice(&[0, 0, 0, 3, 0, 0, 0, 2, 8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

pub(crate) async fn put_with(world: &World, callback: &Callback, body: &str) -> reqwest::Response {
    let headers = own(&[("x-oss-callback", &callback.encode())]);
    let put = presign::put_object(BUCKET, "called", headers);
    send(world.signed(SignatureVersion::V4, put).body(body.to_owned())).await
}

#[tokio::test]
async fn a_put_calls_back_with_headers_or_query_signed_with_either_version() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let blob = callback(&format!("{}/with%20space?token=a%2Fb", receiver.url())).encode();
    let vars = encode_vars(&own(&[("x:sid", "s 1/2")]));
    for version in BOTH {
        let in_headers = own(&[("x-oss-callback", &blob), ("x-oss-callback-var", &vars)]);
        let by_header = presign::put_object(BUCKET, "a/b", in_headers);
        let mut by_query = presign::put_object(BUCKET, "a/b", vec![]);
        by_query.query = own(&[("callback", &blob), ("callback-var", &vars)]);
        for request in [by_header, by_query] {
            let answer = ok(world.presigned_by(&owner(), version, request).body("123456789")).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(header(&answer, "content-type").as_deref(), Some("application/json"));
            assert_eq!(header(&answer, "etag").as_deref(), Some("\"25F9E794323B453885F5181F1B624D0B\""));
            assert_eq!(text(answer).await, GOOD_ANSWER, "verbatim");
        }
    }
    let requests = receiver.requests();
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert_eq!(request.path, "/callback/with%20space");
        assert_eq!(request.query.as_deref(), Some("token=a%2Fb"));
        assert_eq!(
            request.body,
            "bucket=dev-media&object=a%2Fb&etag=25F9E794323B453885F5181F1B624D0B&size=9\
             &mimeType=application%2Foctet-stream&height=&width=&format=&crc64=11051210869376104954\
             &contentMd5=JfnnlDI7RTiF9RgfG2JNCw%3D%3D&operation=PutObject&sid=s%201%2F2"
        );
    }
}

#[tokio::test]
async fn a_callback_carries_osss_headers_and_verifies_with_the_published_key() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let mut form = Form::new(&world, SignatureVersion::V4, "pic.png", vec![], &[("x:sid", "s-1")]);
    form = form.file("pic.png", Some("image/png"), &png());
    form.set(
        "callback",
        &Callback { host: Some("backend.example.com".to_owned()), ..callback(&receiver.url()) }.encode(),
    );
    let answer = world.post(&form).await;
    assert_eq!(answer.status(), 200);
    let request_id = header(&answer, "x-oss-request-id").expect("a request id");
    let request = receiver.requests().remove(0);
    assert!(request.body.contains("&height=2&width=3&format=png&"), "{}", request.body);
    assert!(request.body.ends_with("&operation=PostObject&sid=s-1"), "{}", request.body);
    let expected = [
        ("host", "backend.example.com"),
        ("user-agent", "aliyun-oss-callback"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("connection", "close"),
        ("x-oss-bucket", BUCKET),
        ("x-oss-request-id", &request_id),
        ("x-oss-signature-version", "1.0"),
        ("x-oss-tag", "CALLBACK"),
        ("x-oss-additional-headers", ""),
        ("x-oss-pub-key-url", &STANDARD.encode(&world.key_url)),
    ];
    for (name, value) in expected {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert_eq!((request.method.as_str(), request.version.as_str()), ("POST", "HTTP/1.1"));
    assert_eq!(request.header("content-md5"), Some(STANDARD.encode(Md5::digest(&request.body)).as_str()));
    assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
    assert_eq!(request.header("x-oss-owner"), request.header("x-oss-requester"));
    assert_eq!(request.header("authorization").map(str::len), Some(88), "512 bits in Base64");
    let keys = world.trusted_keys();
    let unverified = UnverifiedCallback::parse(request.as_callback()).expect("well-formed");
    assert!(unverified.verify(&keys, &[]).is_ok());
    let mut changed = request.clone();
    changed.body.push('x');
    let unverified = UnverifiedCallback::parse(changed.as_callback()).expect("well-formed");
    assert!(unverified.verify(&keys, &[]).is_err());
}

#[tokio::test]
async fn a_json_callback_is_json() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let callback = Callback {
        body: r#"{"object":${object},"size":${size},"sid":${x:sid}}"#.to_owned(),
        body_type: CallbackBodyType::Json,
        ..callback(&receiver.url())
    };
    assert_eq!(put_with(&world, &callback, "123456789").await.status(), 200);
    let request = receiver.requests().remove(0);
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.body, r#"{"object":"called","size":9,"sid":null}"#);
}

/// Every system variable that OSS knows, in both types.
const FORM_OF_ALL: &str = "b=${bucket}&o=${object}&e=${etag}&s=${size}&t=${mimeType}&h=${imageInfo.height}\
    &w=${imageInfo.width}&f=${imageInfo.format}&c=${crc64}&m=${contentMd5}&v=${vpcId}&i=${clientIp}&r=${reqId}\
    &p=${operation}&x=${x:a}&n=${x:none}&u=${unknown}&k=constant +%20\u{4e2d}&q=%24%7Bobject%7D";
const JSON_OF_ALL: &str = r#"{"b":${bucket},"o":${object},"e":${etag},"s":${size},"t":${mimeType},"h":${imageInfo.height},"w":${imageInfo.width},"f":${imageInfo.format},"c":${crc64},"m":${contentMd5},"v":${vpcId},"i":${clientIp},"r":${reqId},"p":${operation},"x":${x:a},"n":${x:none},"u":${unknown},"q":"%24%7Bobject%7D"}"#;

/// What the template of all becomes. Without `image`: no image. The MD5 is Put's and Post's alone.
struct Expected<'a> {
    object: &'a str,
    etag: &'a str,
    size: usize,
    mime_type: &'a str,
    image: bool,
    crc64: &'a str,
    md5: Option<&'a str>,
    operation: &'a str,
}

impl Expected<'_> {
    fn form(&self, request_id: &str) -> String {
        let encoded = |text: &str| text.replace('/', "%2F").replace('=', "%3D").replace('+', "%2B");
        let (h, w, f) = if self.image { ("2", "3", "png") } else { ("", "", "") };
        format!(
            "b={BUCKET}&o={}&e={}&s={}&t={}&h={h}&w={w}&f={f}&c={}&m={}&v=&i=127.0.0.1&r={request_id}&p={}&x=1%2B1&n=&u=\
             &k=constant +%20\u{4e2d}&q=%24%7Bobject%7D",
            encoded(self.object),
            self.etag,
            self.size,
            encoded(self.mime_type),
            self.crc64,
            encoded(self.md5.unwrap_or_default()),
            self.operation
        )
    }

    fn json(&self, request_id: &str) -> String {
        let (h, w, f) = if self.image { ("2", "3", r#""png""#) } else { ("", "", "null") };
        let md5 = self.md5.map_or("null".to_owned(), |md5| format!("\"{md5}\""));
        format!(
            r#"{{"b":"{BUCKET}","o":"{}","e":"{}","s":{},"t":"{}","h":{h},"w":{w},"f":{f},"c":"{}","m":{md5},"v":null,"i":"127.0.0.1","r":"{request_id}","p":"{}","x":"1+1","n":null,"u":null,"q":"%24%7Bobject%7D"}}"#,
            self.object, self.etag, self.size, self.mime_type, self.crc64, self.operation
        )
    }
}

/// Both templates, and a check of what arrived last.
async fn all_variables(world: &World, upload: impl AsyncFn(&str, &str) -> reqwest::Response, expected: &Expected<'_>) {
    let vars = encode_vars(&own(&[("x:a", "1+1")]));
    for body_type in [CallbackBodyType::Form, CallbackBodyType::Json] {
        let receiver = Receiver::good().await;
        let template = if body_type == CallbackBodyType::Form { FORM_OF_ALL } else { JSON_OF_ALL };
        let order = Callback { body: template.to_owned(), body_type, ..callback(&receiver.url()) };
        let answer = upload(&order.encode(), &vars).await;
        assert_eq!(answer.status(), 200, "{} {body_type:?}", expected.operation);
        let request_id = header(&answer, "x-oss-request-id").expect("a request id");
        assert_eq!(text(answer).await, GOOD_ANSWER);
        let request = receiver.requests().remove(0);
        assert_eq!(request.header("content-type"), Some(body_type.as_str()));
        let body = match body_type {
            CallbackBodyType::Form => expected.form(&request_id),
            CallbackBodyType::Json => expected.json(&request_id),
        };
        assert_eq!(request.body, body, "{}", expected.operation);
        let unverified = UnverifiedCallback::parse(request.as_callback()).expect("well-formed");
        assert!(unverified.verify(&world.trusted_keys(), &[]).is_ok(), "broken JSON is signed all the same");
    }
}

#[tokio::test]
async fn every_variable_of_a_put_and_a_post() {
    let world = World::new().await;
    let digits = |operation| Expected {
        object: "dir/a.bin",
        etag: "25F9E794323B453885F5181F1B624D0B",
        size: 9,
        mime_type: "a/b+c",
        image: false,
        crc64: DIGITS_CRC,
        md5: Some("JfnnlDI7RTiF9RgfG2JNCw=="),
        operation,
    };
    let put = async |blob: &str, vars: &str| {
        let headers = own(&[("content-type", "a/b+c"), ("x-oss-callback", blob), ("x-oss-callback-var", vars)]);
        let put = presign::put_object(BUCKET, "dir/a.bin", headers);
        send(world.signed(SignatureVersion::V4, put).body("123456789")).await
    };
    all_variables(&world, put, &digits("PutObject")).await;
    let post = async |blob: &str, _: &str| {
        let fields = [("callback", blob), ("x:a", "1+1"), ("x-oss-content-type", "a/b+c")];
        world.post(&Form::new(&world, SignatureVersion::V4, "dir/a.bin", vec![], &fields)).await
    };
    all_variables(&world, post, &digits("PostObject")).await;
}

#[tokio::test]
async fn every_variable_of_an_image_completed_from_parts() {
    let world = World::new().await;
    let image = png();
    let part_md5 = Md5::digest(&image);
    let etag = format!("{}-1", hex::encode_upper(Md5::digest(part_md5)));
    world.store("same.png", "x").await;
    let as_put =
        ok(world.signed(SignatureVersion::V4, presign::put_object(BUCKET, "same", vec![])).body(image.clone())).await;
    let crc64 = header(&as_put, "x-oss-hash-crc64ecma").expect("a CRC");
    let expected = Expected {
        object: "pic.png",
        etag: &etag,
        size: image.len(),
        mime_type: "image/png",
        image: true,
        crc64: &crc64,
        md5: None,
        operation: "CompleteMultipartUpload",
    };
    let complete = async |blob: &str, vars: &str| {
        let mut initiate = SignableRequest::object("POST", BUCKET, "pic.png");
        initiate.headers = own(&[("content-type", "image/png")]);
        initiate.query = own(&[("uploads", "")]);
        let xml = text(ok(world.signed(SignatureVersion::V4, initiate)).await).await;
        let id = xml.split("<UploadId>").nth(1).and_then(|rest| rest.split('<').next()).expect("an id").to_owned();
        let mut part = SignableRequest::object("PUT", BUCKET, "pic.png");
        part.query = own(&[("partNumber", "1"), ("uploadId", &id)]);
        ok(world.signed(SignatureVersion::V4, part).body(image.clone())).await;
        let mut complete = SignableRequest::object("POST", BUCKET, "pic.png");
        complete.query = own(&[("uploadId", &id)]);
        complete.headers =
            own(&[("x-oss-callback", blob), ("x-oss-callback-var", vars), ("x-oss-complete-all", "yes")]);
        send(world.signed(SignatureVersion::V4, complete)).await
    };
    all_variables(&world, complete, &expected).await;
}

#[tokio::test]
async fn additional_headers_are_sent_and_listed() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let additional_headers = own(&[("key1", "val1"), ("x-tenant", "a b")]);
    let order = Callback { additional_headers, ..callback(&receiver.url()) };
    assert_eq!(put_with(&world, &order, "x").await.status(), 200);
    let request = receiver.requests().remove(0);
    assert_eq!((request.header("key1"), request.header("x-tenant")), (Some("val1"), Some("a b")));
    assert_eq!(request.header("x-oss-additional-headers"), Some("key1;x-tenant"));
    let unverified = UnverifiedCallback::parse(request.as_callback()).expect("well-formed");
    assert!(unverified.verify(&world.trusted_keys(), &[]).is_ok(), "they are not signed");
}

#[tokio::test]
async fn a_name_and_no_scheme_will_do_and_the_host_is_the_names() {
    let known = [("backend.example.com".to_owned(), "127.0.0.1".parse().expect("an address"))];
    let world = World::with(|settings| settings.callback_hosts = known.into()).await;
    let receiver = Receiver::good().await;
    let port = receiver.address.rsplit(':').next().expect("a port").to_owned();
    let order = callback(&format!("Backend.example.com:{port}"));
    assert_eq!(put_with(&world, &order, "x").await.status(), 200);
    let request = receiver.requests().remove(0);
    assert_eq!(request.header("host"), Some(format!("backend.example.com:{port}").as_str()));
    assert_eq!(request.path, "/");
}

#[tokio::test]
async fn only_put_post_and_complete_call_back() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let headers = own(&[("x-oss-callback", &callback(&receiver.url()).encode())]);
    let mut initiate = SignableRequest::object("POST", BUCKET, "a");
    initiate.query = own(&[("uploads", "")]);
    initiate.headers.clone_from(&headers);
    let xml = text(ok(world.signed(SignatureVersion::V4, initiate)).await).await;
    let id = xml.split("<UploadId>").nth(1).and_then(|rest| rest.split('<').next()).expect("an id").to_owned();
    let mut part = SignableRequest::object("PUT", BUCKET, "a");
    part.query = own(&[("partNumber", "1"), ("uploadId", &id)]);
    part.headers = headers;
    ok(world.signed(SignatureVersion::V4, part).body("x")).await;
    assert_eq!(receiver.requests().len(), 0);
}

#[tokio::test]
async fn a_callback_without_a_url_is_none() {
    let world = World::new().await;
    for json in ["{}", r#"{"callbackUrl":""}"#, r#"{"callbackUrl":"","callbackBody":"a","signatureVersion":"9"}"#] {
        let put = presign::put_object(BUCKET, "a", own(&[("x-oss-callback", &STANDARD.encode(json))]));
        let answer = ok(world.signed(SignatureVersion::V4, put).body("x")).await;
        assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, ""), "{json}");
    }
}

#[tokio::test]
async fn the_urls_are_tried_in_order_until_one_succeeds() {
    let world = World::new().await;
    let broken = Receiver::answering(answer("500 Oops", "Content-Length: 0\r\n", "")).await;
    let good = Receiver::good().await;
    let never = Receiver::good().await;
    let urls = vec!["http://127.0.0.1:1/".to_owned(), broken.url(), good.address.clone(), never.url()];
    let answer = put_with(&world, &Callback { urls, ..callback("") }, "x").await;
    assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, GOOD_ANSWER));
    assert_eq!((broken.requests().len(), good.requests().len(), never.requests().len()), (1, 1, 0));
}
