//! What the uploader said about an object, beside its bytes (P§3.2).

use actix_web::{
    HttpResponseBuilder,
    http::header::{HeaderName, HeaderValue},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::simulator::{
    bucket::{Acl, StorageClass},
    errors::OssError,
    request::Incoming,
    storage::tags::{self, Tag},
};

/// What the uploader said about the object.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::simulator) struct Attributes {
    pub(in crate::simulator) content_type: String,
    /// Lower-case names, standard headers and `x-oss-meta-*`, given back as they came.
    pub(in crate::simulator) headers: Vec<(String, String)>,
    pub(in crate::simulator) acl: Option<Acl>,
    /// The bucket's when `None`.
    #[serde(default)]
    pub(in crate::simulator) storage_class: Option<StorageClass>,
    #[serde(default)]
    pub(in crate::simulator) tags: Vec<Tag>,
}

/// What OSS assumes for an upload without a content type.
pub(in crate::simulator) const DEFAULT_CONTENT_TYPE: &str = "application/octet-stream";

const KEPT: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-oss-server-side-encryption",
    "x-oss-server-side-encryption-key-id",
    "x-oss-server-side-data-encryption",
];

const ENCRYPTION_PREFIX: &str = "x-oss-server-side-";

/// All user metadata together (P§3.2).
const MAX_USER_METADATA_BYTES: usize = 8 * 1024;

/// Headers that HTTP needs for itself; a persistent header must not pretend to be one.
const RESERVED: [&str; 10] = [
    "host",
    "content-md5",
    "content-length",
    "content-type",
    "origin",
    "range",
    "date",
    "connection",
    "authorization",
    "transfer-encoding",
];

impl Attributes {
    /// Picks what is kept out of form fields or request headers. Of a repeated name the first counts: the one that a
    /// form's policy has judged, so that no second one slips in behind it.
    pub(in crate::simulator) fn of<'a>(
        content_type: &str,
        given: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, OssError> {
        let mut attributes = Self { content_type: content_type.to_owned(), ..Self::default() };
        for (name, value) in given {
            attributes.take(name.to_ascii_lowercase(), value)?;
        }
        let is_metadata = |(name, _): &&(String, String)| name.starts_with("x-oss-meta-");
        let metadata: usize =
            attributes.headers.iter().filter(is_metadata).map(|(name, value)| name.len() + value.len()).sum();
        if metadata > MAX_USER_METADATA_BYTES {
            return Err(OssError::bad_request(
                "InvalidArgument",
                "The size of the user metadata exceeds the maximum allowed size.",
            ));
        }
        Ok(attributes)
    }

    /// Of a request whose body is the object, or is about it; these may bring tags (P§5), a form may not (P§3.1).
    pub(in crate::simulator) fn of_headers(incoming: &Incoming) -> Result<Self, OssError> {
        let content_type = incoming.header("content-type").filter(|value| !value.is_empty());
        let given = incoming.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut attributes = Self::of(content_type.unwrap_or(DEFAULT_CONTENT_TYPE), given)?;
        attributes.tags = tags::of_header(incoming)?;
        Ok(attributes)
    }

    fn take(&mut self, name: String, value: &str) -> Result<(), OssError> {
        match name.as_str() {
            "x-oss-object-acl" => {
                let acl = parse_acl(value)?;
                self.acl.get_or_insert(acl);
            }
            "x-oss-storage-class" => {
                // The documentation words this for buckets only: an assumption.
                let unknown = || OssError::invalid_argument("No such object storage class exists.", &name, value);
                let class = StorageClass::parse(value).ok_or_else(unknown)?;
                self.storage_class.get_or_insert(class);
            }
            "x-oss-persistent-headers" => {
                for (name, value) in persistent_headers(value)? {
                    self.keep(name, &value);
                }
            }
            "x-oss-server-side-encryption" if !["AES256", "KMS", "SM4"].contains(&value) => {
                let message = "The Encryption request you specified is not valid. Supported value: AES256/SM4/KMS.";
                return Err(OssError::bad_request("InvalidEncryptionAlgorithmError", message));
            }
            kept if KEPT.contains(&kept) || kept.starts_with("x-oss-meta-") => self.keep(name, value),
            _ => {}
        }
        Ok(())
    }

    fn keep(&mut self, name: String, value: &str) {
        if self.headers.iter().all(|(known, _)| *known != name) {
            self.headers.push((name, value.to_owned()));
        }
    }

    /// The encryption that was asked for, as uploads and copies repeat it.
    pub(in crate::simulator) fn encryption(&self) -> impl Iterator<Item = &(String, String)> {
        self.headers.iter().filter(|(name, _)| name.starts_with(ENCRYPTION_PREFIX))
    }

    /// The same without the encryption, which a copy does not take over.
    #[must_use]
    pub(in crate::simulator) fn without_encryption(mut self) -> Self {
        self.headers.retain(|(name, _)| !name.starts_with(ENCRYPTION_PREFIX));
        self
    }

    /// `Content-Type` and every kept header, as GET and HEAD show them.
    pub(in crate::simulator) fn show(&self, response: &mut HttpResponseBuilder) {
        response.insert_header(("content-type", self.content_type.as_str()));
        self.show_metadata(response);
    }

    /// Every kept header.
    pub(in crate::simulator) fn show_metadata(&self, response: &mut HttpResponseBuilder) {
        for (name, value) in &self.headers {
            response.insert_header((name.as_str(), value.as_str()));
        }
    }
}

/// An object's ACL as a header names it.
pub(in crate::simulator) fn parse_acl(value: &str) -> Result<Acl, OssError> {
    Acl::parse(value)
        .ok_or_else(|| OssError::invalid_argument("no such object access control exists", "x-oss-object-acl", value))
}

/// `name:Base64(value),name:Base64(value)`: headers that are no user metadata and are given back under their own names.
fn persistent_headers(given: &str) -> Result<Vec<(String, String)>, OssError> {
    let refused = |message: &'static str| OssError::invalid_argument(message, "x-oss-persistent-headers", given);
    let mut headers = Vec::new();
    for pair in given.split(',') {
        let (name, value) = pair.trim().split_once(':').ok_or_else(|| {
            refused(
                "The format of persistent header is invalid, should be \
                 \"name:Base64Encode(value),name:Base64Encode(value)...\".",
            )
        })?;
        let name = name.to_ascii_lowercase();
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(refused("The header specified by persistent header is not valid HTTP token."));
        }
        if RESERVED.contains(&name.as_str()) || name.starts_with("x-oss-") {
            return Err(refused("The header specified by persistent header is reserved."));
        }
        let value = STANDARD
            .decode(value)
            .map_err(|_| refused("The header value specified by persistent header is not base64 encoded."))?;
        let value = String::from_utf8(value)
            .map_err(|_| refused("The header value specified by persistent header is not utf-8 encoded."))?;
        if HeaderValue::from_str(&value).is_err() {
            return Err(refused("The header value specified by persistent header contains CR or LF."));
        }
        headers.push((name, value));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persistent_headers_are_read_and_judged() {
        let good = persistent_headers("myheader1:bXl2YWx1ZTE=, MyHeader2:bXl2YWx1ZTI=").expect("two headers");
        assert_eq!(good[0], ("myheader1".to_owned(), "myvalue1".to_owned()));
        assert_eq!(good[1], ("myheader2".to_owned(), "myvalue2".to_owned()));
        for bad in ["", "a", "a b:YQ==", "host:YQ==", "x-oss-meta-a:YQ==", "a:?", "a:/w==", "a:DQo="] {
            assert!(persistent_headers(bad).is_err(), "{bad}");
        }
    }
}
