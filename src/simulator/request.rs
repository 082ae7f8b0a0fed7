//! A request as the simulator sees it: parsed once, at the door.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use rand::{RngCore, rngs::OsRng};

use super::{
    access::permissions::Resource, address::Address, errors::OssError, operation_name::operation_name,
    request_log::Notes, settings::SimulatorSettings,
};
use crate::oss::{
    encoding::{decode_path, decode_query},
    request::SignableRequest,
};

/// Method, address, headers and query of one request; names and values decoded.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub(super) method: String,
    /// The `Host` header, with its port.
    pub(super) host: String,
    pub(super) address: Address,
    /// The object key, decoded once; empty for the bucket itself.
    pub(super) key: String,
    /// Header names in lower case, values trimmed, in order of arrival.
    pub(super) headers: Vec<(String, String)>,
    /// `""` for a name without value.
    pub(super) query: Vec<(String, String)>,
    /// 24 upper-case hex digits.
    pub(super) request_id: String,
    pub(super) client_ip: String,
    /// Captured once.
    pub(super) now: DateTime<Utc>,
    /// OSS's name of what is asked for.
    pub(super) operation: &'static str,
    /// What is learnt on the way.
    pub(super) notes: Notes,
}

impl Incoming {
    pub(super) fn parse(request: &HttpRequest, settings: &SimulatorSettings) -> Self {
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
            })
            .collect();
        // An absolute request target names the host itself; it wins over the header (RFC 9112 §3.2.2).
        let host = request
            .uri()
            .authority()
            .map(|authority| authority.as_str().to_owned())
            .or_else(|| headers.iter().find(|(name, _)| name == "host").map(|(_, value)| value.clone()));
        let host = host.unwrap_or_default();
        let (address, raw_key) = Address::resolve(&host, request.uri().path(), settings);
        // A key that is not UTF-8 is no key; an undecodable query can't be a signed one.
        let key = decode_path(raw_key).unwrap_or_default();
        let query = request.uri().query().and_then(decode_query).unwrap_or_default();
        let has = |mark: &str| match mark.strip_prefix("h:") {
            Some(header) => headers.iter().any(|(name, _)| name == header),
            None => query.iter().any(|(name, _)| name == mark),
        };
        let method = request.method().as_str();
        Self {
            operation: operation_name(method, address.bucket.is_some(), !key.is_empty(), has),
            method: method.to_owned(),
            host,
            address,
            key,
            headers,
            query,
            request_id: request_id(),
            client_ip: request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default(),
            now: settings.clock.now(),
            notes: Notes::default(),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The bucket that the address names.
    pub(super) fn bucket(&self) -> Option<&str> {
        self.address.bucket.as_deref()
    }

    /// What RAM calls the thing addressed.
    pub(super) fn resource(&self) -> Resource<'_> {
        Resource { bucket: self.bucket().unwrap_or_default(), key: &self.key }
    }

    /// The key, when OSS would accept it as one.
    pub(super) fn object_key(&self) -> Result<&str, OssError> {
        check_key(&self.key)
    }

    /// `x-oss-forbid-overwrite: true`.
    pub(super) fn forbids_overwrite(&self) -> bool {
        self.header("x-oss-forbid-overwrite").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The request as the verifier wants it.
    pub(super) fn signable(&self) -> SignableRequest {
        SignableRequest {
            method: self.method.clone(),
            bucket: self.address.bucket.clone(),
            key: self.key.clone(),
            headers: self.headers.clone(),
            query: self.query.clone(),
        }
    }
}

/// OSS's rules for keys: 1 to 1023 bytes of UTF-8, not starting with `/` or `\`.
pub(super) fn check_key(key: &str) -> Result<&str, OssError> {
    const MAX_KEY_BYTES: usize = 1023;
    let valid = !key.is_empty() && key.len() <= MAX_KEY_BYTES && !key.starts_with(['/', '\\']);
    if valid { Ok(key) } else { Err(OssError::invalid_object_name(key)) }
}

fn request_id() -> String {
    let mut bytes = [0; 12];
    OsRng.fill_bytes(&mut bytes);
    hex::encode_upper(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_24_upper_case_hex_digits() {
        let id = request_id();
        assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)), "{id}");
    }

    #[test]
    fn keys_are_judged_as_oss_judges_them() {
        for (key, valid) in [("a", true), ("a//b", true), ("", false), ("/a", false), ("\\a", false)] {
            assert_eq!(check_key(key).is_ok(), valid, "{key:?}");
        }
        assert!(check_key(&"k".repeat(1023)).is_ok() && check_key(&"k".repeat(1024)).is_err());
    }
}
