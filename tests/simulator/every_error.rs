//! The codes that the simulator can answer with, by one request each: status, message, EC, and the elements in their order.
//! What is not here must be expected, with its status, by a test of its own topic.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use oss_valet::oss::{
    access_key::AccessKey,
    callback::Callback,
    post_policy::Condition,
    presign,
    request::{SignableRequest, SignatureVersion},
};
use reqwest::Response;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    error_codes::{codes_expected_elsewhere, constructed_codes},
    harness::{BUCKET, Form, World, header, ok, own, owner, refusal, send, session, text, uploader},
    sts_calls,
};

/// Notes which codes were seen.
pub(crate) struct Table {
    pub(crate) world: World,
    pub(crate) seen: BTreeSet<String>,
}

/// What a refusal must be. A detail's `*` is any value.
pub(crate) struct Expected<'a> {
    pub(crate) summary: &'a str,
    pub(crate) message: &'a str,
    pub(crate) ec: Option<&'a str>,
    pub(crate) details: &'a [(&'a str, &'a str)],
}

impl Table {
    pub(crate) async fn expect(&mut self, answer: Response, expected: Expected<'_>) {
        let Expected { summary, message, ec, details } = expected;
        let request_id = header(&answer, "x-oss-request-id");
        let ec_header = header(&answer, "x-oss-ec");
        let refused = refusal(answer).await;
        let document = &refused.document;
        assert_eq!(refused.summary(), summary, "{message}");
        assert_eq!(document.message, message);
        assert_eq!((document.ec.as_deref(), ec_header.as_deref()), (ec, ec), "{message}");
        assert_eq!(Some(&document.request_id), request_id.as_ref(), "{message}");
        assert!(!document.host_id.is_empty(), "{message}");
        let recommended = ec.map(|ec| format!("https://api.aliyun.com/troubleshoot?q={ec}"));
        let recommended = recommended.as_deref().map(|url| ("RecommendDoc", url));
        let all: Vec<_> = details.iter().copied().chain(recommended).collect();
        let names = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
        let found: Vec<_> = document.details.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(names(&found), names(&all), "{message}");
        for ((name, value), (_, wanted)) in found.iter().zip(all) {
            assert!(wanted == "*" || *value == wanted, "{message}: {name} is {value}, not {wanted}");
        }
        self.seen.insert(document.code.clone());
    }

    pub(crate) fn signed(&self, request: SignableRequest) -> reqwest::RequestBuilder {
        self.world.signed(SignatureVersion::V4, request)
    }

    pub(crate) async fn put(&self, key: &str, headers: &[(&str, &str)]) -> Response {
        send(self.signed(presign::put_object(BUCKET, key, own(headers))).body("hello")).await
    }

    async fn post(&self, conditions: Vec<Condition>, change: impl FnOnce(&mut Form)) -> Response {
        let mut form = Form::new(&self.world, SignatureVersion::V4, "a", conditions, &[]);
        change(&mut form);
        self.world.post(&form).await
    }

    async fn fault(&self, action: serde_json::Value) -> Response {
        let rules = json!([{"do": action}]).to_string();
        ok(self.world.client.put(format!("{}/-/faults", self.world.url)).body(rules)).await;
        self.put("a", &[]).await
    }
}

pub(crate) fn plain<'a>(summary: &'a str, message: &'a str, details: &'a [(&'a str, &'a str)]) -> Expected<'a> {
    Expected { summary, message, ec: None, details }
}

#[tokio::test]
async fn every_code_is_answered_in_osss_words() {
    let mut table = Table { world: sts_calls::world().await, seen: BTreeSet::new() };
    table.world.store("there", "123456789").await;
    signatures(&mut table).await;
    times(&mut table).await;
    sessions(&mut table).await;
    names(&mut table).await;
    bodies(&mut table).await;
    forms(&mut table).await;
    policies(&mut table).await;
    parts(&mut table).await;
    callbacks(&mut table).await;
    server(&mut table).await;
    let constructed = constructed_codes();
    assert!(constructed.len() > 20, "the search has found its words: {constructed:?}");
    let elsewhere = codes_expected_elsewhere();
    let forgotten: Vec<_> =
        constructed.iter().filter(|code| !table.seen.contains(*code) && !elsewhere.contains(*code)).collect();
    assert!(forgotten.is_empty(), "no test expects these; give them a request here: {forgotten:?}");
}

