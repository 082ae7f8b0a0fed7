//! What a bucket can be set to: versioning, storage class, ACL, lifecycle rules.

use serde::{Deserialize, Serialize};

/// Whether a bucket keeps versions. Once on, it can be suspended, but never go back to [`Versioning::Unversioned`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Versioning {
    /// Never switched on: what is overwritten is gone.
    #[default]
    Unversioned,
    /// Every write makes a version with an id of its own.
    Enabled,
    /// Every write makes, or replaces, the version `null`; older versions stay.
    Suspended,
}

impl Versioning {
    /// Writes get ids of their own.
    pub fn is_enabled(self) -> bool {
        self == Self::Enabled
    }

    /// On or suspended: `x-oss-forbid-overwrite` has no effect (P§3.2), deleting marks, answers name versions.
    pub fn knows_versions(self) -> bool {
        self != Self::Unversioned
    }

    /// `Enabled` or `Suspended`; OSS leaves the element out for a bucket that never had versioning.
    pub fn status(self) -> Option<&'static str> {
        match self {
            Self::Unversioned => None,
            Self::Enabled => Some("Enabled"),
            Self::Suspended => Some("Suspended"),
        }
    }

    /// What PutBucketVersioning may ask for.
    pub(super) fn parse(status: &str) -> Option<Self> {
        [Self::Enabled, Self::Suspended].into_iter().find(|known| known.status() == Some(status))
    }
}

/// How an object is kept; the three archives must be restored before they can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StorageClass {
    /// Read often.
    #[default]
    Standard,
    /// Infrequent access.
    IA,
    /// Restored within minutes.
    Archive,
    /// Restored within hours.
    ColdArchive,
    /// Restored within days.
    DeepColdArchive,
}

impl StorageClass {
    const ALL: [Self; 5] = [Self::Standard, Self::IA, Self::Archive, Self::ColdArchive, Self::DeepColdArchive];

    /// As OSS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::IA => "IA",
            Self::Archive => "Archive",
            Self::ColdArchive => "ColdArchive",
            Self::DeepColdArchive => "DeepColdArchive",
        }
    }

    /// Exactly as OSS writes it.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Not readable unless restored.
    pub(super) fn is_archived(self) -> bool {
        matches!(self, Self::Archive | Self::ColdArchive | Self::DeepColdArchive)
    }
}

/// Who may read and write without RAM's leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acl {
    /// An object's: as its bucket. A bucket has no such ACL.
    Default,
    /// Nobody.
    #[default]
    Private,
    /// Everybody reads.
    PublicRead,
    /// Everybody reads and writes.
    PublicReadWrite,
}

impl Acl {
    const ALL: [Self; 4] = [Self::Default, Self::Private, Self::PublicRead, Self::PublicReadWrite];

    /// As OSS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Private => "private",
            Self::PublicRead => "public-read",
            Self::PublicReadWrite => "public-read-write",
        }
    }

    /// Exactly as OSS writes it.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|acl| acl.name() == name)
    }

    /// An anonymous GET succeeds.
    pub(super) fn lets_everybody_read(self) -> bool {
        matches!(self, Self::PublicRead | Self::PublicReadWrite)
    }
}

/// One lifecycle rule. The simulator shows rules; it does not act on them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LifecycleRule {
    /// Unique within the bucket.
    pub id: String,
    /// The keys it is about; empty for all.
    pub prefix: String,
    /// `Enabled` or `Disabled`.
    pub enabled: bool,
    /// Days after which an object is deleted.
    pub expiration_days: Option<u32>,
    /// Days after which a multipart upload that was not completed is aborted.
    pub abort_multipart_upload_days: Option<u32>,
}

impl LifecycleRule {
    /// Clears away what is left of uploads that were never completed, for all keys.
    pub fn abort_multipart_uploads_after(days: u32) -> Self {
        Self {
            id: "abort-multipart-uploads".to_owned(),
            enabled: true,
            abort_multipart_upload_days: Some(days),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_they_are_written() {
        for class in StorageClass::ALL {
            assert_eq!(StorageClass::parse(class.name()), Some(class));
        }
        for acl in Acl::ALL {
            assert_eq!(Acl::parse(acl.name()), Some(acl));
            assert_eq!(serde_json::to_string(&acl).expect("JSON"), format!("\"{}\"", acl.name()));
        }
        assert_eq!(Versioning::parse("Suspended"), Some(Versioning::Suspended));
        assert_eq!((StorageClass::parse("standard"), Acl::parse("Private"), Versioning::parse("")), (None, None, None));
    }
}
