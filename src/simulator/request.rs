//! A request as the simulator sees it: parsed once, at the door.

use actix_web::{HttpRequest, http::StatusCode};
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
    /// The key as it came, when it can't be decoded: bytes that are not UTF-8 are no key.
    broken_key: Option<String>,
    /// Header names in lower case, values trimmed, in order of arrival.
    pub(super) headers: Vec<(String, String)>,
    /// `""` for a name without value.
    pub(super) query: Vec<(String, String)>,
    /// What of it is not UTF-8; it stands empty or mended in the fields above, where nobody may believe it.
    unreadable: Option<Unreadable>,
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

/// A part of a request that is not UTF-8. Read as something else it would be one thing for the signature and another for
/// the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    Query,
    Header,
}

impl Incoming {
    pub(super) fn parse(request: &HttpRequest, settings: &SimulatorSettings) -> Self {
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| {
                // Only what HTTP strips: any other blank is part of the value, and signed with it.
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).trim_matches([' ', '\t']).to_owned(),
                )
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
        let key = decode_path(raw_key);
        let query = decode_query(request.uri().query().unwrap_or_default());
        let unreadable = unreadable(request, query.is_some());
        let query = query.unwrap_or_default();
        let has = |mark: &str| match mark.strip_prefix("h:") {
            Some(header) => headers.iter().any(|(name, _)| name == header),
            None => query.iter().any(|(name, _)| name == mark),
        };
        let method = request.method().as_str();
        Self {
            operation: operation_name(method, address.bucket.is_some(), key.as_deref() != Some(""), has),
            method: method.to_owned(),
            host,
            address,
            broken_key: key.is_none().then(|| raw_key.to_owned()),
            key: key.unwrap_or_default(),
            headers,
            unreadable,
            query,
            request_id: request_id(),
            client_ip: request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default(),
            now: settings.clock.now(),
            notes: Notes::default(),
        }
    }

    /// Refuses a query and headers that are not UTF-8: assumptions both. Keys are judged where they are used.
    pub(super) fn check_readable(&self) -> Result<(), OssError> {
        match self.unreadable {
            None => Ok(()),
            Some(Unreadable::Query) => {
                Err(OssError::invalid_argument("The query is not encoded in UTF-8.", "query", ""))
            }
            Some(Unreadable::Header) => {
                Err(OssError::invalid_argument("A request header is not encoded in UTF-8.", "header", ""))
            }
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first of these names that the query has.
    pub(super) fn first_of(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().find(|name| self.query(name).is_some()).copied()
    }

    /// Refuses what OSS can't find by its address: a key that is no text, and a bucket in the path of OSS's own endpoints.
    pub(super) fn check_address(&self) -> Result<(), OssError> {
        if let Some(raw) = &self.broken_key {
            return Err(OssError::invalid_object_name("The specified object is not valid.", raw));
        }
        if self.address.is_refused {
            let message = "The bucket you are attempting to access must be addressed using OSS third level domain.";
            return Err(OssError::new(StatusCode::FORBIDDEN, "SecondLevelDomainForbidden", message));
        }
        Ok(())
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

/// Of the headers only those count that OSS reads and signs.
fn unreadable(request: &HttpRequest, query: bool) -> Option<Unreadable> {
    let is_ours = |name: &str| name.starts_with("x-oss-") || matches!(name, "content-type" | "content-md5");
    let mut ours = request.headers().iter().filter(|(name, _)| is_ours(name.as_str()));
    if !query {
        Some(Unreadable::Query)
    } else if ours.any(|(_, value)| std::str::from_utf8(value.as_bytes()).is_err()) {
        Some(Unreadable::Header)
    } else {
        None
    }
}

/// OSS's rules for keys: 1 to 1023 bytes of UTF-8, not starting with `/` or `\`.
pub(super) fn check_key(key: &str) -> Result<&str, OssError> {
    const MAX_KEY_BYTES: usize = 1023;
    let why = if key.is_empty() {
        "The Object name can not be empty."
    } else if key.len() > MAX_KEY_BYTES {
        "The Length of Object name must be less than 1024."
    } else if key.starts_with(['/', '\\']) {
        "The specified object is not valid."
    } else {
        return Ok(key);
    };
    Err(OssError::invalid_object_name(why, key))
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
