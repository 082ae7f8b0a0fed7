//! What is known about a stored object, beside its bytes.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    oss::callback::ImageInfo,
    simulator::storage::{attributes::Attributes, pieces::Pieces},
};

/// One version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::simulator) struct Record {
    pub(in crate::simulator) version_id: Option<String>,
    pub(in crate::simulator) kind: Kind,
    pub(in crate::simulator) last_modified: DateTime<Utc>,
    pub(in crate::simulator) attributes: Attributes,
}

impl Record {
    /// The bytes, when it has any of its own.
    pub(in crate::simulator) fn content(&self) -> Option<&Content> {
        match &self.kind {
            Kind::Normal(content) => Some(content),
            Kind::Symlink { .. } | Kind::DeleteMarker => None,
        }
    }
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
    #[serde(default)]
    pub(in crate::simulator) object_type: ObjectType,
}

/// How the bytes came; `x-oss-object-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::simulator) enum ObjectType {
    /// In one request.
    #[default]
    Normal,
    /// In parts.
    Multipart,
    /// By AppendObject, which may go on.
    Appendable,
}

impl ObjectType {
    /// As OSS writes it.
    pub(in crate::simulator) fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Multipart => "Multipart",
            Self::Appendable => "Appendable",
        }
    }
}

impl Content {
    /// Base64 of the MD5 that the `ETag` shows in hex; that of a multipart (P§5) or appended object is none.
    pub(in crate::simulator) fn content_md5(&self) -> Option<String> {
        let md5 = (self.object_type == ObjectType::Normal).then(|| hex::decode(&self.etag).ok())?;
        md5.map(|md5| STANDARD.encode(md5))
    }
}
