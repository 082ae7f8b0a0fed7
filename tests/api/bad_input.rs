//! Bodies, headers, file names and user ids that nobody should send. Whatever comes: a clean refusal and an unchanged
//! ledger, or a key that stays inside its user's segment.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode, header};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    harness::{TestApp, path_of, send, upload},
    support::ISSUE_FOR,
};

const MIB: usize = 1024 * 1024;

/// `5.0` is the integer 5 to JSON Schema, and to languages that know no integers.
#[tokio::test]
async fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
    let app = TestApp::spawn().await;
    let body = r#"{"profile":"document","method":"multipart","size":3145728.0}"#;
    let answer = send(json_request(&app, "/v1/uploads", body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let grant = answer.json();
    assert_eq!(grant["multipart"]["part_count"], app.issue("u-7", whole_size()).await["multipart"]["part_count"]);
    let parts = send(json_request(&app, &format!("{}/parts", path_of(&grant)), r#"{"part_numbers":[1.0]}"#)).await;
    assert_eq!(parts.json()["parts"][0]["part_number"], 1, "{}", parts.text());
    let done = r#"{"parts":[{"part_number":1.0,"etag":"x"}]}"#;
    let complete = send(json_request(&app, &format!("{}/complete", path_of(&grant)), done)).await;
    assert_ne!(complete.code(), "malformed_json", "{}", complete.text());
    let companion = r#"{"filename":"a.txt","size":5.0,"metadata":{"profile":"document"}}"#;
    assert_eq!(send(json_request(&app, "/compat/companion/s3/multipart", companion)).await.status, 200);
}

fn whole_size() -> serde_json::Value {
    json!({"profile": "document", "method": "multipart", "size": 3_145_728})
}

fn json_request(app: &TestApp, path: &str, body: &str) -> reqwest::RequestBuilder {
    app.request(Method::POST, path, "u-7").header(header::CONTENT_TYPE, "application/json").body(body.to_owned())
}

#[tokio::test]
async fn a_body_that_is_no_such_json_is_refused() {
    let app = TestApp::spawn().await;
    let nested = format!("{{\"profile\":\"document\",\"vars\":{}1{}}}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("broken off", br#"{"profile":"document""#.to_vec(), 400, "malformed_json"),
        ("two documents", br#"{"profile":"document"}{}"#.to_vec(), 400, "malformed_json"),
        ("a comma too many", br#"{"profile":"document",}"#.to_vec(), 400, "malformed_json"),
        ("single quotes", b"{'profile':'document'}".to_vec(), 400, "malformed_json"),
        ("a byte order mark", b"\xef\xbb\xbf{\"profile\":\"document\"}".to_vec(), 400, "malformed_json"),
        ("no UTF-8", b"{\"profile\":\"\xff\xfe\"}".to_vec(), 400, "malformed_json"),
        (
            "UTF-16",
            "{\"profile\":\"document\"}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            400,
            "malformed_json",
        ),
        ("half a surrogate pair", br#"{"profile":"\ud800"}"#.to_vec(), 400, "malformed_json"),
        ("a bare NUL", b"{\"profile\":\"a\0b\"}".to_vec(), 400, "malformed_json"),
        ("an array of the fields", br#"["document",null,null,null,null,null,null]"#.to_vec(), 400, "malformed_json"),
        ("an empty array", b" []".to_vec(), 400, "malformed_json"),
        ("null", b"null".to_vec(), 400, "malformed_json"),
        ("a string", br#""document""#.to_vec(), 400, "malformed_json"),
        ("a number", b"1".to_vec(), 400, "malformed_json"),
        ("white space", b"  \n".to_vec(), 400, "malformed_json"),
        ("deep nesting", nested.into_bytes(), 400, "malformed_json"),
        ("deeper nesting", [vec![b'['; 30_000], vec![b']'; 30_000]].concat(), 400, "malformed_json"),
        ("a number as text", br#"{"profile":"document","size":"5"}"#.to_vec(), 400, "malformed_json"),
        ("a text as number", br#"{"profile":7}"#.to_vec(), 400, "malformed_json"),
        ("no text", br#"{"profile":null}"#.to_vec(), 400, "malformed_json"),
        ("a negative size", br#"{"profile":"document","size":-1}"#.to_vec(), 400, "malformed_json"),
        ("a broken size", br#"{"profile":"document","size":1.5}"#.to_vec(), 400, "malformed_json"),
        ("a size beyond u64", br#"{"profile":"document","size":18446744073709551616}"#.to_vec(), 400, "malformed_json"),
        ("a size beyond floats", br#"{"profile":"document","size":1e999}"#.to_vec(), 400, "malformed_json"),
        ("a list of variables", br#"{"profile":"document","vars":["album"]}"#.to_vec(), 400, "malformed_json"),
        ("a number as variable", br#"{"profile":"document","vars":{"album":1}}"#.to_vec(), 400, "malformed_json"),
        ("a field twice", br#"{"profile":"document","profile":"avatar"}"#.to_vec(), 400, "malformed_json"),
        (
            "a variable twice",
            br#"{"profile":"document","vars":{"note":"a","note":"b"}}"#.to_vec(),
            400,
            "malformed_json",
        ),
        ("nothing", b"".to_vec(), 422, "missing_field"),
        ("an empty object", b"{}".to_vec(), 422, "missing_field"),
        ("an unknown field", br#"{"profile":"document","x":1}"#.to_vec(), 422, "unknown_field"),
        ("another spelling", br#"{"Profile":"document"}"#.to_vec(), 422, "unknown_field"),
        ("a prototype", br#"{"profile":"document","__proto__":{}}"#.to_vec(), 422, "unknown_field"),
    ];
    for (why, body, status, code) in cases {
        let answer = app.post_raw("/v1/uploads", "u-7", body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{why}: {}", answer.text());
    }
    assert_eq!(app.grant_count().await, 0);
}

#[tokio::test]
async fn every_call_with_a_body_is_as_strict() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    for path in ["batch".to_owned(), "complete".to_owned(), "renew".to_owned()] {
        let path = if path == "batch" { "/v1/uploads/batch".to_owned() } else { format!("{}/{path}", path_of(&grant)) };
        for (why, body, status, code) in [
            ("a list", "[]", 400, "malformed_json"),
            ("a list of lists", "[[]]", 400, "malformed_json"),
            ("null", "null", 400, "malformed_json"),
            ("broken", "{", 400, "malformed_json"),
            ("an unknown field", "{\"x\":1}", 422, "unknown_field"),
        ] {
            let answer = app.post_raw(&path, "u-7", body).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{path} {why}");
        }
    }
    assert_eq!(app.grant_count().await, 1);
    assert_eq!(app.show(&grant).await["expires_at"], grant["expires_at"]);
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_and_one_at_the_cap_is_read() {
    let app = TestApp::spawn().await;
    let padded = |len: usize| {
        let mut body = b"{\"profile\":\"document\"}".to_vec();
        body.resize(len, b' ');
        body
    };
    let answer = app.post_raw("/v1/uploads", "u-7", padded(64 * 1024)).await;
    assert_eq!(answer.status, 201, "at the cap: {}", answer.text());
    for (path, len) in [("/v1/uploads", 64 * 1024 + 1), ("/v1/uploads", 2 * MIB), ("/v1/uploads/batch", MIB + 1)] {
        app.post_raw(path, "u-7", padded(len)).await.assert_refused(413, "body_too_large");
    }
    let pieces = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024]));
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    app.post_raw("/v1/uploads", "u-7", chunked).await.assert_refused(413, "body_too_large");
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    let renew = format!("{}/renew", path_of(&grant));
    app.post_raw(&renew, "u-7", padded(2 * 1024)).await.assert_refused(413, "body_too_large");
    assert_eq!(app.grant_count().await, 2);
}

#[tokio::test]
async fn only_application_json_is_read() {
    let app = TestApp::spawn().await;
    let ask = |content_type: Option<&str>| {
        let request = app.request(Method::POST, "/v1/uploads", "u-7").body("{\"profile\":\"document\"}");
        send(match content_type {
            Some(content_type) => request.header(header::CONTENT_TYPE, content_type),
            None => request,
        })
    };
    for content_type in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/jsonp"),
        Some("text/plain; application/json"),
    ] {
        let answer = ask(content_type).await;
        assert_eq!(answer.status, 415, "{content_type:?}: {}", answer.text());
        answer.assert_refused(415, "unsupported_media_type");
    }
    assert_eq!(app.grant_count().await, 0);
    for content_type in
        ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x=1"]
    {
        assert_eq!(ask(Some(content_type)).await.status, 201, "{content_type}");
    }
}

#[tokio::test]
async fn headers_beyond_all_measure_are_refused_and_the_service_goes_on() {
    let app = TestApp::spawn().await;
    let address = app.service.trim_start_matches("http://").to_owned();
    let many = (0..500).fold(String::new(), |many, i| many + &format!("X-Many-{i}: {}\r\n", "y".repeat(300)));
    for (why, headers) in [
        ("one huge header", format!("X-Huge: {}\r\n", "y".repeat(300_000))),
        ("many headers", many),
        ("a header that never ends", "y".repeat(300_000)),
    ] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = format!("GET /v1/profiles HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        // The service may stop reading before all is written.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..read]);
        }
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert_eq!(status, "431", "{why}: {answer}");
    }
    let answer = app.get("/v1/profiles", "u-7").await;
    assert_eq!(answer.status, StatusCode::OK, "others are still served: {}", answer.text());
    assert_eq!(app.grant_count().await, 0);
}

#[tokio::test]
async fn a_file_name_is_never_a_path() {
    let app = TestApp::spawn().await;
    let unusual = "图片 é\u{301} \u{202e}gnp.exe";
    for (why, name, kept, ext) in [
        ("going up", "../../etc/passwd", "passwd", "bin"),
        ("absolute", "/etc/cron.d/x.sh", "x.sh", "sh"),
        ("from Windows", r"C:\fakepath\me.png", "me.png", "png"),
        ("mixed", r"..\../a\..\b.txt", "b.txt", "txt"),
        ("percent-encoded", "%2e%2e%2f%00.png", "%2e%2e%2f%00.png", "png"),
        ("our escape", "~2F~2E.png", "~2F~2E.png", "png"),
        ("a query and a fragment", "a?b#c&d.png", "a?b#c&d.png", "png"),
        ("OSS's own variable", "${filename}.png", "${filename}.png", "png"),
        ("quotes", "a\"b'c`d.png", "a\"b'c`d.png", "png"),
        ("any script", unusual, unusual, "exe"),
        ("three dots", "...", "...", "bin"),
        ("a dot file", ".htaccess", ".htaccess", "htaccess"),
        ("an extension in other letters", "a.ｐｎｇ", "a.ｐｎｇ", "bin"),
        ("spaces", "  .png ", "  .png ", "bin"),
    ] {
        let grant = app.issue("u-7", json!({"profile": "document", "filename": name})).await;
        let key = format!("documents/u-7/{}.{ext}", grant["id"].as_str().unwrap());
        assert_eq!(grant["key"], key, "{why}");
        assert_eq!(grant["filename"], kept, "{why}");
        assert_eq!(upload(&app, &grant, b"x").await.json()["key"], key, "{why}");
    }
    let count = app.grant_count().await;
    for (why, name) in [
        ("nothing", String::new()),
        ("a directory", "a/".to_owned()),
        ("here", ".".to_owned()),
        ("up", "a/..".to_owned()),
        ("a line break", "a\r\nx-oss-object-acl: public-read".to_owned()),
        ("NUL", "a\0.png".to_owned()),
        ("DEL", "a\u{7f}.png".to_owned()),
        ("a C1 control character", "a\u{85}.png".to_owned()),
        ("256 bytes", "x".repeat(256)),
        ("256 bytes of two each", "é".repeat(128)),
        ("30 KB", "x".repeat(30_000)),
    ] {
        let answer = app.post("/v1/uploads", "u-7", &json!({"profile": "document", "filename": name})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "invalid_filename"), "{why}");
    }
    assert_eq!(app.grant_count().await, count, "a refused name records nothing");
}

#[tokio::test]
async fn no_two_user_ids_share_a_segment_and_none_leaves_it() {
    let app = TestApp::spawn().await;
    let machine = app.token_with("backend", &[ISSUE_FOR]);
    let users = [
        "a",
        "A",
        "a/b",
        "a~2Fb",
        "a~2fb",
        "a%2Fb",
        "a\\b",
        "a~",
        "~a",
        "a.",
        "a..",
        ".a",
        "..",
        ".",
        "...",
        "~2E",
        "~2E.",
        "a b",
        "a+b",
        "a%20b",
        "é",
        "e\u{301}",
        "É",
        "ß",
        "ss",
        "SS",
        "a\u{200b}",
        "a\u{202e}",
        "$",
        "${filename}",
        "a?b",
        "a#b",
        "a&b",
        "a=b",
        "a\"b",
        "<a>",
        "a:b",
        "a|b",
        "a*",
        "-a",
        "a-",
        "_a",
        "con",
        "ﬁ",
        "fi",
        "İ",
        "i",
        "I",
        "ı",
        "Ｋ",
        "K",
        "\u{212a}",
        "a;b",
        "a,b",
        "a'b",
        "a@b.c",
        "u-7",
    ];
    let mut segments = BTreeSet::new();
    for user in users {
        let body = json!({"profile": "document", "user_id": user});
        let answer = app.post_by("/v1/uploads", &machine, &body).await;
        assert_eq!(answer.status, 201, "{user:?}: {}", answer.text());
        let grant = answer.json();
        assert_eq!(grant["user_id"], user);
        let key = grant["key"].as_str().unwrap().to_owned();
        let [directory, segment, name] = key.split('/').collect::<Vec<_>>()[..] else { panic!("{user:?}: {key}") };
        assert_eq!((directory, name), ("documents", format!("{}.bin", grant["id"].as_str().unwrap()).as_str()));
        assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"~._-".contains(&b)), "{user:?}: {key}");
        assert!(!segment.is_empty() && !segment.starts_with('.'), "{user:?}: {key}");
        assert!(segments.insert(segment.to_owned()), "{user:?} shares {segment}");

        let uploaded = upload(&app, &grant, b"x").await;
        assert_eq!(uploaded.status, 200, "{user:?}: {}", uploaded.text());
        assert_eq!(uploaded.json()["user_id"], user, "the id survives the way through OSS");
        assert_eq!(uploaded.json()["key"], key, "{user:?}");
        let owner = app.token(user);
        assert_eq!(app.get_by(&path_of(&grant), &owner).await.json()["state"], "completed", "{user:?} is the owner");
    }
}

#[tokio::test]
async fn no_two_values_of_a_variable_share_a_key_segment() {
    let app = TestApp::spawn().await;
    let mut segments = BTreeSet::new();
    for album in ["a", "A", "a/b", "a~2Fb", "../b", "..", ".", "a b", "é", "e\u{301}", "a.", "${filename}", "~"] {
        let grant = app.issue("u-7", json!({"profile": "album", "vars": {"album": album}})).await;
        let key = grant["key"].as_str().unwrap().to_owned();
        let [directory, user, segment, _] = key.split('/').collect::<Vec<_>>()[..] else { panic!("{album:?}: {key}") };
        assert_eq!((directory, user), ("albums", "u-7"));
        assert!(!segment.starts_with('.'), "{album:?}: {key}");
        assert!(segments.insert(segment.to_owned()), "{album:?} shares {segment}");
        assert_eq!(upload(&app, &grant, b"x").await.json()["vars"], json!({"album": album}));
    }
}

#[tokio::test]
async fn a_user_id_that_no_key_can_hold_is_refused() {
    let app = TestApp::spawn().await;
    let machine = app.token_with("backend", &[ISSUE_FOR]);
    for (why, user) in [
        ("empty", String::new()),
        ("129 bytes", "x".repeat(129)),
        ("130 bytes of two each", "é".repeat(65)),
        ("a line break", "a\nb".to_owned()),
        ("NUL", "a\0".to_owned()),
        ("a C1 control character", "a\u{85}".to_owned()),
    ] {
        let answer = app.post_by("/v1/uploads", &machine, &json!({"profile": "document", "user_id": user})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "user_id_unusable"), "{why}");
        assert_eq!(answer.json()["errors"][0]["field"], "user_id", "{why}");
    }
    app.post("/v1/uploads", &"x".repeat(129), &json!({"profile": "document"}))
        .await
        .assert_refused(422, "user_id_unusable");
    assert_eq!(app.grant_count().await, 0);
    let longest = "é".repeat(64);
    let grant = app.issue(&longest, json!({"profile": "document"})).await;
    assert_eq!(upload(&app, &grant, b"x").await.json()["user_id"], longest);
}
