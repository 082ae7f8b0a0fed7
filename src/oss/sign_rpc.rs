//! The RPC signature of Alibaba Cloud's older APIs, with which STS is called (P§6.1).

use super::{access_key::AccessKey, encoding::encode_component, sign_v1};

/// The result of each stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcSignature {
    /// First stage.
    pub string_to_sign: String,
    /// Last stage, Base64.
    pub signature: String,
}

/// Signs `parameters` (all but `Signature`, in any order, un-encoded) for a call by `method`.
pub fn sign(method: &str, parameters: &[(String, String)], key: &AccessKey) -> RpcSignature {
    let string_to_sign = string_to_sign(method, parameters);
    let signature = sign_v1::sign_text(&string_to_sign, &rpc_key(key));
    RpcSignature { string_to_sign, signature }
}

/// Whether `signature` is the text's under `key`, compared in constant time.
pub fn verify_text(string_to_sign: &str, key: &AccessKey, signature: &str) -> bool {
    sign_v1::verify_text(string_to_sign, &rpc_key(key), signature)
}

/// The scheme's key is the secret with `&` behind it.
fn rpc_key(key: &AccessKey) -> AccessKey {
    AccessKey::new(key.id(), format!("{}&", key.expose_secret()))
}

/// First stage: `METHOD&%2F&` and the encoded, sorted query, encoded once more.
pub fn string_to_sign(method: &str, parameters: &[(String, String)]) -> String {
    let mut encoded: Vec<_> =
        parameters.iter().map(|(name, value)| (encode_component(name), encode_component(value))).collect();
    encoded.sort();
    let query: Vec<_> = encoded.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}&%2F&{}", encode_component(&query.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documentation's example (P§6.1).
    #[test]
    fn the_documented_signature_comes_out() {
        let parameters = [
            ("Timestamp", "2016-02-23T12:46:24Z"),
            ("Format", "XML"),
            ("AccessKeyId", "testid"),
            ("Action", "DescribeRegions"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("Version", "2014-05-26"),
            ("SignatureVersion", "1.0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let signed = sign("GET", &parameters, &AccessKey::new("testid", "testsecret"));
        assert!(signed.string_to_sign.starts_with("GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format"));
        assert_eq!(signed.signature, "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
        let verifies =
            |secret: &str| verify_text(&signed.string_to_sign, &AccessKey::new("testid", secret), &signed.signature);
        assert!(verifies("testsecret") && !verifies("testsecret&"));
    }
}
