//! Public keys of one issuer, each tied to the algorithms it may verify.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use rsa::{RsaPublicKey, pkcs1::DecodeRsaPublicKey, pkcs8::DecodePublicKey, traits::PublicKeyParts};

/// Shorter RSA keys are refused.
const MIN_RSA_BITS: usize = 2048;
const RSA_ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];

/// The keys of one issuer.
#[derive(Clone, Default)]
pub(super) struct KeySet(Vec<Key>);

/// One key; the algorithm in a token's header can only pick among `algorithms`.
#[derive(Clone)]
struct Key {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
    /// The only key, configured by itself: it has no `kid`, and a token's does not matter.
    any_kid: bool,
}

impl KeySet {
    /// Reads a JWK set. Keys of unknown kind or for other uses are left out; symmetric ones too, for a set is public.
    pub(super) fn from_jwks(json: &[u8]) -> Result<Self, String> {
        #[derive(serde::Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        let document: Document = serde_json::from_slice(json).map_err(|error| format!("no JWK set: {error}"))?;
        let keys = document.keys.into_iter().filter_map(|value| serde_json::from_value::<Jwk>(value).ok());
        Ok(Self(keys.filter_map(|jwk| key_of_jwk(&jwk)).collect()))
    }

    /// One public key in PEM: RSA ≥ 2048 bits, P-256, P-384 or Ed25519.
    pub(super) fn from_pem(pem: &str) -> Result<Self, String> {
        let (key, algorithms) = key_of_pem(pem)?;
        Ok(Self(vec![Key { kid: None, algorithms, decoding: key, any_kid: true }]))
    }

    /// A shared secret, for HS256 alone.
    pub(super) fn from_hmac_secret(secret: &[u8]) -> Self {
        let decoding = DecodingKey::from_secret(secret);
        Self(vec![Key { kid: None, algorithms: vec![Algorithm::HS256], decoding, any_kid: true }])
    }

    /// Whether there is no usable key.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many are usable.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The one key for this token, if there is exactly one.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self.0.iter().filter(|key| {
            let named = key.any_kid || kid.is_none() || key.kid.as_deref() == kid;
            named && key.algorithms.contains(&algorithm)
        });
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(&key.decoding),
            _ => None,
        }
    }
}

fn key_of_jwk(jwk: &Jwk) -> Option<Key> {
    let common = &jwk.common;
    let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let verifies = common.key_operations.as_ref().is_none_or(|list| list.contains(&KeyOperations::Verify));
    if !signs || !verifies {
        return None;
    }
    let mut algorithms = algorithms_of_jwk(&jwk.algorithm)?;
    if let Some(named) = common.key_algorithm {
        algorithms.retain(|&algorithm| is_named(algorithm, named));
    }
    let decoding = DecodingKey::from_jwk(jwk).ok()?;
    (!algorithms.is_empty()).then(|| Key { kid: common.key_id.clone(), algorithms, decoding, any_kid: false })
}

/// What a key of this kind may verify; `None` for what we don't use, and for malformed or short keys.
fn algorithms_of_jwk(parameters: &AlgorithmParameters) -> Option<Vec<Algorithm>> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => {
            let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
            (bit_length(&modulus) >= MIN_RSA_BITS).then(|| RSA_ALGORITHMS.to_vec())
        }
        AlgorithmParameters::EllipticCurve(point) => {
            let (algorithm, size) = match point.curve {
                EllipticCurve::P256 => (Algorithm::ES256, 32),
                EllipticCurve::P384 => (Algorithm::ES384, 48),
                _ => return None,
            };
            let fits = |part: &str| URL_SAFE_NO_PAD.decode(part).is_ok_and(|bytes| bytes.len() == size);
            (fits(&point.x) && fits(&point.y)).then(|| vec![algorithm])
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Some(vec![Algorithm::EdDSA]),
        _ => None,
    }
}

fn is_named(algorithm: Algorithm, named: KeyAlgorithm) -> bool {
    matches!(
        (algorithm, named),
        (Algorithm::RS256, KeyAlgorithm::RS256)
            | (Algorithm::RS384, KeyAlgorithm::RS384)
            | (Algorithm::RS512, KeyAlgorithm::RS512)
            | (Algorithm::ES256, KeyAlgorithm::ES256)
            | (Algorithm::ES384, KeyAlgorithm::ES384)
            | (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
    )
}

fn key_of_pem(pem: &str) -> Result<(DecodingKey, Vec<Algorithm>), String> {
    if let Ok(rsa) = RsaPublicKey::from_public_key_pem(pem).or_else(|_| RsaPublicKey::from_pkcs1_pem(pem)) {
        if rsa.n().bits() < MIN_RSA_BITS {
            return Err(format!("an RSA key needs at least {MIN_RSA_BITS} bits"));
        }
        let key = DecodingKey::from_rsa_raw_components(&rsa.n().to_bytes_be(), &rsa.e().to_bytes_be());
        return Ok((key, RSA_ALGORITHMS.to_vec()));
    }
    if let Ok(key) = DecodingKey::from_ec_pem(pem.as_bytes()) {
        // An uncompressed point: one byte, then two coordinates.
        return match key.try_get_as_bytes().map(<[u8]>::len) {
            Ok(65) => Ok((key, vec![Algorithm::ES256])),
            Ok(97) => Ok((key, vec![Algorithm::ES384])),
            _ => Err("of the elliptic curves only P-256 and P-384 are supported".to_owned()),
        };
    }
    let key = DecodingKey::from_ed_pem(pem.as_bytes());
    key.map(|key| (key, vec![Algorithm::EdDSA]))
        .map_err(|_| "no public key in PEM (RSA, P-256, P-384 or Ed25519)".to_owned())
}

fn bit_length(big_endian: &[u8]) -> usize {
    let significant = big_endian.iter().position(|&byte| byte != 0).map_or(&[][..], |start| &big_endian[start..]);
    significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_lengths_ignore_leading_zeros() {
        for (bytes, bits) in [(&[][..], 0), (&[0, 0], 0), (&[1], 1), (&[0, 0x80], 8), (&[1, 0], 9)] {
            assert_eq!(bit_length(bytes), bits, "{bytes:?}");
        }
    }

    #[test]
    fn short_rsa_keys_symmetric_keys_and_encryption_keys_are_left_out_of_a_set() {
        let short = URL_SAFE_NO_PAD.encode([0xffu8; 255]);
        let long = URL_SAFE_NO_PAD.encode([0xffu8; 256]);
        let set = serde_json::json!({ "keys": [
            { "kty": "RSA", "kid": "short", "n": short, "e": "AQAB" },
            { "kty": "oct", "kid": "oct", "k": "c2VzYW1l" },
            { "kty": "RSA", "kid": "enc", "use": "enc", "n": long, "e": "AQAB" },
            { "kty": "unheard-of", "kid": "new" },
            { "kty": "RSA", "kid": "good", "n": long, "e": "AQAB" },
        ]});
        let keys = KeySet::from_jwks(set.to_string().as_bytes()).unwrap();
        let kids: Vec<_> = keys.0.iter().map(|key| key.kid.as_deref().unwrap()).collect();
        assert_eq!(kids, ["good"]);
    }
}
