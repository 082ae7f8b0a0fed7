//! Keys and tokens of made-up issuers.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oss_valet::auth::{AuthConfig, Authenticator, IssuerConfig, KeySource};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use rsa::{
    pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding},
    traits::PublicKeyParts,
};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const AUDIENCE: &str = "uploads";

/// The instant at which all tests begin.
pub(crate) fn start() -> DateTime<Utc> {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

pub(crate) fn after(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

/// A private key with its public half as a JWK and as PEM.
pub(crate) struct TestKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: String,
    pub(crate) jwk: Value,
    pub(crate) public_pem: String,
    private: EncodingKey,
}

impl TestKey {
    pub(crate) fn ec(kid: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let point = pair.public_key_raw();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        Self {
            algorithm: Algorithm::ES256,
            kid: kid.to_owned(),
            jwk: json!({ "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256", "x": x, "y": y }),
            public_pem: pair.public_key_pem(),
            private: EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap(),
        }
    }

    pub(crate) fn ed25519(kid: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key_raw());
        Self {
            algorithm: Algorithm::EdDSA,
            kid: kid.to_owned(),
            jwk: json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x }),
            public_pem: pair.public_key_pem(),
            private: EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap(),
        }
    }

    #[expect(clippy::disallowed_types, reason = "tests make the keys that the service only verifies with")]
    pub(crate) fn rsa(kid: &str, bits: usize) -> Self {
        let pair = rsa::RsaPrivateKey::new(&mut rand::rngs::OsRng, bits).unwrap();
        let number = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        let private_pem = pair.to_pkcs8_pem(LineEnding::LF).unwrap();
        Self {
            algorithm: Algorithm::RS256,
            kid: kid.to_owned(),
            jwk: json!({ "kty": "RSA", "kid": kid, "n": number(pair.n()), "e": number(pair.e()) }),
            public_pem: pair.to_public_key().to_public_key_pem(LineEnding::LF).unwrap(),
            private: EncodingKey::from_rsa_pem(private_pem.as_bytes()).unwrap(),
        }
    }

    /// A token with this key's `kid` and algorithm.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(|_| {}, claims)
    }

    /// A token whose header was changed before it was signed.
    pub(crate) fn token_with(&self, change: impl FnOnce(&mut Header), claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone());
        change(&mut header);
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

/// RSA keys take a while to make: one for all tests.
pub(crate) static RSA: LazyLock<TestKey> = LazyLock::new(|| TestKey::rsa("rsa", 2048));

/// Claims that are accepted from `start` for an hour.
pub(crate) fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "u-7", "scope": "uploads:read-any uploads:issue-for",
        "exp": start().timestamp() + 3600,
    })
}

/// Good claims with one of them changed; `null` takes it away.
pub(crate) fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = good_claims();
    let members = claims.as_object_mut().unwrap();
    match value {
        Value::Null => members.remove(name),
        value => members.insert(name.to_owned(), value),
    };
    claims
}

pub(crate) fn jwks(keys: &[&TestKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| &key.jwk).collect::<Vec<_>>() })
}

pub(crate) fn issuer(name: &str, keys: KeySource) -> IssuerConfig {
    let audience = vec![AUDIENCE.to_owned()];
    IssuerConfig { issuer: name.to_owned(), audience, keys, max_stale: TimeDelta::hours(24) }
}

pub(crate) fn config(issuers: Vec<IssuerConfig>) -> AuthConfig {
    AuthConfig {
        user_id_claim: "sub".to_owned(),
        scope_claim: "scope".to_owned(),
        leeway: TimeDelta::seconds(30),
        algorithms: vec![Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA],
        issuers,
        allow_loopback_http: true,
    }
}

pub(crate) fn authenticator(config: AuthConfig) -> Authenticator {
    // Each test may be the first of its process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Authenticator::new(config).unwrap()
}

/// An authenticator for one issuer whose public key lies in a file.
pub(crate) fn trusting(key: &TestKey) -> Authenticator {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("public.pem");
    std::fs::write(&path, &key.public_pem).unwrap();
    authenticator(config(vec![issuer(ISSUER, KeySource::PublicKeyFile(path))]))
}
