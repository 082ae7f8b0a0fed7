//! What is known about a stored object, beside its bytes.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    oss::callback::ImageInfo,
    simulator::{errors::OssError, request::Incoming, storage::pieces::Pieces},
};

/// One version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::simulator) struct Record {
    pub(in crate::simulator) version_id: Option<String>,
    pub(in crate::simulator) kind: Kind,
    pub(in crate::simulator) last_modified: DateTime<Utc>,
    pub(in crate::simulator) attributes: Attributes,
}

/// What a version is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulator) enum Kind {
    /// Bytes.
    Normal(Content),
    /// A symbolic link to another key.
    Symlink {
        /// The key it stands for.
        target: String,
    },
    /// The key was deleted here.
    DeleteMarker,
}

/// The bytes of an object and what was computed over them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::simulator) struct Content {
    /// Where they are.
    pub(in crate::simulator) pieces: Pieces,
    pub(in crate::simulator) size: u64,
    /// Upper-case hex, without quotes.
    pub(in crate::simulator) etag: String,
    pub(in crate::simulator) crc64: u64,
    /// Read off the header of an image.
    pub(in crate::simulator) image: Option<ImageInfo>,
}

impl Content {
    /// Base64 of the MD5 that the `ETag` shows in hex; a multipart object's `ETag` is none (P§5).
    pub(in crate::simulator) fn content_md5(&self) -> Option<String> {
        hex::decode(&self.etag).ok().map(|md5| STANDARD.encode(md5))
    }
}

/// What the uploader said about the object.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::simulator) struct Attributes {
    pub(in crate::simulator) content_type: String,
    /// Lower-case names, standard headers and `x-oss-meta-*`, given back as they came.
    pub(in crate::simulator) headers: Vec<(String, String)>,
    pub(in crate::simulator) acl: Option<String>,
}

/// What OSS assumes for an upload without a content type.
pub(in crate::simulator) const DEFAULT_CONTENT_TYPE: &str = "application/octet-stream";

const KEPT: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-oss-storage-class",
    "x-oss-server-side-encryption",
    "x-oss-server-side-encryption-key-id",
];

/// All user metadata together (P§3.2).
const MAX_USER_METADATA_BYTES: usize = 8 * 1024;

const ACLS: [&str; 4] = ["default", "private", "public-read", "public-read-write"];

impl Attributes {
    /// Picks what is kept out of form fields or request headers. Of a repeated name the first counts: the one that a
    /// form's policy has judged, so that no second one slips in behind it.
    pub(in crate::simulator) fn of<'a>(
        content_type: &str,
        given: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, OssError> {
        let mut attributes = Self { content_type: content_type.to_owned(), ..Self::default() };
        for (name, value) in given {
            let name = name.to_ascii_lowercase();
            if name == "x-oss-object-acl" {
                if !ACLS.contains(&value) {
                    return Err(OssError::invalid_argument("no such object access control exists", &name, value));
                }
                attributes.acl.get_or_insert_with(|| value.to_owned());
            } else if (KEPT.contains(&name.as_str()) || name.starts_with("x-oss-meta-"))
                && attributes.headers.iter().all(|(known, _)| *known != name)
            {
                attributes.headers.push((name, value.to_owned()));
            }
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

    pub(in crate::simulator) fn of_headers(incoming: &Incoming) -> Result<Self, OssError> {
        let content_type = incoming.header("content-type").filter(|value| !value.is_empty());
        let given = incoming.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Self::of(content_type.unwrap_or(DEFAULT_CONTENT_TYPE), given)
    }
}
