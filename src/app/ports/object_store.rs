//! OSS, as far as we call it ourselves.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::CredentialsUnavailable;
use crate::grant::{multipart::UploadedPart, request::Pairs};

/// OSS, as far as we call it ourselves.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// HEADs an object; `Ok(None)` only when OSS says `NoSuchKey`.
    async fn head(&self, key: &str, now: DateTime<Utc>) -> Result<Option<ObjectFacts>, ObjectStoreError>;

    /// Deletes an object; absent is fine.
    async fn delete(&self, key: &str, now: DateTime<Utc>) -> Result<(), ObjectStoreError>;

    /// Initiates a multipart upload with these headers; OSS's id of it.
    async fn initiate(&self, key: &str, headers: Pairs, now: DateTime<Utc>) -> Result<String, ObjectStoreError>;

    /// The parts that OSS holds, by number; `Ok(None)` when there is no such upload (any more).
    async fn list_parts(
        &self,
        key: &str,
        oss_upload_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<UploadedPart>>, ObjectStoreError>;

    /// Makes an object of exactly these parts, never over another one where `forbid_overwrite`.
    async fn join_parts(
        &self,
        upload: &PendingUpload<'_>,
        parts: &[UploadedPart],
        now: DateTime<Utc>,
    ) -> Result<Joined, ObjectStoreError>;

    /// Aborts a multipart upload; one that is gone is fine.
    async fn abort(&self, key: &str, oss_upload_id: &str, now: DateTime<Utc>) -> Result<(), ObjectStoreError>;

    /// The ids of all unfinished multipart uploads of exactly this key.
    async fn list_uploads(&self, key: &str, now: DateTime<Utc>) -> Result<Vec<String>, ObjectStoreError>;

    /// The unfinished multipart uploads of all keys that begin with `prefix`: key and id of each.
    async fn list_uploads_under(
        &self,
        prefix: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<UnfinishedUpload>, ObjectStoreError>;

    /// One page of the objects whose keys begin with `prefix`, in the order of their keys; the first page where `token` is `None`.
    async fn list_objects(
        &self,
        prefix: &str,
        token: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<ObjectPage, ObjectStoreError>;

    /// How far OSS's clock was ahead of ours when it last answered, if it ever did.
    fn clock_offset(&self) -> Option<TimeDelta>;
}

/// A multipart upload that is about to become an object.
#[derive(Debug, Clone, Copy)]
pub struct PendingUpload<'a> {
    /// The object's key.
    pub key: &'a str,
    /// OSS's id.
    pub oss_upload_id: &'a str,
    /// Never over another object.
    pub forbid_overwrite: bool,
}

/// A multipart upload that has not become an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// The object's key.
    pub key: String,
    /// OSS's id.
    pub oss_upload_id: String,
}

/// A page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectPage {
    /// At most a thousand.
    pub objects: Vec<ListedObject>,
    /// Asks for the next page; `None` on the last one.
    pub next: Option<String>,
}

/// An object as a listing tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Without quotes, as OSS writes it.
    pub etag: String,
    /// `Normal`, `Multipart`, `Appendable`, `Symlink`.
    pub object_type: String,
}

/// What OSS said to `CompleteMultipartUpload`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// The object is there.
    Done,
    /// The upload is gone, or an object stands at the key already: HEAD decides what that means.
    Gone,
    /// OSS does not accept the parts; its code.
    Refused(String),
}

/// What HEAD says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Bytes.
    pub size: u64,
    /// Without quotes, as OSS writes it.
    pub etag: String,
    /// `Content-Type`.
    pub content_type: String,
    /// `x-oss-hash-crc64ecma`.
    pub crc64: Option<String>,
    /// `x-oss-version-id`.
    pub version_id: Option<String>,
    /// `x-oss-object-type`: `Normal`, `Multipart`, `Appendable`, `Symlink`.
    pub object_type: String,
    /// `x-oss-meta-upload-id`.
    pub meta_upload_id: Option<String>,
}

/// OSS did not tell.
#[derive(Debug, thiserror::Error)]
pub enum ObjectStoreError {
    /// No usable answer in time, or an answer that says neither yes nor no.
    #[error("OSS gave no usable answer: {0}")]
    Unavailable(String),
    /// No credentials to ask with.
    #[error(transparent)]
    Credentials(#[from] CredentialsUnavailable),
}
