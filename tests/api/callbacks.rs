//! The callback route: what it refuses, with which code, and what it answers when it does not.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use oss_valet::{app::reconcile::Reconciled, clock::Clock};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    forger::{FORM, Forger, KEY_URL, PATH, body_of, facts, put_aside, seal, with_field, without_field},
    harness::{Answer, OLD_SEAL_SECRET, SEAL_SECRET, TestApp, send},
};

const CONTENT: &[u8] = b"hello";

async fn issue(app: &TestApp) -> Value {
    app.issue("u-7", json!({"profile": "document", "filename": "a.txt", "vars": {"album": "4 2&x=ü"}})).await
}

/// A grant whose object is there, though nobody called back yet.
async fn uploaded(app: &TestApp) -> Value {
    let grant = issue(app).await;
    put_aside(app, &grant, CONTENT).await;
    grant
}

/// Fails unless the grant stands as if nothing had ever been called back.
async fn assert_nothing_recorded(app: &TestApp, why: &str) {
    let issued = app.query_ledger("SELECT count(*) FROM grants WHERE state != 'issued'").await;
    assert_eq!(issued[0][0].as_deref(), Some("0"), "{why}");
    assert!(app.query_ledger("SELECT seq FROM completions").await.is_empty(), "{why}");
    assert!(app.events().await.is_empty(), "{why}");
}

#[tokio::test]
async fn the_answer_is_one_that_oss_accepts_and_says_what_the_ledger_says() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let callback = forger.callback(body_of(&grant, &facts(&grant, CONTENT)));

    let answer = callback.header("Accept-Encoding", "gzip, br").send(&app).await;

    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    for absent in ["transfer-encoding", "content-encoding"] {
        assert!(!answer.headers.contains_key(absent), "{absent}: {:?}", answer.headers);
    }
    assert_eq!(answer.body.first(), Some(&b'{'), "no BOM");
    let expected = json!({
        "id": grant["id"], "state": "completed", "bucket": grant["bucket"], "key": grant["key"], "size": 5,
        "etag": "5D41402ABC4B2A76B9719D911017C592", "content_type": "text/plain", "user_id": "u-7",
        "vars": {"album": "4 2&x=ü"},
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn what_is_recorded_is_the_objects_head_whatever_the_callback_says_beside_it() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let mut body = body_of(&grant, &facts(&grant, CONTENT));
    for (name, value) in [("mimeType", "text%2Fhtml"), ("crc64", "1"), ("clientIp", "6.6.6.6"), ("reqId", "evil")] {
        body = with_field(&body, name, value);
    }
    let answer = forger.callback(body).send(&app).await;
    assert_eq!(answer.json()["content_type"], "text/plain");
    let shown = app.show(&grant).await;
    assert_eq!(shown["completion"]["content_type"], "text/plain", "{shown}");
    assert_ne!(shown["completion"]["crc64"], "1", "{shown}");
}

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
    let to = |target: &str, callback: crate::forger::Callback| crate::forger::Callback {
        target: target.to_owned(),
        ..callback
    };
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

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let body = body_of(&grant, &facts(&grant, CONTENT));
    let json = "application/json";
    for (why, content_type, body) in [
        ("nothing", FORM, Vec::new()),
        ("nothing, as JSON", json, Vec::new()),
        ("a name twice", FORM, format!("{body}&size=5").into_bytes()),
        ("the seal twice", FORM, format!("{body}&x:seal=v1").into_bytes()),
        ("a name twice, once encoded", FORM, format!("{body}&%73ize=6").into_bytes()),
        ("a variable twice", FORM, format!("{body}&x:album=1").into_bytes()),
        ("broken JSON", json, b"{\"bucket\":\"app-media\"".to_vec()),
        ("a JSON list", json, b"[]".to_vec()),
        ("a name twice in JSON", json, b"{\"size\":5,\"size\":6}".to_vec()),
        ("JSON that is not UTF-8", json, b"{\"bucket\":\"\xff\"}".to_vec()),
        ("a key that is not UTF-8", FORM, with_field(&body, "object", "%FF").into_bytes()),
        ("a variable that is not UTF-8", FORM, with_field(&body, "x:album", "%FF").into_bytes()),
        ("no size", FORM, without_field(&body, "size").into_bytes()),
        ("an empty size", FORM, with_field(&body, "size", "").into_bytes()),
        ("a negative size", FORM, with_field(&body, "size", "-5").into_bytes()),
        ("a size in words", FORM, with_field(&body, "size", "five").into_bytes()),
        ("a fraction", FORM, with_field(&body, "size", "5.0").into_bytes()),
        ("more than any size", FORM, with_field(&body, "size", "18446744073709551616").into_bytes()),
        ("no bucket", FORM, without_field(&body, "bucket").into_bytes()),
        ("no key", FORM, without_field(&body, "object").into_bytes()),
        ("no ETag", FORM, without_field(&body, "etag").into_bytes()),
        ("no upload id", FORM, without_field(&body, "x:upload_id").into_bytes()),
        ("no user", FORM, without_field(&body, "x:user_id").into_bytes()),
    ] {
        let answer = forger.callback(body).header("Content-Type", content_type).send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "callback_unparseable"), "{why}");
        assert_nothing_recorded(&app, why).await;
    }
}

