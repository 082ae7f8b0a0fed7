//! An identity provider: one ES256 key, a token per user.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oss_valet::clock::{Clock as _, SystemClock};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;

/// Also in the service's settings.
pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const AUDIENCE: &str = "uploads";
const ONE_DAY: i64 = 86_400;

/// Signs tokens.
pub(crate) struct IdentityProvider(KeyPair);

impl IdentityProvider {
    pub(crate) fn create() -> Self {
        Self(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
    }

    pub(crate) fn public_key_pem(&self) -> String {
        self.0.public_key_pem()
    }

    pub(crate) fn token(&self, user: &str) -> String {
        let key = EncodingKey::from_ec_pem(self.0.serialize_pem().as_bytes()).unwrap();
        let exp = SystemClock.now().timestamp() + ONE_DAY;
        let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": user, "exp": exp});
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap()
    }
}
