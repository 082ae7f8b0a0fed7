//! Callbacks: sent signed, answered verbatim, refused or failed in OSS's words.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use oss_valet::oss::{
    callback::{Callback, CallbackBodyType, encode_vars},
    callback_signature::UnverifiedCallback,
    post_policy::Condition,
    presign,
    request::SignatureVersion,
};

use crate::{
    harness::{BOTH, BUCKET, Form, Refusal, World, header, ok, own, owner, refusal, send, text},
    receiver::{GOOD_ANSWER, Receiver, answer},
};

const TEMPLATE: &str = "bucket=${bucket}&object=${object}&etag=${etag}&size=${size}&mimeType=${mimeType}\
    &height=${imageInfo.height}&width=${imageInfo.width}&format=${imageInfo.format}&crc64=${crc64}\
    &contentMd5=${contentMd5}&operation=${operation}&sid=${x:sid}";

fn callback(url: &str) -> Callback {
    Callback { urls: vec![url.to_owned()], body: TEMPLATE.to_owned(), ..Callback::default() }
}

/// A PNG of 3 × 2 pixels, as far as its header goes.
fn png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend_from_slice(&[0, 0, 0, 3, 0, 0, 0, 2, 8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

async fn put_with(world: &World, callback: &Callback, body: &str) -> reqwest::Response {
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
    assert_eq!(request.method, "POST");
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

async fn failure(world: &World, callback: &Callback, body: &str) -> Refusal {
    let answer = put_with(world, callback, body).await;
    assert!(header(&answer, "etag").is_some(), "the object is stored");
    let refused = refusal(answer).await;
    assert_eq!(refused.summary(), "203 CallbackFailed");
    assert_eq!(world.keys(BUCKET).await, ["called"]);
    refused
}

#[tokio::test]
async fn every_bad_answer_fails_in_osss_words_and_the_object_stays() {
    let world = World::new().await;
    let long = format!("Content-Length: {}\r\n", 1024 * 1024 + 1);
    let cases = [
        (
            "a redirect",
            "301 Moved",
            "Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n",
            "",
            "Error status : 301.",
        ),
        ("201 is not 200", "201 Created", "Content-Length: 2\r\n", "{}", "Error status : 201."),
        ("a refusal", "403 Forbidden", "Content-Length: 2\r\n", "{}", "Error status : 403."),
        ("a gateway", "502 Bad Gateway", "Content-Length: 0\r\n", "", "Error status : 502."),
        ("no length", "200 OK", "", "{}", "Error Status : 400.User server missing content-length."),
        (
            "chunked",
            "200 OK",
            "Transfer-Encoding: chunked\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
            "Error Status : 400.User server missing content-length.",
        ),
        (
            "nothing",
            "200 OK",
            "Content-Length: 0\r\n",
            "",
            "Error Status : 400.User server return invalid conent-length value.",
        ),
        (
            "a length that is no number",
            "200 OK",
            "Content-Length: two\r\n",
            "{}",
            "Error Status : 400.User server return invalid conent-length value.",
        ),
        ("too much", "200 OK", &long, "{}", "Error Status : 400.User server return too long content-length value."),
        ("no JSON", "200 OK", "Content-Length: 2\r\n", "OK", "Response body is not valid json format."),
        ("a BOM", "200 OK", "Content-Length: 5\r\n", "\u{feff}{}", "Response body is not valid json format."),
    ];
    for (description, status, headers, body, message) in cases {
        let receiver = Receiver::answering(answer(status, headers, body)).await;
        let failed = failure(&world, &callback(&receiver.url()), "x").await;
        assert_eq!(failed.document.message, message, "{description}");
        assert_eq!(failed.document.ec.as_deref(), Some("0007-00000203"), "{description}");
        assert_eq!(receiver.requests().len(), 1, "{description}: no retry, no redirect");
    }
}

#[tokio::test]
async fn nobody_there_no_such_host_and_broken_images_fail_too() {
    let world = World::new().await;
    let cases = [
        ("http://127.0.0.1:1/", "x", "Error status : -1. OSS can not connect to your callbackUrl, please check it."),
        ("https://127.0.0.1:1/", "x", "Error status : 502."),
        ("http://nobody.invalid/", "x", "Can not get ip by this host."),
        ("http://127.0.0.1:1/", "RIFF\0\0\0\0WEBPVP8X", "Get image info failed."),
    ];
    for (url, body, message) in cases {
        assert_eq!(failure(&world, &callback(url), body).await.document.message, message, "{url}");
    }
}

#[tokio::test]
async fn a_private_address_is_refused_when_the_simulator_is_told_so() {
    let world = World::with(|settings| settings.refuse_private_callbacks = true).await;
    let failed = failure(&world, &callback("http://127.0.0.1:1/"), "x").await;
    assert_eq!(failed.document.message, "Private address is forbidden to callback.");
    assert_eq!(failed.document.ec.as_deref(), Some("0007-00000008"));
}

#[tokio::test]
async fn all_urls_share_one_budget_of_time() {
    let world = World::with(|settings| settings.callback_timeout = Duration::from_millis(300)).await;
    let silent = Receiver::answering(String::new()).await;
    let failed = failure(&world, &callback(&silent.url()), "x").await;
    let message =
        format!("error status:-1 {} reply timeout, cost:300ms, timeout:300ms (err -4, errno115)", silent.address);
    assert_eq!((failed.document.message, failed.document.ec.as_deref()), (message, Some("0007-00000202")));
    let never = Receiver::good().await;
    let two = Callback { urls: vec![silent.url(), never.url()], ..callback("") };
    assert_eq!(failure(&world, &two, "x").await.document.message, "Cost too long time.");
    assert_eq!(never.requests().len(), 0, "the time was spent on the first");
}

#[tokio::test]
async fn a_bad_configuration_is_refused_before_anything_is_stored() {
    let world = World::new().await;
    let json = |text: &str| STANDARD.encode(text);
    let many = format!(r#"{{"callbackUrl":"{}","callbackBody":"a"}}"#, ["http://a.test/"; 6].join(";"));
    let cases = [
        ("no Base64", "?".to_owned(), "The callback configuration is not base64 encoded."),
        ("no JSON", json("{"), "The callback configuration is not json format."),
        (
            "a bad URL",
            json(r#"{"callbackUrl":"http://a:b/","callbackBody":"a"}"#),
            "The callback url configuration is invalid.",
        ),
        ("six URLs", json(&many), "The number of callback url exceed max value."),
        ("no body", json(r#"{"callbackUrl":"http://a.test/"}"#), "The callback body is empty."),
        ("too long", "A".repeat(5 * 1024 + 4), "The length of callback exceed max value."),
    ];
    for (description, blob, message) in cases {
        for version in BOTH {
            let put = presign::put_object(BUCKET, "a", own(&[("x-oss-callback", &blob)]));
            let refused = refusal(send(world.signed(version, put).body("x")).await).await;
            let argument = refused.document.details.iter().find(|(name, _)| name == "ArgumentName");
            assert_eq!(refused.summary(), "400 InvalidArgument", "{description}");
            assert_eq!(refused.document.message, message, "{description}");
            assert_eq!(argument.map(|(_, value)| value.as_str()), Some("callback"), "{description}");
            let form = Form::new(&world, version, "a", vec![], &[("callback", &blob)]);
            assert_eq!(refusal(world.post(&form).await).await.document.message, message, "{description} in a form");
        }
    }
    let good = callback("http://127.0.0.1:1/").encode();
    let mut twice = presign::put_object(BUCKET, "a", own(&[("x-oss-callback", &good)]));
    twice.query = own(&[("callback", &good)]);
    let refused = refusal(send(world.signed(SignatureVersion::V4, twice).body("x")).await).await;
    assert_eq!(
        refused.document.message,
        "Either the callback query string parameter or the x-oss-callback header should be specified, not both."
    );
    let vars = own(&[("x-oss-callback", &good), ("x-oss-callback-var", &json("[]"))]);
    let refused =
        refusal(send(world.signed(SignatureVersion::V4, presign::put_object(BUCKET, "a", vars)).body("x")).await);
    assert_eq!(refused.await.document.message, "The callback var is not expecten json.");
    assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_refused_upload_calls_nobody() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let blob = callback(&receiver.url()).encode();
    let form =
        Form::new(&world, SignatureVersion::V4, "a", vec![Condition::ContentLengthRange(1, 2)], &[("callback", &blob)]);
    assert_eq!(refusal(world.post(&form).await).await.summary(), "400 EntityTooLarge");
    assert_eq!(receiver.requests().len(), 0);
}

#[tokio::test]
async fn tests_can_break_the_next_callbacks() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let faults = world.client.put(format!("{}/-/callback-faults", world.url));
    ok(faults.body(r#"["drop","throttle","lose_answer","duplicate"]"#)).await;
    let url = receiver.url();
    assert!(failure(&world, &callback(&url), "x").await.document.message.starts_with("Error status : -1."));
    assert_eq!(failure(&world, &callback(&url), "x").await.document.message, "Too many callback requests.");
    assert_eq!(receiver.requests().len(), 0, "neither was sent");
    assert_eq!(failure(&world, &callback(&url), "x").await.document.message, "Cost too long time.");
    assert_eq!(receiver.requests().len(), 1, "this one was");
    assert_eq!(put_with(&world, &callback(&url), "x").await.status(), 200);
    assert_eq!(receiver.requests().len(), 3, "twice");
    assert_eq!(put_with(&world, &callback(&url), "x").await.status(), 200);
    assert_eq!(receiver.requests().len(), 4, "the list is used up");
}
