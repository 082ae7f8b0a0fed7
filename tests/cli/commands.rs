//! The small commands: each once as it is meant, and its exit codes.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Beside, shell, valet, valet_reading, write_config};

/// With a quote, which a shell would take for its own.
const FILE: &str = "it's a file.txt";

#[test]
fn a_granted_curl_command_uploads_from_a_shell_and_is_called_back() {
    let beside = Beside::start();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), b"hello").unwrap();
    let token = beside.valet("token", &["--user", "u-9", "--ttl", "10m"]).ok();
    assert_eq!(token.lines().count(), 1, "{token}");
    for method in ["post", "put"] {
        let args = ["--profile", "document", "--user", "u-9", "--method", method, "--filename", FILE, "--curl"];
        let command = beside.valet("grant", &args).ok();
        assert!(command.starts_with("curl "), "{command}");
        let told = shell(&format!("{} --silent", command.trim_end()), folder.path()).json();
        assert_eq!((&told["state"], &told["user_id"], &told["size"]), (&json!("completed"), &json!("u-9"), &json!(5)));
        let shown = beside.get(&format!("/v1/uploads/{}", told["id"].as_str().unwrap()), token.trim());
        assert_eq!((&shown["state"], &shown["filename"]), (&json!("completed"), &json!(FILE)), "{shown}");
    }
}

#[test]
fn a_grant_is_printed_as_the_service_answers_it() {
    let beside = Beside::start();
    let grant = beside.valet("grant", &["--profile", "document", "--user", "u-9", "--filename", "a.txt"]).json();
    for (member, expected) in [("state", "issued"), ("user_id", "u-9"), ("profile", "document"), ("method", "post")] {
        assert_eq!(grant[member], expected, "{member} in {grant}");
    }
    assert!(grant["request"]["fields"]["x-oss-signature"].is_string(), "{grant}");
    // It stands above scopes.
    let staff = beside.valet("grant", &["--profile", "staff", "--user", "u-9"]).json();
    assert_eq!(staff["profile"], "staff");
    for args in
        [&["--profile", "nothing", "--user", "u"][..], &["--profile", "document", "--user", "", "--method", "put"]]
    {
        let refused = beside.valet("grant", args);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
        assert!(refused.stderr.starts_with("error: "), "{refused:?}");
    }
}

#[test]
fn a_token_lives_as_long_and_may_as_much_as_it_was_asked_to() {
    let beside = Beside::start();
    let plain = beside.valet("token", &["--user", "u-9"]).ok();
    let staff = beside.valet("token", &["--user", "u-9", "--scope", "uploads:staff", "--scope", "b"]).ok();
    let claims = |token: &str| -> Value {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let claims = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    };
    assert_eq!(claims(&plain)["sub"], "u-9");
    assert_eq!(claims(&staff)["scope"], "uploads:staff b");
    let lifetime = |claims: Value| claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(lifetime(claims(&plain)), 3600);
    let brief = beside.valet("token", &["--user", "u-9", "--ttl", "90s"]).ok();
    assert_eq!(lifetime(claims(&brief)), 90);
    assert!(beside.get("/v1/profiles", plain.trim()).to_string().contains("document"));
}

#[test]
fn migrating_twice_is_migrating_once() {
    let beside = Beside::start();
    for attempt in ["first", "second"] {
        let said = beside.valet("migrate", &[]).ok();
        assert!(said.contains("up to date"), "{attempt}: {said}");
    }
    let absent = beside.data.path().join("no/such/folder/ledger.db");
    let path = beside.config.path().join("development.toml");
    let settings = fs::read_to_string(path).unwrap();
    let ledger = beside.data.path().join("ledger.db");
    write_config(beside.config.path(), &settings.replace(ledger.to_str().unwrap(), absent.to_str().unwrap()));
    let failed = beside.valet("migrate", &[]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.stderr.contains("store.url"), "{failed:?}");
}

