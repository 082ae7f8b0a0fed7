//! `oss-valet simulator`: its line, its roles, its STS.

use std::{fs, path::Path, process::Command};

use chrono::SecondsFormat;
use oss_valet::{
    clock::{Clock, SystemClock},
    oss::{access_key::AccessKey, encoding::push_query, sign_rpc},
};
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::{
    dev::{BINARY, Running},
    harness::{curl, valet},
};

const POLICY: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:GetObject","Resource":"acs:oss:*:*:dev-media/*"}]}"#;

fn start(args: &[&str]) -> Running {
    let mut command = Command::new(BINARY);
    command.args(["simulator", "--listen", "127.0.0.1:0"]).args(args);
    Running::start(command)
}

/// The `--role` argument for a policy written to `folder`.
fn role(folder: &Path, name: &str, policy: &str) -> String {
    let path = folder.join(format!("{name}.json"));
    fs::write(&path, policy).unwrap();
    format!("{name}={}", path.display())
}

fn assume_role(simulator: &Running, arn: &str) -> Value {
    let key = &simulator.ready["access_keys"][0];
    let key = AccessKey::new(key["id"].as_str().unwrap(), key["secret"].as_str().unwrap());
    let now = SystemClock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut parameters = [
        ("Action", "AssumeRole"),
        ("RoleArn", arn),
        ("RoleSessionName", "alice"),
        ("DurationSeconds", "43200"),
        ("Version", "2015-04-01"),
        ("Format", "JSON"),
        ("AccessKeyId", key.id()),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", arn),
        ("Timestamp", &now),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let signature = sign_rpc::sign("POST", &parameters, &key).signature;
    parameters.push(("Signature".to_owned(), signature));
    let mut body = String::new();
    push_query(&mut body, &parameters);
    curl(&["-d", &body, &format!("{}/", simulator.text("sts"))]).json()
}

#[test]
fn the_ready_role_and_further_ones_can_be_assumed() {
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("issuer.pem");
    fs::write(&pem, KeyPair::generate().unwrap().public_key_pem()).unwrap();
    let partner = role(folder.path(), "partner", POLICY);
    let issuer = ["--oidc-issuer", "https://id.example.com", "--oidc-public-key", pem.to_str().unwrap()];
    let simulator = start(&[&["--role", partner.as_str()][..], &issuer].concat());
    assert_eq!(simulator.text("sts"), simulator.text("url"));
    let arn = |name: &str| format!("acs:ram::1234567890123456:role/{name}");
    let roles = ["oss-valet-uploads", "partner"].map(|name| json!({ "name": name, "arn": arn(name) }));
    assert_eq!(simulator.ready["roles"], json!(roles));
    assert_eq!(simulator.text("oidc_provider"), "acs:ram::1234567890123456:oidc-provider/oss-valet");
    for name in ["oss-valet-uploads", "partner"] {
        let given = assume_role(&simulator, &arn(name));
        assert!(given["Credentials"]["SecurityToken"].is_string(), "{given}");
    }
    assert!(simulator.terminate().0.success());
}

#[test]
fn without_an_issuer_there_is_no_provider() {
    let simulator = start(&[]);
    assert_eq!(simulator.ready.get("oidc_provider"), None);
    assert_eq!(simulator.ready["roles"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_role_that_cannot_be_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let malformed = role(folder.path(), "bad", r#"{"Version":"1","Statement":[]}"#);
    let twice = role(folder.path(), "oss-valet-uploads", POLICY);
    let no_key = folder.path().join("bad.json").display().to_string();
    let issuer = "https://id.example.com";
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--role", &malformed], 1, "bad.json"),
        (&["--role", "gone=/no/such/file"], 1, "/no/such/file"),
        (&["--role", &twice], 1, "oss-valet-uploads"),
        (&["--role", "nameless"], 2, "NAME=POLICY.json"),
        (&["--oidc-issuer", issuer], 2, "--oidc-public-key"),
        (&["--oidc-issuer", issuer, "--oidc-public-key", &no_key], 1, "public key"),
    ];
    for (args, code, expected) in cases {
        let done = valet(&[&["simulator", "--listen", "127.0.0.1:0"], args].concat());
        assert_eq!((done.code, done.stdout.as_str()), (code, ""), "{args:?} {done:?}");
        assert!(done.stderr.contains(expected), "{args:?}: {}", done.stderr);
    }
}

#[test]
fn where_callbacks_go_and_by_whose_certificates_must_make_sense() {
    let folder = tempfile::tempdir().unwrap();
    let key_for_certificate = folder.path().join("key.pem");
    fs::write(&key_for_certificate, KeyPair::generate().unwrap().public_key_pem()).unwrap();
    let cases: [(&[&str], i32, &str); 4] = [
        (&["--callback-ca", "/no/such/file"], 1, "/no/such/file"),
        (&["--callback-ca", key_for_certificate.to_str().unwrap()], 1, "no certificate"),
        (&["--callback-host", "valet.example.com"], 2, "HOST=ADDRESS"),
        (&["--callback-host", "=127.0.0.1"], 2, "HOST=ADDRESS"),
    ];
    for (args, code, expected) in cases {
        let done = valet(&[&["simulator", "--listen", "127.0.0.1:0"], args].concat());
        assert_eq!((done.code, done.stdout.as_str()), (code, ""), "{args:?} {done:?}");
        assert!(done.stderr.contains(expected), "{args:?}: {}", done.stderr);
    }
}