#[tokio::test]
async fn a_callback_without_the_grants_own_seal_is_refused() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let other =
        app.issue("u-8", json!({"profile": "document", "filename": "a.txt", "vars": {"album": "4 2&x=ü"}})).await;
    let body = body_of(&grant, &facts(&grant, CONTENT));
    let own = grant["callback"]["vars"]["x:seal"].as_str().unwrap();
    let parts: Vec<_> = own.split('.').collect();
    let with_seal = |seal: &str| with_field(&body, "x:seal", seal);
    let forged = |kid: &str, secret: &str| {
        let [id, key] = ["id", "key"].map(|name| grant[name].as_str().unwrap());
        seal(kid, secret, [id, "u-7", "app-media", key], &app)
    };
    let no_secret = "a secret that nobody here has ever known";
    for (why, body) in [
        ("no seal", without_field(&body, "x:seal")),
        ("an empty seal", with_seal("")),
        ("no seal at all", with_seal("seal")),
        ("another version", with_seal(&own.replacen("v1.", "v2.", 1))),
        ("an unknown kid", with_seal(&own.replacen(".k2.", ".k9.", 1))),
        ("the kid of another secret", with_seal(&own.replacen(".k2.", ".k1.", 1))),
        ("another expiry", with_seal(&own.replacen(parts[2], "zzzzzz", 1))),
        ("a truncated MAC", with_seal(&own[..own.len() - 1])),
        ("one character less and a padding", with_seal(&format!("{}%3D", &own[..own.len() - 1]))),
        ("an empty MAC", with_seal(&format!("v1.k2.{}.", parts[2]))),
        ("another MAC", with_seal(&format!("v1.k2.{}.{}", parts[2], "A".repeat(22)))),
        ("a part more", with_seal(&format!("{own}.x"))),
        ("another secret", with_seal(&forged("k2", no_secret))),
        ("another grant's seal", with_seal(other["callback"]["vars"]["x:seal"].as_str().unwrap())),
        ("another user", with_field(&body, "x:user_id", "u-8")),
        ("another key", with_field(&body, "object", other["key"].as_str().unwrap())),
        ("another bucket", with_field(&body, "bucket", "somebody-elses")),
        ("another grant", with_field(&body, "x:upload_id", other["id"].as_str().unwrap())),
        ("another variable", with_field(&body, "x:album", "5")),
        ("a variable less", without_field(&body, "x:album")),
        ("a variable more", format!("{body}&x:note=evil")),
    ] {
        let answer = forger.callback(body).send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "callback_seal_invalid"), "{why}");
        assert_nothing_recorded(&app, why).await;
    }
    assert_eq!(forger.callback(body).send(&app).await.status, 200, "its own is accepted");
}

