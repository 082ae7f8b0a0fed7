//! A profile: the named rule set that a grant is issued under.

use chrono::TimeDelta;

use super::key_template::KeyTemplate;
use crate::oss::callback::CallbackBodyType;

/// How the bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// PostObject form.
    Post,
    /// Presigned PutObject URL.
    Put,
    /// Presigned parts.
    Multipart,
    /// Temporary credentials for an SDK.
    Sts,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Post, Self::Put, Self::Multipart, Self::Sts];

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Put => "put",
            Self::Multipart => "multipart",
            Self::Sts => "sts",
        }
    }

    /// The method of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

/// Whether a callback's claims are checked against OSS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confirm {
    /// HEAD the object; what is recorded is the HEAD's.
    #[default]
    Head,
    /// Record the callback's claims (post and put only; users could invent completions of their own grants).
    Off,
}

/// What happens to an object that breaks its grant's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnReject {
    /// It stays.
    #[default]
    Keep,
    /// We delete it.
    Delete,
}

/// The callback as a profile shapes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileCallback {
    /// Form by default.
    pub body_type: CallbackBodyType,
    /// Overrides the service's public callback URLs; empty = those.
    pub urls: Vec<String>,
    /// Ask OSS for `imageInfo.*`: for image-only profiles (OSS fails the callback of what it can't read as an image).
    pub image_info: bool,
}

/// A validated profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The contract's `profile`.
    pub name: String,
    /// Name of the `[buckets.NAME]` section.
    pub bucket: String,
    /// Where objects go.
    pub key: KeyTemplate,
    /// For directory grants.
    pub directory: Option<KeyTemplate>,
    /// At least one; the first is the default.
    pub methods: Vec<Method>,
    /// Bytes, inclusive.
    pub min_size: u64,
    /// Bytes, inclusive.
    pub max_size: u64,
    /// `image/png` or `image/*`; empty = any.
    pub content_types: Vec<String>,
    /// Lifetime of a grant.
    pub expires_in: TimeDelta,
    /// Names of the variables that a caller may set.
    pub vars: Vec<String>,
    /// Whether an existing object may be replaced.
    pub overwrite: bool,
    /// Scope that a caller needs.
    pub scope: Option<String>,
    /// How a completion is confirmed.
    pub confirm: Confirm,
    /// What happens to a rejected object.
    pub on_reject: OnReject,
    /// Name of the `[hooks.NAME]` section.
    pub hook: Option<String>,
    /// `private`, `public-read`, …; sent and pinned.
    pub object_acl: Option<String>,
    /// Further headers, sent and pinned: `Cache-Control`, `x-oss-meta-*`, `x-oss-storage-class`, ….
    pub headers: Vec<(String, String)>,
    /// The callback.
    pub callback: ProfileCallback,
}

impl Profile {
    /// Whether two grants can share a key, so that the object must carry its grant's id.
    pub fn shares_keys(&self) -> bool {
        !self.key.has_id()
    }
}