async fn signatures(table: &mut Table) {
    let get = || presign::get_object(BUCKET, "there");
    let by = |key: &AccessKey, world: &World| world.signed_by(key, SignatureVersion::V4, get());
    let unknown = send(by(&AccessKey::new("LTAI5tNobody", "s"), &table.world)).await;
    let message = "The OSS Access Key Id you provided does not exist in our records.";
    let details = &[("OSSAccessKeyId", "LTAI5tNobody")];
    table
        .expect(unknown, Expected { summary: "403 InvalidAccessKeyId", message, ec: Some("0002-00000902"), details })
        .await;
    let message = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    let impostor = AccessKey::new(owner().id(), "another secret");
    for version in [SignatureVersion::V1, SignatureVersion::V4] {
        let context = table.world.context(version, &impostor);
        let in_header = presign::sign_headers(get(), &[], &context);
        let in_query = presign::presign(get(), &[], 600, &context).expect("ten minutes");
        for signed in [in_header, in_query] {
            let bytes: Vec<_> = signed.string_to_sign.bytes().map(|byte| format!("{byte:02X}")).collect();
            let bytes = bytes.join(" ");
            let mut details = vec![
                ("OSSAccessKeyId", owner().id().to_owned()),
                ("SignatureProvided", signed.signature.clone()),
                ("StringToSign", signed.string_to_sign.clone()),
                ("StringToSignBytes", bytes),
            ];
            details.extend(signed.canonical_request.clone().map(|text| ("CanonicalRequest", text)));
            let details: Vec<_> = details.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = send(table.world.request(&signed)).await;
            let expected = Expected {
                summary: "403 SignatureDoesNotMatch",
                message,
                ec: Some("0002-00000040"),
                details: &details,
            };
            table.expect(answer, expected).await;
        }
        let form = Form::signed_by(&impostor, &table.world, version, "a", vec![], &[]);
        let policy = form.fields.iter().find(|(name, _)| name == "policy").expect("a policy").1.clone();
        let details = &[
            ("OSSAccessKeyId", owner_id()),
            ("SignatureProvided", "*"),
            ("StringToSign", &policy),
            ("StringToSignBytes", "*"),
        ];
        let expected = Expected { summary: "403 SignatureDoesNotMatch", message, ec: Some("0002-00000040"), details };
        let answer = table.world.post(&form).await;
        table.expect(answer, expected).await;
    }
    let wrong_token = AccessKey::new(session().id(), session().expose_secret()).with_security_token("old");
    let refused = refusal(send(by(&wrong_token, &table.world)).await).await;
    assert_eq!(refused.document.message, "The security token you provided is invalid.");
    table.seen.insert(refused.document.code);
    let url = table.world.presigned_by(&owner(), SignatureVersion::V1, get());
    let answer = send(url.header("x-oss-security-token", "TOKEN+/=")).await;
    let message = "Security-token must be provided by query string parameter.";
    table.expect(answer, plain("400 InvalidRequest", message, &[])).await;
    let refused = refusal(send(by(&uploader(), &table.world)).await).await;
    assert_eq!(refused.summary(), "403 AccessDenied");
    let anonymous = send(table.world.client.get(format!("{}/{BUCKET}/there", table.world.url))).await;
    let message = "You have no right to access this object because of bucket acl.";
    let expected = Expected { summary: "403 AccessDenied", message, ec: Some("0003-00000001"), details: &[] };
    table.expect(anonymous, expected).await;
}

