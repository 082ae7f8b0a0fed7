//! OIDC tokens, really verified: algorithm, signature, issuer, audience, time.

use chrono::{DateTime, TimeZone, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use serde::Deserialize;

use super::answer::StsError;
use crate::simulator::access::roles::OidcProviderSpec;

/// A provider with its key read.
pub(super) struct Provider {
    pub(super) spec: OidcProviderSpec,
    key: DecodingKey,
    /// What this kind of key verifies. The token's header may pick among them, and nothing else.
    algorithms: Vec<Algorithm>,
}

/// What of a token counts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) aud: Audience,
    pub(super) exp: i64,
    nbf: Option<i64>,
    pub(super) iat: Option<i64>,
}

/// `aud`: one text or several.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

impl Provider {
    pub(super) fn new(spec: &OidcProviderSpec) -> Result<Self, String> {
        let pem = spec.public_key_pem.as_bytes();
        let (key, algorithms) = if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
            (key, vec![Algorithm::RS256, Algorithm::RS384, Algorithm::RS512])
        } else if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            // An uncompressed point: one byte, then two coordinates.
            let wide = key.try_get_as_bytes().is_ok_and(|point| point.len() == 97);
            (key, vec![if wide { Algorithm::ES384 } else { Algorithm::ES256 }])
        } else {
            let key = DecodingKey::from_ed_pem(pem)
                .map_err(|_| format!("the OIDC provider {} has no public key in PEM", spec.name))?;
            (key, vec![Algorithm::EdDSA])
        };
        Ok(Self { spec: spec.clone(), key, algorithms })
    }

    /// Verifies a token.
    pub(super) fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, StsError> {
        if token.split('.').count() != 3 {
            return Err(invalid("The number of Jwt field should be divided into 3 parts with '.' ."));
        }
        let unreadable = || invalid("The Jwt content is invalid that cannot be recognized.");
        let algorithm = jsonwebtoken::decode_header(token).map_err(|_| unreadable())?.alg;
        if !self.algorithms.contains(&algorithm) {
            return Err(invalid(format!("The algorithm {algorithm:?} that be specified in Jwt header is unknown.")));
        }
        let mut rules = Validation::new(algorithm);
        // Its own checks would read the machine's clock; ours follow, each with STS's own refusal.
        rules.required_spec_claims.clear();
        (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.key, &rules);
        let claims = decoded.map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => {
                refused("InvalidSignature", "OIDC token validate failed: invalid signature.")
            }
            _ => unreadable(),
        })?;
        self.check(claims.claims, now)
    }

    fn check(&self, claims: Claims, now: DateTime<Utc>) -> Result<Claims, StsError> {
        if claims.iss != self.spec.issuer {
            // No source gives code and message: an assumption after the next one.
            return Err(refused("IssuerNotMatch", "Invalid issuer."));
        }
        if !claims.aud.names().iter().any(|name| self.spec.audiences.contains(name)) {
            return Err(refused("AudienceNotMatch", "Invalid audience."));
        }
        if now.timestamp() >= claims.exp {
            return Err(refused("Expired", "This JsonWebToken is expired."));
        }
        if claims.nbf.is_some_and(|not_before| now.timestamp() < not_before) {
            return Err(invalid("The Jwt content is invalid that cannot be recognized."));
        }
        Ok(claims)
    }
}

/// Seconds since the epoch, as STS writes times.
pub(super) fn instant(seconds: i64) -> Option<String> {
    let time = Utc.timestamp_opt(seconds, 0).single()?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> StsError {
    refused("Invalid", message)
}

fn refused(reason: &str, message: impl Into<std::borrow::Cow<'static, str>>) -> StsError {
    StsError::new(401, format!("AuthenticationFail.OIDCToken.{reason}"), message)
}