#[tokio::test]
async fn a_seal_made_with_an_older_secret_still_counts() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    for (kid, secret) in [("k1", OLD_SEAL_SECRET), ("k2", SEAL_SECRET)] {
        let grant = app.issue("u-7", json!({"profile": "avatar", "content_type": "image/png"})).await;
        put_aside(&app, &grant, CONTENT).await;
        let [id, key] = ["id", "key"].map(|name| grant[name].as_str().unwrap());
        let seal = seal(kid, secret, [id, "u-7", "app-media", key], &app);
        let body = with_field(&body_of(&grant, &facts(&grant, CONTENT)), "x:seal", &seal);
        let answer = forger.callback(body).send(&app).await;
        assert_eq!(answer.status, 200, "{kid}: {}", answer.text());
    }
}

/// Only we can seal, so these are our own mistakes (or a lost row): they are refused all the same.
#[tokio::test]
async fn a_sealed_callback_must_fit_the_ledgers_grant() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = app.issue("u-7", json!({"profile": "avatar", "content_type": "image/png"})).await;
    put_aside(&app, &grant, CONTENT).await;
    let [id, key] = ["id", "key"].map(|name| grant[name].as_str().unwrap());
    let unknown = "01930000-0000-7000-8000-000000000000";
    for (why, facts_of, status, code) in [
        ("no such grant", [unknown, "u-7", "app-media", key], 404, "grant_unknown"),
        ("an id that is none", ["1", "u-7", "app-media", key], 404, "grant_unknown"),
        ("another user's", [id, "u-8", "app-media", key], 422, "callback_violates_grant"),
        ("another bucket", [id, "u-7", "app-old", key], 422, "callback_violates_grant"),
        ("another key", [id, "u-7", "app-media", "avatars/u-7/other.png"], 422, "callback_violates_grant"),
    ] {
        let mut body = body_of(&grant, &facts(&grant, CONTENT));
        let seal = seal("k2", SEAL_SECRET, facts_of, &app);
        let [id, user_id, bucket, key] = facts_of;
        for (name, value) in [
            ("x:upload_id", id),
            ("x:user_id", user_id),
            ("bucket", bucket),
            ("object", key),
            ("x:seal", seal.as_str()),
        ] {
            body = with_field(&body, name, value);
        }
        let answer = forger.callback(body).send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{why}");
        assert_nothing_recorded(&app, why).await;
    }
}

#[tokio::test]
async fn what_oss_does_not_confirm_is_refused() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let absent = issue(&app).await;
    let grant = uploaded(&app).await;
    let body = body_of(&grant, &facts(&grant, CONTENT));
    for (why, body) in [
        ("no object", body_of(&absent, &facts(&absent, CONTENT))),
        ("a larger size", with_field(&body, "size", "6")),
        ("size 0", with_field(&body, "size", "0")),
        ("another ETag", with_field(&body, "etag", "5D41402ABC4B2A76B9719D911017C593")),
        ("another content altogether", body_of(&grant, &facts(&grant, b"world"))),
    ] {
        let answer = forger.callback(body).send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "callback_not_confirmed"), "{why}");
        assert_nothing_recorded(&app, why).await;
    }
    // Quotes and case are no other ETag.
    let quoted = with_field(&body, "etag", "%225d41402abc4b2a76b9719d911017c592%22");
    assert_eq!(forger.callback(quoted).send(&app).await.status, 200);
}