fn owner_id() -> &'static str {
    "LTAI5tOwner"
}

async fn times(table: &mut Table) {
    let get = presign::get_object(BUCKET, "there");
    for version in [SignatureVersion::V1, SignatureVersion::V4] {
        let in_header = table.world.signed(version, get.clone());
        let in_query = table.world.presigned_by(&owner(), version, get.clone());
        table.world.clock.advance(TimeDelta::minutes(16));
        let details = &[
            ("MaxAllowedSkewMilliseconds", "900000"),
            ("RequestTime", "2026-01-01T00:00:00.000Z"),
            ("ServerTime", "2026-01-01T00:16:00.000Z"),
        ];
        let message = "The difference between the request time and the current time is too large.";
        let expected = Expected { summary: "403 RequestTimeTooSkewed", message, ec: Some("0002-00000504"), details };
        table.expect(send(in_header).await, expected).await;
        let details = &[("Expires", "2026-01-01T00:10:00.000Z"), ("ServerTime", "2026-01-01T00:16:00.000Z")];
        let message = "Request has expired.";
        let expected = Expected { summary: "403 AccessDenied", message, ec: Some("0002-00000069"), details };
        table.expect(send(in_query).await, expected).await;
        table.world.clock.advance(TimeDelta::minutes(-16));
    }
}

async fn sessions(table: &mut Table) {
    let key = sts_calls::key_of(&sts_calls::call(&table.world, "n1", sts_calls::assume_role(&[])).await);
    table.world.clock.advance(TimeDelta::hours(1));
    let get = presign::get_object(BUCKET, "there");
    let answer = send(table.world.signed_by(&key, SignatureVersion::V4, get)).await;
    let message = "The security token you provided has expired.";
    let expected = Expected { summary: "403 SecurityTokenExpired", message, ec: Some("0002-00000007"), details: &[] };
    table.expect(answer, expected).await;
    table.world.clock.advance(TimeDelta::hours(-1));
}

async fn names(table: &mut Table) {
    let get = |bucket: &str, key: &str| presign::get_object(bucket, key);
    let answer = send(table.signed(get("no-such-bucket", "a"))).await;
    let (message, details) = ("The specified bucket does not exist.", &[("BucketName", "no-such-bucket")]);
    table.expect(answer, Expected { summary: "404 NoSuchBucket", message, ec: Some("0015-00000101"), details }).await;
    let answer = send(table.signed(get("No_Bucket", "a"))).await;
    let details = &[("BucketName", "No_Bucket")];
    table.expect(answer, plain("400 InvalidBucketName", "The specified bucket is not valid.", details)).await;
    for request in [get(BUCKET, "none"), presign::head_object(BUCKET, "none")] {
        let answer = send(table.signed(request)).await;
        let (message, details) = ("The specified key does not exist.", &[("Key", "none")]);
        table.expect(answer, Expected { summary: "404 NoSuchKey", message, ec: Some("0026-00000001"), details }).await;
    }
    let long = "k".repeat(1024);
    for (key, message) in
        [("/a", "The specified object is not valid."), (&long, "The Length of Object name must be less than 1024.")]
    {
        let answer = table.put(key, &[]).await;
        table.expect(answer, plain("400 InvalidObjectName", message, &[("ObjectName", key)])).await;
    }
    let mut broken = SignableRequest::object("PUT", BUCKET, "link");
    broken.query = own(&[("symlink", "")]);
    broken.headers = own(&[("x-oss-symlink-target", "nowhere")]);
    ok(table.signed(broken)).await;
    let answer = send(table.signed(get(BUCKET, "link"))).await;
    let message = "The symlink target object does not exist.";
    let expected = Expected { summary: "404 SymlinkTargetNotExist", message, ec: Some("0026-00000002"), details: &[] };
    table.expect(answer, expected).await;
    let mut range = get(BUCKET, "there");
    range.headers = own(&[("range", "bytes=9-"), ("x-oss-range-behavior", "standard")]);
    let answer = send(table.signed(range)).await;
    table.expect(answer, plain("416 InvalidRange", "The requested range cannot be satisfied", &[])).await;
    let mut link = SignableRequest::object("GET", BUCKET, "there");
    link.query = own(&[("symlink", "")]);
    let answer = send(table.signed(link)).await;
    table.expect(answer, plain("400 NotSymlink", "The object is not symlink.", &[])).await;
    let answer = send(table.signed(SignableRequest::object("PATCH", BUCKET, "a"))).await;
    let message = "The specified method is not allowed against this resource.";
    table.expect(answer, plain("405 MethodNotAllowed", message, &[("Method", "PATCH")])).await;
    let mut restore = SignableRequest::object("POST", BUCKET, "there");
    restore.query = own(&[("restore", "")]);
    let answer = send(table.signed(restore)).await;
    let message = "A header you provided implies functionality that is not implemented.";
    table.expect(answer, plain("501 NotImplemented", message, &[("Feature", "restore")])).await;
}