#[test]
fn check_names_file_and_key_of_every_fault() {
    let beside = Beside::start();
    let good = beside.valet("check", &[]);
    assert_eq!(good.code, 0, "{good:?}");
    assert!(good.stdout.contains("faults: 0"), "{good:?}");
    let settings = fs::read_to_string(beside.config.path().join("development.toml")).unwrap();
    for (why, from, to, keys) in [
        ("a misspelt key", "public_url =", "pubic_url =", &["server.pubic_url"][..]),
        ("a value of another kind", "workers = 1", "workers = \"many\"", &["server.workers"]),
        ("a wrong size", "max_size = \"1 MiB\"\nvars", "max_size = \"lots\"\nvars", &["profiles.document.max_size"]),
        (
            "a bucket that is not there",
            "bucket = \"media\"\nkey = \"staff",
            "bucket = \"medium\"\nkey = \"staff",
            &["profiles.staff.bucket"],
        ),
        ("a short secret", "kid = \"dev\"\nsecret = \"", "kid = \"dev\"\nsecret = \"\"#", &["callback.seal_secrets"]),
        ("two at once", "workers = 1", "workers = \"many\"\nspare = 1", &["server.workers", "server.spare"]),
    ] {
        let faulty = settings.replacen(from, to, 1);
        assert_ne!(faulty, settings, "{why}");
        write_config(beside.config.path(), &faulty);
        let done = beside.valet("check", &[]);
        assert_eq!(done.code, 1, "{why}: {done:?}");
        for key in keys {
            let named = done.stdout.lines().any(|line| line.contains(key) && line.contains("development.toml"));
            assert!(named, "{why}: no {key} with its file in {done:?}");
        }
        let secret = settings.lines().find(|line| line.starts_with("hmac_secret")).unwrap().split('"').nth(1).unwrap();
        assert!(!done.stdout.contains(secret) && !done.stderr.contains(secret), "{why}: a secret was printed");
        // What check refuses, serve refuses too.
        let served = beside.valet("serve", &["--json"]);
        assert_eq!((served.code, served.stdout.as_str()), (1, ""), "{why}: {served:?}");
    }
    write_config(beside.config.path(), "[server\n");
    let done = beside.valet("check", &[]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(format!("{}{}", done.stdout, done.stderr).contains("development.toml"), "{done:?}");
}

#[test]
fn sign_shows_what_it_signs() {
    let case = json!({
        "id": "plain", "kind": "presign", "version": "v4", "method": "PUT", "bucket": "examplebucket", "key": "a.txt",
        "endpoint": {"url": "https://oss-cn-hangzhou.aliyuncs.com"}, "region": "cn-hangzhou",
        "credentials": {"access_key_id": "TESTAK00000000000001", "access_key_secret": "TestSecret0000000000000000001x"},
        "now": 1_772_463_845, "expires_in": 3600, "headers": {"Content-Type": "text/plain"},
    });
    // The signature that eight official SDKs agree on: `v4-put-key-plain` of the vectors.
    let signed = valet_reading(&["sign", "-"], &format!("{case}\n")).json();
    assert_eq!(signed["id"], "plain");
    assert_eq!(signed["signature"], "4eadaad9fdaa87b4ec7d16799386a48db5e5f144f4fc0cc9c6bc2618aad7dacd", "{signed}");
    assert!(!signed.to_string().contains("TestSecret"), "{signed}");
}

#[test]
fn verify_callback_tells_a_genuine_one_from_a_changed_one() {
    let genuine = include_str!("../doctor/captures/genuine.http");
    let diagnosis = valet_reading(&["verify-callback", "-", "--json"], genuine).json();
    assert_eq!(diagnosis["ok"], true, "{diagnosis}");
    let changed = valet_reading(&["verify-callback", "-", "--json"], &genuine.replace("size=108904", "size=108905"));
    assert_eq!(changed.code, 1, "{changed:?}");
    let diagnosis: Value = serde_json::from_str(&changed.stdout).unwrap();
    let steps = diagnosis["steps"].as_array().unwrap();
    let failed: Vec<_> = steps.iter().filter(|step| step["ok"] == false).map(|step| &step["step"]).collect();
    assert_eq!(failed, ["signature"], "{diagnosis}");
}

#[test]
fn a_missing_configuration_is_an_error_that_names_it() {
    let empty = tempfile::tempdir().unwrap();
    for command in ["serve", "migrate", "check"] {
        let done = valet(&[command, "--config", empty.path().to_str().unwrap(), "--env", "production"]);
        assert_eq!(done.code, 1, "{command}: {done:?}");
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(said.contains("production.toml") || said.contains("buckets"), "{command}: {said}");
    }
}
