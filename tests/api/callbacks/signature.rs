//! Headers, key and signature: the steps before a word of the body is believed.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{CONTENT, assert_nothing_recorded, uploaded};
use crate::{
    forger::{Callback, Forger, KEY_URL, PATH, body_of, facts},
    harness::TestApp,
};

#[tokio::test]
async fn malformed_headers_are_refused() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let good = forger.callback(body_of(&grant, &facts(&grant, CONTENT)));
    let signature = good.headers.iter().find(|(name, _)| *name == "Authorization").unwrap().1.clone();
    let url_safe: Vec<u8> = [b"-_".as_slice(), &signature[2..]].concat();
    for (why, callback) in [
        ("no signature", good.clone().without("Authorization")),
        ("an empty signature", good.clone().header("Authorization", "")),
        ("two signatures", good.clone().twice("Authorization")),
        ("a bearer token instead", good.clone().header("Authorization", format!("Bearer {}", app.token("u-7")))),
        ("a signature in URL-safe Base64", good.clone().header("Authorization", url_safe)),
        ("a signature without padding", good.clone().header("Authorization", &signature[..signature.len() - 2])),
        (
            "a signature with a blank inside",
            good.clone().header("Authorization", [&signature[..9], b" ", &signature[9..]].concat()),
        ),
        ("bytes that are no ASCII", good.clone().header("Authorization", b"\xff\xfe".as_slice())),
        ("no key URL", good.clone().without("x-oss-pub-key-url")),
        ("an empty key URL", good.clone().header("x-oss-pub-key-url", "")),
        ("two key URLs", good.clone().twice("x-oss-pub-key-url")),
        ("a key URL that is not Base64", good.clone().header("x-oss-pub-key-url", KEY_URL)),
        ("a key URL that is not UTF-8", good.clone().header("x-oss-pub-key-url", STANDARD.encode(b"\xff\xfe"))),
        ("a header of 64 KiB", good.clone().header("x-padding", vec![b'a'; 64 * 1024])),
    ] {
        callback.send(&app).await.assert_refused(400, "callback_malformed");
        assert_nothing_recorded(&app, why).await;
    }
    assert_eq!(good.send(&app).await.status, 200);
}

#[tokio::test]
async fn a_path_with_control_characters_is_none_of_ours() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let body = body_of(&grant, &facts(&grant, CONTENT));
    for path in ["/v1/callbacks/oss%0A", "/v1/callbacks/oss%00", "/v1/callbacks%0D%0A/oss", "/v1/callbacks/oss%7F"] {
        let mut callback =
            forger.callback(body.clone()).header("Authorization", forger.sign(path, None, body.as_bytes()));
        callback.target = path.to_owned();
        let answer = callback.send(&app).await;
        assert!([400, 404].contains(&answer.status.as_u16()), "{path}: {}", answer.text());
        assert_nothing_recorded(&app, path).await;
    }
}