/// Sends bytes, and reads until the simulator hangs up.
async fn raw(host: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(host).await.expect("a connection");
    stream.write_all(bytes).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

async fn bodies(table: &mut Table) {
    let answer = table.put("there", &[("x-oss-forbid-overwrite", "true")]).await;
    let message = "The object you specified already exists and can not be overwritten.";
    let expected = Expected { summary: "409 FileAlreadyExists", message, ec: Some("0026-00000101"), details: &[] };
    table.expect(answer, expected).await;
    let answer = table.put("a", &[("Content-MD5", "?")]).await;
    let message = "The Content-MD5 you specified was invalid.";
    table.expect(answer, plain("400 InvalidDigest", message, &[("Content-MD5", "?")])).await;
    let answer = table.put("a", &[("x-oss-object-acl", "secret")]).await;
    let details = &[("ArgumentName", "x-oss-object-acl"), ("ArgumentValue", "secret")];
    table.expect(answer, plain("400 InvalidArgument", "no such object access control exists", details)).await;
    let put = presign::sign_headers(
        presign::put_object(BUCKET, "a", vec![]),
        &[],
        &table.world.context(SignatureVersion::V4, &owner()),
    );
    let lines: String = put
        .headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
        .fold(String::new(), |lines, (name, value)| format!("{lines}{name}: {value}\r\n"));
    let host = table.world.url.trim_start_matches("http://").to_owned();
    let head = format!("PUT /{BUCKET}/a HTTP/1.1\r\nHost: {host}\r\n{lines}Connection: close\r\n\r\n");
    let answer = raw(&host, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    assert!(answer.contains("<Code>MissingContentLength</Code>"), "{answer}");
    assert!(answer.contains("<Message>You must provide the Content-Length HTTP header.</Message>"), "{answer}");
    table.seen.insert("MissingContentLength".to_owned());
    // Half a body can't be answered to who has gone: `streams` tests that it leaves nothing behind.
    table.seen.insert("IncompleteBody".to_owned());
    let origin = table.world.client.request(reqwest::Method::OPTIONS, format!("{}/{BUCKET}/a", table.world.url));
    let message = "Insufficient information. Origin request header needed.";
    table.expect(send(origin).await, plain("400 BadRequest", message, &[])).await;
}

async fn forms(table: &mut Table) {
    let url = format!("{}/{BUCKET}", table.world.url);
    let answer = send(table.world.client.post(&url).header("content-type", "text/plain").body("x")).await;
    let message = "Bucket POST must be of the enclosure-type multipart/form-data.";
    table.expect(answer, plain("400 RequestIsNotMultiPartContent", message, &[])).await;
    let broken = table.world.client.post(&url).header("content-type", "multipart/form-data; boundary=b").body("x");
    let message = "The body of your POST request is not well-formed multipart/form-data.";
    table.expect(send(broken).await, plain("400 MalformedPOSTRequest", message, &[])).await;
    let answer = table.post(vec![], |form| form.file = None).await;
    let message = "POST requires exactly one file upload per request.";
    table.expect(answer, plain("400 IncorrectNumberOfFilesInPOSTRequest", message, &[])).await;
    let answer = table.post(vec![], |form| form.set("n", &"x".repeat(4097))).await;
    let message = "Your field item in the form is too long.";
    table.expect(answer, plain("400 FieldItemTooLong", message, &[("FieldName", "n")])).await;
    let answer =
        table.post(vec![], |form| form.fields.extend((0..520).map(|n| (format!("n{n}"), "v".repeat(4096))))).await;
    let message = "Your POST request fields preceding the upload file were too large.";
    table.expect(answer, plain("400 MaxPOSTPreDataLengthExceededError", message, &[])).await;
    let answer = table.post(vec![], |form| form.fields.retain(|(name, _)| name != "key")).await;
    let message =
        "The bucket POST must contain the specified 'key'. If it is specified, please check the order of the fields";
    let details = &[("ArgumentName", "key"), ("ArgumentValue", "")];
    table.expect(answer, plain("400 InvalidArgument", message, details)).await;
}

async fn policies(table: &mut Table) {
    let answer = table.post(vec![Condition::ContentLengthRange(1, 8)], |_| ()).await;
    let message = "Your proposed upload exceeds the maximum allowed size.";
    table.expect(answer, plain("400 EntityTooLarge", message, &[])).await;
    let answer = table.post(vec![Condition::ContentLengthRange(10, 20)], |_| ()).await;
    let message = "Your proposed upload smaller than the minimum allowed size.";
    table.expect(answer, plain("400 EntityTooSmall", message, &[])).await;
    let prefix = Condition::StartsWith("key".to_owned(), "user/eric/".to_owned());
    let answer = table.post(vec![prefix], |_| ()).await;
    let message = r#"Invalid according to Policy: Policy Condition failed: ["starts-with", "$key", "user/eric/"]"#;
    table.expect(answer, plain("403 AccessDenied", message, &[])).await;
    let old = Form::new(&table.world, SignatureVersion::V1, "a", vec![], &[]);
    table.world.clock.advance(TimeDelta::hours(1));
    let answer = table.world.post(&old).await;
    table.world.clock.advance(TimeDelta::hours(-1));
    table.expect(answer, plain("403 AccessDenied", "Invalid according to Policy: Policy expired.", &[])).await;
    let cases = [
        ("e", "Invalid Policy: Invalid JSON: unknown char e"),
        (
            r#"{"expiration":"2030-01-01T12:00:00Z","conditions":[{"a":"1","b":"2"}]}"#,
            "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
        ),
        (
            r#"{"expiration":"2030-01-01T12:00:00Z","conditions":[["eq","$key" "a"]]}"#,
            "Invalid Policy: Invalid JSON: , or ] expected",
        ),
    ];
    for (policy, message) in cases {
        let policy = STANDARD.encode(policy);
        let signature = oss_valet::oss::sign_v1::sign_text(&policy, &owner());
        let mut form = Form::new(&table.world, SignatureVersion::V1, "a", vec![], &[]);
        form.set("policy", &policy);
        form.set("Signature", &signature);
        let answer = table.world.post(&form).await;
        table.expect(answer, plain("400 InvalidPolicyDocument", message, &[])).await;
    }
}

async fn parts(table: &mut Table) {
    let of = |method: &str, query: &[(&str, &str)]| {
        let mut request = SignableRequest::object(method, BUCKET, "parts");
        request.query = own(query);
        request
    };
    let answer = send(table.signed(of("GET", &[("uploadId", "none")]))).await;
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    let details = &[("UploadId", "none")];
    table.expect(answer, Expected { summary: "404 NoSuchUpload", message, ec: Some("0017-00000244"), details }).await;
    let xml = text(ok(table.signed(of("POST", &[("uploads", "")]))).await).await;
    let id = xml.split("<UploadId>").nth(1).and_then(|rest| rest.split('<').next()).expect("an id").to_owned();
    let part = |number: &str| table.signed(of("PUT", &[("partNumber", number), ("uploadId", &id)])).body("x");
    let refused = send(part("10001")).await;
    let etag = header(&ok(part("1")).await, "etag").expect("an ETag");
    ok(part("2")).await;
    let message = "Part number must be an integer between 1 and 10000, inclusive.";
    let details = &[("ArgumentName", "partNumber"), ("ArgumentValue", "10001")];
    table.expect(refused, plain("400 InvalidArgument", message, details)).await;
    let list = |numbers: &[u32], etag: &str| {
        let part = |n: &u32| format!("<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>");
        let parts: String = numbers.iter().map(part).collect();
        format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
    };
    let not_found = "One or more of the specified parts could not be found or the specified entity tag might not have \
                     matched the part's entity tag.";
    let malformed = "The XML you provided was not well-formed or did not validate against our published schema.";
    let cases = [
        (list(&[3], &etag), "400 InvalidPart", not_found, &[("ETag", "*"), ("PartNumber", "3")][..]),
        (list(&[2, 1], &etag), "400 InvalidPartOrder", "The list of parts was not in ascending order.", &[]),
        (
            list(&[1, 2], &etag),
            "400 EntityTooSmall",
            "Your proposed upload smaller than the minimum allowed size.",
            &[("ProposedSize", "1"), ("MinSizeAllowed", "102400"), ("PartNumber", "1")],
        ),
        ("<x".to_owned(), "400 MalformedXML", malformed, &[]),
    ];
    for (body, summary, message, details) in cases {
        let answer = send(table.signed(of("POST", &[("uploadId", &id)])).body(body)).await;
        table.expect(answer, plain(summary, message, details)).await;
    }
}

async fn callbacks(table: &mut Table) {
    let order = Callback { urls: vec!["127.0.0.1:1".to_owned()], body: "a".to_owned(), ..Callback::default() };
    let answer = table.put("called", &[("x-oss-callback", &order.encode())]).await;
    let message = "Error status : -1. OSS can not connect to your callbackUrl, please check it.";
    let expected = Expected { summary: "203 CallbackFailed", message, ec: Some("0007-00000203"), details: &[] };
    table.expect(answer, expected).await;
    let mut policy = SignableRequest::object("GET", BUCKET, "");
    policy.query = own(&[("policy", ""), ("comp", "callback")]);
    let answer = send(table.signed(policy)).await;
    let message = "The bucket callback policy does not exist.";
    table.expect(answer, plain("404 BucketCallbackPolicyNotExist", message, &[])).await;
    // The refusals of a configuration are `callbacks_refused`'s.
}

async fn server(table: &mut Table) {
    let answer = table.fault(json!({"error": {"status": 500}})).await;
    let message = "We encountered an internal error. Please try again.";
    table.expect(answer, plain("500 InternalError", message, &[])).await;
    let answer = table.fault(json!({"error": {"status": 503}})).await;
    let message = "Thread pool is almost full, please retry later.";
    table.expect(answer, plain("503 ServiceUnavailable", message, &[])).await;
    let answer = table.fault(json!("throttle")).await;
    let message = "Max total qps limit is exceeded.";
    let expected = Expected { summary: "503 TotalQpsLimitExceeded", message, ec: Some("0004-00000302"), details: &[] };
    table.expect(answer, expected).await;
    let preflight = table.world.client.request(reqwest::Method::OPTIONS, format!("{}/{BUCKET}/a", table.world.url));
    let asked = preflight.header("origin", "https://a.test").header("access-control-request-method", "PATCH");
    let refused = refusal(send(asked).await).await;
    assert_eq!(
        (refused.summary().as_str(), refused.document.ec.as_deref()),
        ("403 AccessForbidden", Some("0003-00000602"))
    );
    table.seen.insert(refused.document.code);
}
