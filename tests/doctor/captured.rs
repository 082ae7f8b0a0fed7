//! Captures that pass, and captures rewritten as proxies do: what the doctor says of them.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use oss_valet::oss::callback_signature::OSS_KEY_URLS;
use serde_json::{Value, json};

const GENUINE: &str = include_str!("captures/genuine.http");
const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/keys");

fn run(input: &[u8], args: &[&str]) -> Output {
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_oss-valet"))
        .args(["verify-callback", "-"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments, or has read enough, closes its input: that is no fault of this test's.
    let _ = doctor.stdin.take().unwrap().write_all(input);
    doctor.wait_with_output().unwrap()
}

/// The JSON diagnosis; the exit code must agree with it.
pub(crate) fn diagnose(input: &[u8], args: &[&str]) -> Value {
    let output = run(input, &[args, &["--json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text} {}", String::from_utf8_lossy(&output.stderr));
    let diagnosis: Value = serde_json::from_str(&text).unwrap();
    let steps: Vec<_> =
        diagnosis["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["headers", "key_url", "signature", "parse", "seal"]);
    assert_eq!(diagnosis["ok"], output.status.success(), "{text}");
    assert_eq!(diagnosis["ok"], failed(&diagnosis).is_none(), "{text}");
    diagnosis
}

fn failed(diagnosis: &Value) -> Option<&Value> {
    diagnosis["steps"].as_array().unwrap().iter().find(|step| step["ok"] == false)
}

/// The code and hint of the step that failed.
pub(crate) fn cause(diagnosis: &Value) -> (&str, &str) {
    let step = failed(diagnosis).unwrap_or_else(|| panic!("nothing failed: {diagnosis}"));
    (step["code"].as_str().unwrap(), step["hint"].as_str().unwrap())
}

fn trusting(key: &str) -> Vec<String> {
    OSS_KEY_URLS.iter().flat_map(|url| ["--trusted-key".to_owned(), format!("{url}={KEYS}/{key}.public.pem")]).collect()
}

#[test]
fn a_genuine_capture_passes_without_configuration() {
    for capture in [GENUINE.to_owned(), GENUINE.replace("\r\n", "\n"), GENUINE.replace("POST /", "POST http://h:3000/")]
    {
        let diagnosis = diagnose(capture.as_bytes(), &[]);
        let verdicts: Vec<_> = diagnosis["steps"].as_array().unwrap().iter().map(|step| step["ok"].clone()).collect();
        assert_eq!(verdicts, [json!(true), json!(true), json!(true), json!(true), Value::Null]);
    }
}

#[test]
fn people_read_the_same() {
    let output = run(GENUINE.replace("POST /", "POST /proxy/").as_bytes(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("signature  FAILED  callback_signature_invalid: the signature does not verify\n"), "{text}");
    assert!(text.contains("likely cause: a proxy put a prefix in front of the path"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn rewritten_requests_are_traced_to_their_cause() {
    let swap = |from: &str, to: &str| {
        assert!(GENUINE.contains(from), "{from}");
        GENUINE.replace(from, to)
    };
    let path = "/api/AliYunOssCallback";
    let public = ["--public-url", "https://media.example/api/AliYunOssCallback"];
    let without_length = swap("content-length: 91\r\n", "");
    let cases: [(&str, String, &[&str], &str); 14] = [
        ("a prefix added", swap(path, &format!("/gw{path}")), &[], "put a prefix in front"),
        ("a slash added", swap(path, &format!("{path}/")), &[], "added a slash"),
        ("encoded once more", swap(path, "/api%252FAliYunOssCallback"), &[], "decoded twice"),
        ("another case", swap("POST /api/AliYun", "POST /api/aliYun"), &[], "Content-MD5, so that path"),
        ("a query added", swap(path, &format!("{path}?from=gw")), &[], "a query was added"),
        (
            "the form re-encoded",
            swap("image%2Fjpeg", "image/jpeg")
                .replace("headSculpture%2F", "headSculpture/")
                .replace("content-length: 91", "content-length: 87"),
            &[],
            "re-encoded",
        ),
        ("escapes in lower case", swap("%2F", "%2f"), &[], "percent escapes"),
        ("a line break added", format!("{without_length}\n"), &[], "a line break was added"),
        ("a CRLF added", format!("{without_length}\r\n"), &[], "a line break was added"),
        ("a mark in front", without_length.replace("filename=", "\u{FEFF}filename="), &[], "byte order mark"),
        (
            "two things at once",
            format!("{}\n", without_length.replace(path, &format!("/gw{path}"))),
            &[],
            "path, and a line break",
        ),
        ("the body cut off", GENUINE[..GENUINE.len() - 2].to_owned(), &[], "cut it off"),
        ("the body changed", swap("size=108904", "size=108905"), &[], "does not fit its Content-MD5"),
        ("nothing that helps", swap(path, "/other").replace("content-md5", "x-md5"), &[], "no usual rewriting"),
    ];
    for (what, capture, args, hint) in cases {
        let diagnosis = diagnose(capture.as_bytes(), args);
        let (code, found) = cause(&diagnosis);
        assert_eq!(code, "callback_signature_invalid", "{what}");
        assert!(found.contains(hint), "{what}: {found}");
    }
    let stripped = diagnose(swap(path, "/AliYunOssCallback").as_bytes(), &public);
    assert_eq!(stripped["ok"], true, "the path of --public-url is tried as the service tries it");
    let diagnosis = diagnose(swap(path, "/x").as_bytes(), &["--public-url", "https://media.example/y"]);
    assert_eq!(cause(&diagnosis).0, "callback_signature_invalid");
}

#[test]
fn untrusted_keys_are_told_apart() {
    let url = |url: &str| GENUINE.replace(&BASE64.encode(OSS_KEY_URLS[1]), &BASE64.encode(url));
    let simulator = "http://127.0.0.1:9000/callback_pub_key_v1.pem";
    let only_https = ["--trusted-key".to_owned(), format!("{}={KEYS}/oss-callback-v1.public.pem", OSS_KEY_URLS[1])];
    let other = trusting("rsa512");
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    let cases: [(&str, String, Vec<&str>, &str); 6] = [
        (
            "http instead of https",
            url(OSS_KEY_URLS[0]),
            only_https.iter().map(String::as_str).collect(),
            "http and https",
        ),
        ("a trusted key under another URL", url(simulator), vec![], "good with the key of"),
        ("OSS's key under another URL", url("http://a.example/k.pem"), other.clone(), "good with the key of"),
        (
            "a look-alike",
            url("http://gosspublic.alicdn.com.evil.example/k.pem").replace("POST /", "POST /x/"),
            vec![],
            "look-alike",
        ),
        (
            "another file",
            url("http://gosspublic.alicdn.com/k.pem").replace("POST /", "POST /x/"),
            vec![],
            "a file on OSS's host",
        ),
        ("unknown", url("https://keys.example/k.pem").replace("POST /", "POST /x/"), vec![], "another key than OSS's"),
    ];
    for (what, capture, args, hint) in cases {
        let diagnosis = diagnose(capture.as_bytes(), &args);
        let (code, found) = cause(&diagnosis);
        assert_eq!(code, "callback_key_not_trusted", "{what}");
        assert!(found.contains(hint), "{what}: {found}");
    }
    let diagnosis = diagnose(GENUINE.as_bytes(), &other);
    let (code, hint) = cause(&diagnosis);
    assert_eq!(code, "callback_signature_invalid", "a simulator's key in the place of OSS's");
    assert!(hint.contains("signed with OSS's own key"), "{hint}");
}

#[test]
fn unusable_headers_are_explained() {
    let cases = [
        ("authorization: ", "authorization: Bearer ", "scheme"),
        ("authorization: ", "x-was-authorization: ", "removed Authorization"),
        ("x-oss-pub-key-url: ", "x-oss-pub-key-url: %", "percent-encoded"),
        ("x-oss-tag: ", "authorization: AA==\r\nx-oss-tag: ", "more than once"),
        ("POST /api/", "POST /api%0A/", "control character"),
    ];
    for (from, to, hint) in cases {
        let diagnosis = diagnose(GENUINE.replace(from, to).as_bytes(), &[]);
        let (code, found) = cause(&diagnosis);
        assert_eq!(code, "callback_malformed", "{to}");
        assert!(found.contains(hint), "{to}: {found}");
    }
}

#[test]
fn every_vector_gets_its_verdict() {
    let suite: Value = serde_json::from_str(include_str!("../vectors/callbacks.json")).unwrap();
    let mut codes = std::collections::BTreeMap::new();
    for case in suite["vectors"].as_array().unwrap() {
        let key = case["key_at_url"].as_str().unwrap().replace("-evil", "");
        let args = trusting(&key);
        let diagnosis = diagnose(case.to_string().as_bytes(), &args.iter().map(String::as_str).collect::<Vec<_>>());
        let code = failed(&diagnosis).map_or("ok", |step| step["code"].as_str().unwrap());
        let id = case["id"].as_str().unwrap();
        let expected =
            match (case["kind"].as_str().unwrap(), case["expected"].as_str().unwrap(), case["stage"].as_str()) {
                ("ambiguous", ..) if id.contains("newline") => "callback_malformed",
                (_, "accept" | "accept-by-the-algorithm", _) => "ok",
                (_, "reject-by-main-rule", _) | (_, _, Some("signature")) => "callback_signature_invalid",
                (_, _, Some("url" | "url-pin")) => "callback_key_not_trusted",
                ("decoder-dependent", ..) | (_, _, Some("header")) => "callback_malformed",
                other => panic!("{id}: {other:?}"),
            };
        assert_eq!(code, expected, "{id}");
        *codes.entry(code.to_owned()).or_insert(0) += 1;
    }
    assert_eq!(codes.values().sum::<i32>(), 110, "{codes:?}");
}

#[test]
fn unusable_input_is_an_error_that_says_so() {
    for (input, args) in [
        ("hello", vec![]),
        ("", vec![]),
        ("{\"vectors\":[]}", vec![]),
        (GENUINE, vec!["--trusted-key", "u=/nowhere"]),
        (GENUINE, vec!["--seal-secret-file", "/nowhere"]),
        (GENUINE, vec!["--trusted-key", "nonsense"]),
    ] {
        let output = run(input.as_bytes(), &args);
        assert!(!output.status.success() && output.stdout.is_empty(), "{args:?}");
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: "), "{args:?}");
    }
}
