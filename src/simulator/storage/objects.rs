//! Objects of all buckets, with their versions.

use std::{io, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::Stream;
use rand::{RngCore, rngs::OsRng};
use serde::Serialize;

use crate::simulator::{
    errors::OssError,
    storage::{
        crc64,
        disk::Disk,
        index::{Change, Index},
        record::{Content, Kind, Record},
        upload::{Received, Upload},
    },
};

/// The store of all buckets.
pub(in crate::simulator) struct Objects {
    disk: Arc<Disk>,
}

/// All versions of one key, newest first.
#[derive(Debug, Clone, Serialize)]
pub(in crate::simulator) struct KeyFile {
    pub(in crate::simulator) key: String,
    pub(in crate::simulator) versions: Vec<Record>,
}

/// What to do about what is there already.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulator) struct WriteMode {
    pub(in crate::simulator) versioning: bool,
    /// Without effect when versioning is on (P§3.2).
    pub(in crate::simulator) forbid_overwrite: bool,
}

#[expect(clippy::unused_async, reason = "operations needn't know that the index is in memory")]
impl Objects {
    pub(in crate::simulator) fn on(disk: Arc<Disk>) -> Self {
        Self { disk }
    }

    /// A place for bytes that are about to arrive.
    pub(in crate::simulator) async fn begin(&self) -> io::Result<Upload> {
        Ok(Upload::into(Arc::clone(self.disk.content())))
    }

    /// The newest version, or the one named; `None` when there is none.
    pub(in crate::simulator) async fn find(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> io::Result<Option<Record>> {
        Ok(self.disk.look(|index| index.find(bucket, key, version).cloned()))
    }

    /// Whether an object stands under the key: something, and not a delete marker.
    pub(in crate::simulator) async fn exists(&self, bucket: &str, key: &str) -> io::Result<bool> {
        Ok(self.disk.look(|index| exists(index, bucket, key)))
    }

    /// Makes `record` the newest version.
    pub(in crate::simulator) async fn put(
        &self,
        bucket: &str,
        key: &str,
        record: Record,
        mode: WriteMode,
    ) -> Result<Record, OssError> {
        self.put_completing(bucket, key, record, mode, None).await
    }

    /// The same; with it ends the multipart upload that brought the bytes.
    pub(in crate::simulator) async fn put_completing(
        &self,
        bucket: &str,
        key: &str,
        mut record: Record,
        mode: WriteMode,
        upload: Option<&str>,
    ) -> Result<Record, OssError> {
        record.version_id = mode.versioning.then(random_name);
        self.disk.change(|index| {
            if mode.forbid_overwrite && !mode.versioning && exists(index, bucket, key) {
                return Err(OssError::already_exists());
            }
            // Meanwhile it may have ended, or a part may have been replaced, and the files with it.
            if let (Some(id), Some(pieces)) = (upload, record.pieces())
                && !index.upload_holds(id, pieces)
            {
                return Err(OssError::no_such_upload(id));
            }
            let (bucket, key) = (bucket.to_owned(), key.to_owned());
            Ok(Change::Put { bucket, key, record: record.clone(), completes: upload.map(str::to_owned) })
        })?;
        Ok(record)
    }

    /// Replaces what is known about a version, which keeps its place and its id; `None` when it is not there.
    pub(in crate::simulator) async fn amend(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        amend: impl FnOnce(&mut Record),
    ) -> io::Result<Option<Record>> {
        let mut amended = None;
        self.disk.change_if(|index| {
            let Some(mut record) = index.find(bucket, key, version).cloned() else { return io::Result::Ok(None) };
            amend(&mut record);
            amended = Some(record.clone());
            Ok(Some(Change::Amend { bucket: bucket.to_owned(), key: key.to_owned(), record }))
        })?;
        Ok(amended)
    }

    /// Adds bytes behind those of `before`, the newest version, at the cost of the new ones; `None` when another change
    /// has come first. The CRC is the whole's; the `ETag` is a new one that is no MD5.
    pub(in crate::simulator) async fn append(
        &self,
        bucket: &str,
        key: &str,
        before: &Record,
        added: Received,
        now: DateTime<Utc>,
    ) -> Result<Option<Record>, OssError> {
        let Kind::Normal(old) = &before.kind else { return Ok(None) };
        let mut appended = None;
        let etag = appended_etag(&added, old.size + added.size());
        self.disk.change_if(|index| {
            let newest = index.find(bucket, key, None).filter(|newest| newest.same_bytes(before));
            let Some(newest) = newest else { return Ok(None) };
            let content = Content {
                size: old.size + added.size(),
                crc64: crc64::combine(old.crc64, added.crc64(), added.size()),
                pieces: self.disk.extend(&old.pieces, added)?,
                etag,
                ..old.clone()
            };
            let record = Record { kind: Kind::Normal(content), last_modified: now, ..newest.clone() };
            appended = Some(record.clone());
            Ok::<_, OssError>(Some(Change::Amend { bucket: bucket.to_owned(), key: key.to_owned(), record }))
        })?;
        Ok(appended)
    }

    /// The same bytes once more, for a copy: they take no further space. A [`Content`] belongs to one record.
    pub(in crate::simulator) async fn duplicate(&self, content: &Content) -> io::Result<Content> {
        self.disk.duplicate(content)
    }

    /// Removes a version for good; what is not there is removed already.
    pub(in crate::simulator) async fn remove(&self, bucket: &str, key: &str, version: Option<&str>) -> io::Result<()> {
        self.disk.change(|_| {
            let version = version.map(str::to_owned);
            Ok(Change::Remove { bucket: bucket.to_owned(), key: key.to_owned(), version })
        })
    }

    /// `length` bytes from `first` on, read as they are asked for.
    pub(in crate::simulator) fn stream(
        &self,
        content: &Content,
        first: u64,
        length: u64,
    ) -> impl Stream<Item = io::Result<Bytes>> + use<> {
        content.pieces.stream(self.disk.content(), first, length)
    }

    /// The same at once, for a few bytes.
    pub(in crate::simulator) fn read(&self, content: &Content, first: u64, length: u64) -> io::Result<Bytes> {
        content.pieces.read(self.disk.content(), first, length)
    }

    /// All keys with their versions, sorted by key.
    pub(in crate::simulator) async fn list(&self, bucket: &str) -> io::Result<Vec<KeyFile>> {
        self.list_range(bucket, "", "", usize::MAX).await
    }

    /// Up to `limit` keys behind `start_after` that begin with `prefix`, sorted.
    pub(in crate::simulator) async fn list_range(
        &self,
        bucket: &str,
        prefix: &str,
        start_after: &str,
        limit: usize,
    ) -> io::Result<Vec<KeyFile>> {
        Ok(self.disk.look(|index| {
            let range = index.range(bucket, prefix, start_after).take(limit);
            range.map(|(key, versions)| KeyFile { key: key.clone(), versions: versions.clone() }).collect()
        }))
    }
}

/// The `ETag` of an object that was appended to, now `size` bytes long: 32 hex digits that are no MD5. Of what, OSS does not say;
/// its examples end in eight digits that begin with zeros, so the length stands there: an assumption.
pub(in crate::simulator) fn appended_etag(added: &Received, size: u64) -> String {
    format!("{}{size:08X}", hex::encode_upper(&added.md5[..12]))
}

fn exists(index: &Index, bucket: &str, key: &str) -> bool {
    index.find(bucket, key, None).is_some_and(|record| !matches!(record.kind, Kind::DeleteMarker))
}

pub(in crate::simulator) fn random_name() -> String {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    hex::encode(bytes)
}
