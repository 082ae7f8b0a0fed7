//! ACS3-HMAC-SHA256, the header signature of Alibaba Cloud's newer API calls, with which STS may be called too (P§6.1).
//!
//! Stages: canonical request → string to sign → signature. Unlike OSS's V4 there is no derived key.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::{
    access_key::AccessKey,
    encoding::encode_component,
    request::{lower_case, push_canonical_headers},
};

/// The scheme's name, first in `Authorization`.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// A call as the scheme sees it. Names and values of the query are decoded text.
#[derive(Debug, Clone, Copy)]
pub struct Acs3Request<'a> {
    /// `POST`, `GET`.
    pub method: &'a str,
    /// The path as it stands in the request line; `/` for RPC-style APIs.
    pub path: &'a str,
    /// Query parameters in any order.
    pub query: &'a [(String, String)],
    /// Headers in any case and order, `host` among them.
    pub headers: &'a [(String, String)],
    /// Lower-case hex of the body's SHA-256, as `x-acs-content-sha256` has it.
    pub content_sha256: &'a str,
}

/// What an `Authorization` header of this scheme says. Nothing here is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acs3Authorization {
    /// Who claims to have signed.
    pub access_key_id: String,
    /// Lower-case names, as listed.
    pub signed_headers: Vec<String>,
    /// Lower-case hex.
    pub signature: String,
}

impl Acs3Authorization {
    /// Reads `ACS3-HMAC-SHA256 Credential=…,SignedHeaders=a;b,Signature=…`; `None` when it is not of that form.
    pub fn parse(authorization: &str) -> Option<Self> {
        let fields = authorization.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let slot = match field.trim().split_once('=')? {
                ("Credential", value) => credential.replace(value),
                ("SignedHeaders", value) => signed_headers.replace(value),
                ("Signature", value) => signature.replace(value),
                _ => return None,
            };
            if slot.is_some() {
                return None;
            }
        }
        Some(Self {
            access_key_id: credential.filter(|id| !id.is_empty())?.to_owned(),
            signed_headers: signed_headers?.split(';').map(str::to_owned).collect(),
            signature: signature?.to_owned(),
        })
    }
}

/// The headers that have to be signed where they occur: `host`, `content-type` and every `x-acs-*`; lower case, sorted.
pub fn mandatory_headers(headers: &[(String, String)]) -> Vec<String> {
    let names = headers.iter().map(|(name, _)| lower_case(name).into_owned());
    let mut names: Vec<_> =
        names.filter(|name| name == "host" || name == "content-type" || name.starts_with("x-acs-")).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// First stage; `signed_headers` in lower case and sorted.
pub fn canonical_request(request: &Acs3Request<'_>, signed_headers: &[String]) -> String {
    let mut query: Vec<_> =
        request.query.iter().map(|(name, value)| (encode_component(name), encode_component(value))).collect();
    query.sort();
    let query: Vec<_> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut text = format!("{}\n{}\n{}\n", request.method, request.path, query.join("&"));
    push_canonical_headers(&mut text, request.headers, |name| signed_headers.iter().any(|signed| signed == name));
    text.push('\n');
    text.push_str(&signed_headers.join(";"));
    text.push('\n');
    text.push_str(request.content_sha256);
    text
}

/// Second stage.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", hex::encode(Sha256::digest(canonical_request)))
}

/// Last stage: lower-case hex of the MAC under the secret itself.
pub fn sign_text(string_to_sign: &str, key: &AccessKey) -> String {
    hex::encode(mac(string_to_sign, key).finalize().into_bytes())
}

/// Whether `signature` is the lower-case hex of the text's MAC, compared in constant time.
pub fn verify_text(string_to_sign: &str, key: &AccessKey, signature: &str) -> bool {
    let lower = !signature.bytes().any(|byte| byte.is_ascii_uppercase());
    lower && hex::decode(signature).is_ok_and(|bytes| mac(string_to_sign, key).verify_slice(&bytes).is_ok())
}

fn mac(text: &str, key: &AccessKey) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn own(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Both of the documentation's examples (P§6.1).
    #[test]
    fn the_published_signatures_come_out() {
        let cases = [
            (
                "2023-10-26T10:22:32Z",
                "3156853299f313e23d1673dc12e1703d",
                "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
            ),
            (
                "2023-10-26T09:01:01Z",
                "d410180a5abf7fe235dd9b74aca91fc0",
                "e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804",
            ),
        ];
        let key = AccessKey::new("YourAccessKeyId", "YourAccessKeySecret");
        let query =
            own(&[("RegionId", "cn-shanghai"), ("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd")]);
        for (date, nonce, signature) in cases {
            let headers = own(&[
                ("Host", "ecs.cn-shanghai.aliyuncs.com"),
                ("X-Acs-Action", "RunInstances"),
                ("x-acs-version", "2014-05-26"),
                ("x-acs-date", date),
                ("x-acs-signature-nonce", nonce),
                ("x-acs-content-sha256", EMPTY),
                ("accept", "*/*"),
            ]);
            let request =
                Acs3Request { method: "POST", path: "/", query: &query, headers: &headers, content_sha256: EMPTY };
            let text = string_to_sign(&canonical_request(&request, &mandatory_headers(&headers)));
            assert_eq!(sign_text(&text, &key), signature);
            assert!(verify_text(&text, &key, signature));
            assert!(!verify_text(&text, &key, &signature.to_ascii_uppercase()));
            assert!(!verify_text(&text, &AccessKey::new("YourAccessKeyId", "other"), signature));
        }
    }

    #[test]
    fn an_authorization_reads_back_and_others_do_not() {
        let text = "ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;x-acs-date,Signature=ab";
        let read = Acs3Authorization::parse(text).unwrap();
        assert_eq!((read.access_key_id.as_str(), read.signature.as_str()), ("AK", "ab"));
        assert_eq!(read.signed_headers, ["host", "x-acs-date"]);
        for broken in [
            "",
            "OSS AK:ab",
            "ACS3-HMAC-SHA256 Credential=AK,Signature=ab",
            "ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=ab",
            "ACS3-HMAC-SHA256 Credential=A,Credential=B,SignedHeaders=host,Signature=ab",
            "ACS3-HMAC-SHA256 Credential=A,SignedHeaders=host,Signature=ab,Extra=1",
        ] {
            assert_eq!(Acs3Authorization::parse(broken), None, "{broken:?}");
        }
    }
}