#[tokio::test]
async fn only_pinned_keys_are_believed_and_none_is_ever_fetched() {
    let attacker = Forger::new();
    let app = TestApp::spawn().await;
    let grant = uploaded(&app).await;
    let host = wiremock::MockServer::start().await;
    let pem = wiremock::ResponseTemplate::new(200).set_body_string(attacker.public_pem());
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(pem).mount(&host).await;
    let own = format!("{}/callback_pub_key_v1.pem", host.uri());
    let trusted = app.callback_key_url.clone();
    let authority = own.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    for (trick, url) in [
        ("the attacker's own", own.clone()),
        (
            "the official host as a prefix",
            "http://gosspublic.alicdn.com.evil.example.com/callback_pub_key_v1.pem".to_owned(),
        ),
        ("the official host as user", format!("http://gosspublic.alicdn.com@{authority}/callback_pub_key_v1.pem")),
        ("the official URL as a query", format!("{own}?https://gosspublic.alicdn.com/")),
        ("the official URL as a fragment", format!("{own}#https://gosspublic.alicdn.com/")),
        ("the official URL, not configured here", "https://gosspublic.alicdn.com/callback_pub_key_v1.pem".to_owned()),
        ("the trusted URL with a query", format!("{trusted}?")),
        ("the trusted URL with a fragment", format!("{trusted}#x")),
        ("the trusted URL with a slash more", trusted.replacen("/callback", "//callback", 1)),
        ("the trusted URL through a parent folder", trusted.replacen("/callback", "/x/../callback", 1)),
        ("the trusted URL in another case", trusted.to_uppercase()),
        ("the trusted URL with a blank", format!(" {trusted}")),
        ("the trusted URL with a line end", format!("{trusted}\n")),
        ("the trusted URL with a NUL", format!("{trusted}\0")),
        ("the trusted URL percent-encoded", trusted.replacen("callback", "%63allback", 1)),
        ("a file", "file:///etc/passwd".to_owned()),
        ("data", format!("data:,{}", attacker.public_pem())),
        ("the machine's metadata", "http://100.100.100.200/latest/meta-data/".to_owned()),
        ("the forger's name for it", KEY_URL.to_owned()),
        ("a megabyte would not fit; a long one", format!("https://gosspublic.alicdn.com/{}", "a".repeat(8000))),
    ] {
        let callback = attacker.callback(body_of(&grant, &facts(&grant, CONTENT)));
        let callback = callback.header("x-oss-pub-key-url", STANDARD.encode(&url));
        let answer = callback.send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "callback_key_not_trusted"), "{trick}");
        assert_nothing_recorded(&app, trick).await;
    }
    assert_eq!(host.received_requests().await.unwrap().len(), 0, "nothing was fetched");
}

#[tokio::test]
async fn a_signature_over_anything_else_is_refused() {
    let (forger, other) = (Forger::new(), Forger::new());
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let body = body_of(&grant, &facts(&grant, CONTENT));
    let good = forger.callback(body.clone());
    let signed = |path: &str, query: Option<&str>, text: &str| {
        good.clone().header("Authorization", forger.sign(path, query, text.as_bytes()))
    };
    let to = |target: &str, callback: Callback| Callback { target: target.to_owned(), ..callback };
    let mut longer = good.clone();
    longer.body.extend_from_slice(b"&size=6");
    let mut decoded = good.clone();
    decoded.body = String::from_utf8(decoded.body).unwrap().replace("%2F", "/").into_bytes();
    let simulators = good.clone().header("x-oss-pub-key-url", STANDARD.encode(&app.callback_key_url));
    for (why, callback) in [
        ("a body that grew", longer),
        ("a body that a proxy decoded", decoded),
        ("signed for another path", signed("/v1/callbacks/other", None, &body)),
        ("signed for the path in another case", signed("/V1/callbacks/oss", None, &body)),
        ("signed for the path with a slash at the end", signed("/v1/callbacks/oss/", None, &body)),
        ("signed with a query, arriving without", signed(PATH, Some("a=1"), &body)),
        ("signed without a query, arriving with one", to("/v1/callbacks/oss?a=1", good.clone())),
        ("signed with another query", to("/v1/callbacks/oss?a=1", signed(PATH, Some("a=2"), &body))),
        ("a query in another order", to("/v1/callbacks/oss?b=2&a=1", signed(PATH, Some("a=1&b=2"), &body))),
        ("signed by another key", good.clone().header("Authorization", other.sign(PATH, None, body.as_bytes()))),
        ("a trusted URL that names another key", simulators),
        ("nothing but zeros", good.clone().header("Authorization", STANDARD.encode([0; 64]))),
        ("one byte", good.clone().header("Authorization", "AA==")),
        ("a signature too long", good.clone().header("Authorization", STANDARD.encode([1; 256]))),
    ] {
        let answer = callback.send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "callback_signature_invalid"), "{why}");
        assert_nothing_recorded(&app, why).await;
    }
    let with_query = to("/v1/callbacks/oss?a=1&b=%2F", signed(PATH, Some("a=1&b=%2F"), &body));
    assert_eq!(with_query.send(&app).await.status, 200, "a query that is signed is fine");
}
