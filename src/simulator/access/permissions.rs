//! What RAM lets a credential do.

use std::collections::BTreeSet;

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
    /// Taking its tags away.
    DeleteObjectTagging,
    /// DELETE.
    DeleteObject,
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
    /// GET, HEAD and DELETE of a named version.
    ObjectVersions,
}

impl Action {
    /// Every one.
    pub const ALL: [Self; 28] = [
        Self::PutObject,
        Self::PutObjectAcl,
        Self::PutObjectTagging,
        Self::GetObject,
        Self::GetObjectAcl,
        Self::GetObjectTagging,
        Self::DeleteObjectTagging,
        Self::DeleteObject,
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
        Self::ObjectVersions,
    ];
}

/// What an action is about: `acs:oss:*:*:BUCKET/KEY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) struct Resource<'a> {
    pub(in crate::simulator) bucket: &'a str,
    /// Empty for the bucket itself.
    pub(in crate::simulator) key: &'a str,
}

/// A set of actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions(BTreeSet<Action>);

impl Permissions {
    /// Everything the simulator knows.
    pub fn all() -> Self {
        Self::of(Action::ALL)
    }

    /// Just these.
    pub fn of(actions: impl IntoIterator<Item = Action>) -> Self {
        Self(actions.into_iter().collect())
    }

    /// All but these.
    #[must_use]
    pub fn without(mut self, action: Action) -> Self {
        self.0.remove(&action);
        self
    }

    pub(in crate::simulator) fn allow(&self, action: Action) -> bool {
        self.0.contains(&action)
    }
}
