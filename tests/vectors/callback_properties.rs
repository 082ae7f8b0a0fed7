//! What must hold for every callback: nothing signed can be changed, however little.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::Md5;
use oss_valet::oss::callback_signature::{CallbackRequest, TrustedKeys, UnverifiedCallback, string_to_sign};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};
use rsa::{
    pkcs1::EncodeRsaPublicKey as _,
    pkcs1v15::SigningKey,
    pkcs8::LineEnding,
    signature::{SignatureEncoding as _, Signer as _},
};

const KEY_URL: &str = "http://keys.example/k.pem";

static SIGNER: LazyLock<(SigningKey<Md5>, TrustedKeys)> = LazyLock::new(|| {
    #[expect(clippy::disallowed_types, reason = "a test plays OSS, who signs")]
    let key = rsa::RsaPrivateKey::new(&mut StdRng::seed_from_u64(7), 512).unwrap();
    let pem = key.to_public_key().to_pkcs1_pem(LineEnding::LF).unwrap();
    (SigningKey::new(key), TrustedKeys::none().with(KEY_URL, &pem).unwrap())
});

#[derive(Debug, Clone)]
struct Signed {
    path: String,
    query: String,
    body: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    fn new(path: String, query: String, body: Vec<u8>) -> Self {
        let signature = SIGNER.0.sign(&string_to_sign(&path, Some(&query), &body)).to_vec();
        Self { path, query, body, signature }
    }

    fn verifies(&self) -> bool {
        let request = CallbackRequest {
            raw_path: self.path.as_str().into(),
            raw_query: Some(self.query.as_str().into()),
            headers: vec![
                ("Authorization".to_owned(), BASE64.encode(&self.signature).into_bytes()),
                ("X-Oss-Pub-Key-Url".to_owned(), BASE64.encode(KEY_URL).into_bytes()),
            ],
            body: self.body.clone().into(),
        };
        UnverifiedCallback::parse(request).is_ok_and(|callback| callback.verify(&SIGNER.1, &[]).is_ok())
    }
}

/// Another letter at the place that `at` chooses.
fn change(text: &mut String, at: prop::sample::Index) {
    let at = at.index(text.len());
    let other = if &text[at..=at] == "x" { "y" } else { "x" };
    text.replace_range(at..=at, other);
}

proptest! {
    #[test]
    fn one_changed_byte_breaks_the_signature(
        path in "/[a-z/+.-]{1,20}", query in "[a-z=&%2F]{1,20}", body in prop::collection::vec(any::<u8>(), 1..60),
        at: prop::sample::Index, flip in 1..=255_u8,
    ) {
        let signed = Signed::new(path, query, body);
        prop_assert!(signed.verifies());
        let mut other = signed.clone();
        change(&mut other.path, at);
        prop_assert!(!other.verifies(), "path {other:?}");
        let mut other = signed.clone();
        change(&mut other.query, at);
        prop_assert!(!other.verifies(), "query {other:?}");
        let mut other = signed.clone();
        *at.get_mut(&mut other.body) ^= flip;
        prop_assert!(!other.verifies(), "body {other:?}");
        let mut other = signed.clone();
        *at.get_mut(&mut other.signature) ^= flip;
        prop_assert!(!other.verifies(), "signature {other:?}");
        let mut other = signed;
        other.body.push(flip);
        prop_assert!(!other.verifies(), "longer body {other:?}");
    }
}
