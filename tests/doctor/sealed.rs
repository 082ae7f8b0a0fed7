//! The seal step: captures signed by a key made here.

use std::io::Write as _;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::DateTime;
use md5::Md5;
use oss_valet::{
    grant::{
        grant::GrantKind,
        seal::{SealKey, SealKeys, SealedFacts},
    },
    oss::callback_signature::string_to_sign,
};
use rand::{SeedableRng as _, rngs::StdRng};
use rsa::{
    pkcs1v15::SigningKey,
    pkcs8::{EncodePublicKey as _, LineEnding},
    signature::{SignatureEncoding as _, Signer as _},
};
use tempfile::NamedTempFile;

use crate::captured::{cause, diagnose};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const KEY_URL: &str = "http://127.0.0.1:9000/key?v=1";

struct Simulator {
    key: SigningKey<Md5>,
    pem: NamedTempFile,
    secret: NamedTempFile,
}

impl Simulator {
    fn new() -> Self {
        #[expect(clippy::disallowed_types, reason = "a test plays OSS, who signs")]
        let key = rsa::RsaPrivateKey::new(&mut StdRng::seed_from_u64(1), 512).unwrap();
        let pem = file(key.to_public_key().to_public_key_pem(LineEnding::LF).unwrap().as_bytes());
        Self { key: SigningKey::new(key), pem, secret: file(&[SECRET, b"\n"].concat()) }
    }

    fn capture(&self, body: &str) -> String {
        let signature = self.key.sign(&string_to_sign("/cb", None, body.as_bytes()));
        format!(
            "POST /cb HTTP/1.1\r\nAuthorization: {}\r\nx-oss-pub-key-url: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
            BASE64.encode(signature.to_bytes()),
            BASE64.encode(KEY_URL)
        )
    }

    fn diagnose(&self, body: &str) -> serde_json::Value {
        let trusted = format!("{KEY_URL}={}", self.pem.path().display());
        let secret = self.secret.path().display().to_string();
        diagnose(self.capture(body).as_bytes(), &["--trusted-key", &trusted, "--seal-secret-file", &secret])
    }
}

fn file(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

fn seal(kind: GrantKind, key: &str, secret: &[u8]) -> String {
    let vars = [("album".to_owned(), "42".to_owned())];
    let facts = SealedFacts { kind, upload_id: "0193", user_id: "u-7", bucket: "b", key, vars: &vars };
    let keys = SealKeys::new(vec![SealKey::derive("any", secret).unwrap()]).unwrap();
    keys.seal(&facts, DateTime::from_timestamp(1_795_219_200, 0).unwrap())
}

const BODY: &str = "bucket=b&object=a%2Fk.png&size=1&x:user_id=u-7&x:upload_id=0193&x:album=42&x:note=";

#[test]
fn a_seal_is_checked_whatever_the_kid_and_the_kind() {
    let simulator = Simulator::new();
    let upload = format!("{BODY}&x:seal={}", seal(GrantKind::Upload, "a/k.png", SECRET));
    let directory = format!("{BODY}&x:dir=a%2F&x:seal={}", seal(GrantKind::Directory, "a/", SECRET));
    for body in [upload, directory] {
        let diagnosis = simulator.diagnose(&body);
        assert_eq!(diagnosis["steps"][4]["ok"], true, "{diagnosis}");
    }
}

#[test]
fn a_wrong_seal_is_explained() {
    let simulator = Simulator::new();
    let good = seal(GrantKind::Upload, "a/k.png", SECRET);
    let with = |seal: &str| format!("{BODY}&x:seal={seal}");
    let cases = [
        ("none", BODY.to_owned(), "callbackBody must hold x:seal"),
        ("null", with(""), "callbackBody must hold x:seal"),
        ("no seal", with("v1.x"), "not what a grant holds"),
        ("another secret", with(&seal(GrantKind::Upload, "a/k.png", &[7; 32])), "another secret"),
        ("another key", with(&good).replace("k.png", "j.png"), "changed the key"),
        ("a variable added", with(&good).replace("x:note=", "x:note=1"), "without the variable x:note"),
        ("a fact that the body lacks", with(&good).replace("bucket=b&", ""), "has no `bucket`"),
    ];
    for (what, body, hint) in cases {
        let diagnosis = simulator.diagnose(&body);
        let (code, found) = cause(&diagnosis);
        assert_eq!(code, "callback_seal_invalid", "{what}");
        assert!(found.contains(hint), "{what}: {found}");
    }
}

#[test]
fn an_unreadable_body_is_told_from_a_bad_signature() {
    let diagnosis = Simulator::new().diagnose("bucket=a&bucket=b");
    assert_eq!(cause(&diagnosis).0, "callback_unparseable");
    assert_eq!(diagnosis["steps"][2]["ok"], true);
}
