//! What RAM lets a credential do.

use std::collections::BTreeSet;

/// A RAM action on objects, `oss:…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Put, Post, symlinks (P§6.2).
    PutObject,
    /// Setting `x-oss-object-acl` on upload.
    PutObjectAcl,
    /// GET and HEAD.
    GetObject,
    /// DELETE.
    DeleteObject,
    /// Aborting a multipart upload.
    AbortMultipartUpload,
    /// Listing its parts.
    ListParts,
    /// GET, HEAD and DELETE of a named version.
    ObjectVersions,
}

/// A set of actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions(BTreeSet<Action>);

impl Permissions {
    /// Everything the simulator knows.
    pub fn all() -> Self {
        Self::of([
            Action::PutObject,
            Action::PutObjectAcl,
            Action::GetObject,
            Action::DeleteObject,
            Action::AbortMultipartUpload,
            Action::ListParts,
            Action::ObjectVersions,
        ])
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

    pub(super) fn allow(&self, action: Action) -> bool {
        self.0.contains(&action)
    }
}
