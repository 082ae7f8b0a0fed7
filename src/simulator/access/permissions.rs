//! What RAM lets a credential do.

use std::sync::Arc;

use super::policy::{self, Effect, MalformedPolicy, Question, Statement, Verdict};

/// A RAM action, `oss:…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Put, Post, Append, Copy (its target), symlinks, and all of a multipart upload but aborting and listing (P§6.2).
    PutObject,
    /// Setting an ACL, on upload or later.
    PutObjectAcl,
    /// Setting tags, on upload or later (P§6.2).
    PutObjectTagging,
    /// GET, HEAD, and the source of a copy.
    GetObject,
    /// Reading an object's ACL.
    GetObjectAcl,
    /// Reading its tags.
    GetObjectTagging,
    /// GET and HEAD of a named version, beside [`Self::GetObject`].
    GetObjectVersion,
    /// Taking its tags away.
    DeleteObjectTagging,
    /// DELETE.
    DeleteObject,
    /// DELETE of a named version, beside [`Self::DeleteObject`].
    DeleteObjectVersion,
    /// Aborting a multipart upload.
    AbortMultipartUpload,
    /// Listing its parts.
    ListParts,
    /// Listing the multipart uploads of a bucket.
    ListMultipartUploads,
    /// Listing the objects of a bucket.
    ListObjects,
    /// What a bucket is: region, storage class, endpoints.
    GetBucketInfo,
    /// Its region alone.
    GetBucketLocation,
    /// Its ACL.
    GetBucketAcl,
    /// How much it holds.
    GetBucketStat,
    /// Its CORS rules.
    GetBucketCors,
    /// Setting its CORS rules.
    PutBucketCors,
    /// Removing its CORS rules.
    DeleteBucketCors,
    /// Whether it keeps versions.
    GetBucketVersioning,
    /// Switching versioning on or suspending it.
    PutBucketVersioning,
    /// Its lifecycle rules.
    GetBucketLifecycle,
    /// Setting its lifecycle rules.
    PutBucketLifecycle,
    /// Removing its lifecycle rules.
    DeleteBucketLifecycle,
    /// Setting the bucket's callback presets (P§1.8).
    PutBucketCallbackPolicy,
    /// Reading them.
    GetBucketCallbackPolicy,
    /// Removing them.
    DeleteBucketCallbackPolicy,
}

impl Action {
    /// Every one.
    pub const ALL: [Self; 29] = [
        Self::PutObject,
        Self::PutObjectAcl,
        Self::PutObjectTagging,
        Self::GetObject,
        Self::GetObjectAcl,
        Self::GetObjectTagging,
        Self::GetObjectVersion,
        Self::DeleteObjectTagging,
        Self::DeleteObject,
        Self::DeleteObjectVersion,
        Self::AbortMultipartUpload,
        Self::ListParts,
        Self::ListMultipartUploads,
        Self::ListObjects,
        Self::GetBucketInfo,
        Self::GetBucketLocation,
        Self::GetBucketAcl,
        Self::GetBucketStat,
        Self::GetBucketCors,
        Self::PutBucketCors,
        Self::DeleteBucketCors,
        Self::GetBucketVersioning,
        Self::PutBucketVersioning,
        Self::GetBucketLifecycle,
        Self::PutBucketLifecycle,
        Self::DeleteBucketLifecycle,
        Self::PutBucketCallbackPolicy,
        Self::GetBucketCallbackPolicy,
        Self::DeleteBucketCallbackPolicy,
    ];

    /// As policies and refusals write it: `oss:PutObject`.
    pub fn ram_name(self) -> String {
        // The variants are OSS's own names.
        format!("oss:{self:?}")
    }

    /// Whether `oss:Prefix` and `oss:Delimiter` are asked of it.
    pub(super) fn lists(self) -> bool {
        matches!(self, Self::ListObjects | Self::ListMultipartUploads)
    }
}

/// What an action is about: `acs:oss:*:*:BUCKET/KEY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) struct Resource<'a> {
    pub(in crate::simulator) bucket: &'a str,
    /// Empty for the bucket itself.
    pub(in crate::simulator) key: &'a str,
}

impl Resource<'_> {
    /// The last part of its RAM name: `BUCKET/KEY`, or `BUCKET` alone.
    pub(super) fn id(&self) -> String {
        if self.key.is_empty() { self.bucket.to_owned() } else { format!("{}/{}", self.bucket, self.key) }
    }
}

/// The statements of all policies that a credential, a role or a session has; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions(Arc<[Statement]>);

impl Permissions {
    /// Every action of every service on everything.
    pub fn all() -> Self {
        Self(Arc::new([Statement::about(Effect::Allow, vec!["*".to_owned()])]))
    }

    /// Just these, on everything.
    pub fn of(actions: impl IntoIterator<Item = Action>) -> Self {
        let actions = actions.into_iter().map(Action::ram_name).collect();
        Self(Arc::new([Statement::about(Effect::Allow, actions)]))
    }

    /// What a RAM policy document says.
    ///
    /// # Errors
    /// When the document is not in RAM's grammar, or asks for what the simulator can't judge.
    pub fn policy(json: &str) -> Result<Self, MalformedPolicy> {
        policy::parse(json).map(|statements| Self(statements.into()))
    }

    /// All but this: an explicit denial.
    #[must_use]
    pub fn without(self, action: Action) -> Self {
        self.and(&Self(Arc::new([Statement::about(Effect::Deny, vec![action.ram_name()])])))
    }

    /// With the statements of a further policy.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self(self.0.iter().chain(other.0.iter()).cloned().collect())
    }

    pub(super) fn judge(&self, question: &Question<'_>) -> Verdict {
        policy::judge(&self.0, question)
    }
}