#[tokio::test]
async fn while_oss_is_unreachable_nothing_is_recorded_and_the_reconciler_looks_at_once() {
    let forger = Forger::new();
    let door = Door::open().await;
    let internal = format!("region = \"cn-hangzhou\"\ninternal_endpoint = \"{}\"", door.url);
    let change = |settings: String| forger.trusted(settings.replacen("region = \"cn-hangzhou\"", &internal, 1));
    let app = TestApp::spawn_with(change).await;
    door.lead_to(&app.simulator);
    let grant = uploaded(&app).await;
    let callback = forger.callback(body_of(&grant, &facts(&grant, CONTENT)));
    app.clock.advance(TimeDelta::seconds(7));

    callback.send(&app).await.assert_refused(503, "oss_unavailable");

    assert_nothing_recorded(&app, "OSS was unreachable").await;
    let next = app.query_ledger("SELECT next_check_at FROM grants").await;
    assert_eq!(next[0][0], Some(app.clock.now().timestamp_micros().to_string()), "at once");
    door.let_through();
    let reconciled = app.valet.reconcile_due(app.clock.now()).await.unwrap();
    assert_eq!(reconciled, Reconciled::Grants(1));
    let shown = app.show(&grant).await;
    assert_eq!(shown["state"], "completed", "{shown}");
    assert_eq!(shown["completion"]["source"], "reconciled", "{shown}");
    let repeated = callback.send(&app).await;
    assert_eq!((repeated.status.as_u16(), repeated.json()["state"].clone()), (200, json!("completed")));
    assert_eq!(app.events().await.len(), 1);
}

/// The way to OSS: shut, until it is let through.
struct Door {
    url: String,
    passable: Arc<AtomicBool>,
    target: Arc<std::sync::OnceLock<String>>,
}

impl Door {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (passable, target) = (Arc::new(AtomicBool::new(false)), Arc::new(std::sync::OnceLock::<String>::new()));
        let (is_passable, to) = (Arc::clone(&passable), Arc::clone(&target));
        tokio::spawn(async move {
            while let Ok((mut inbound, _)) = listener.accept().await {
                if is_passable.load(Ordering::SeqCst) {
                    let mut outbound = TcpStream::connect(to.get().unwrap()).await.unwrap();
                    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut inbound, &mut outbound).await });
                }
            }
        });
        Self { url, passable, target }
    }

    fn lead_to(&self, url: &str) {
        self.target.set(url.trim_start_matches("http://").to_owned()).unwrap();
    }

    fn let_through(&self) {
        self.passable.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_body_too_large_and_other_methods_are_refused() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let padding = |len: usize| {
        let body = body_of(&grant, &facts(&grant, CONTENT)) + "&padding=";
        let missing = len - body.len();
        body + &"a".repeat(missing)
    };
    forger.callback(padding(64 * 1024 + 1)).send(&app).await.assert_refused(413, "body_too_large");
    assert_nothing_recorded(&app, "too large").await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        let answer: Answer = send(app.http.request(method.clone(), format!("{}{PATH}", app.service))).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow").as_str()), (405, "POST"), "{method}");
    }
    let largest = forger.callback(padding(64 * 1024)).send(&app).await;
    assert_eq!(largest.status, 200, "{}", largest.text());
}

#[tokio::test]
async fn a_callback_signed_for_the_public_path_verifies_behind_a_proxy_that_rewrote_it() {
    let forger = Forger::new();
    let public = "https://uploads.example.com/prefix%20a/v1/callbacks/oss";
    let app = TestApp::spawn_with(|settings| {
        let line = settings.lines().find(|line| line.starts_with("public_urls")).unwrap().to_owned();
        forger.trusted(settings.replace(&line, &format!("public_urls = [{public:?}]")))
    })
    .await;
    let grant = uploaded(&app).await;
    assert_eq!(grant["callback"]["url"], public);
    let body = body_of(&grant, &facts(&grant, CONTENT));
    for path in ["/prefix/v1/callbacks/oss", "/prefix%2520a/v1/callbacks/oss"] {
        let other = forger.callback(body.clone()).header("Authorization", forger.sign(path, None, body.as_bytes()));
        other.send(&app).await.assert_refused(403, "callback_signature_invalid");
    }
    let path = "/prefix%20a/v1/callbacks/oss";
    let callback = forger.callback(body.clone()).header("Authorization", forger.sign(path, None, body.as_bytes()));
    assert_eq!(callback.send(&app).await.status, 200);
}
