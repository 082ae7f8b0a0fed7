//! Objects on disk: a content file and one JSON file per key, each written aside, synced and renamed into place.
//!
//! `kill -9` loses no stored object: the rename of the JSON file is the commit, and it happens after the content is
//! durable. At worst a content file that nothing names stays behind.

use std::{
    io,
    path::{Path, PathBuf},
};

use rand::{RngCore, rngs::OsRng};
use sha2::{Digest, Sha256};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
    sync::Mutex,
};

use crate::simulator::{
    errors::OssError,
    storage::{
        record::{Content, KeyFile, Kind, Record},
        upload::Upload,
    },
};

/// The store of all buckets.
pub(in crate::simulator) struct Objects {
    root: PathBuf,
    /// Held while a key file is read, changed and replaced.
    write: Mutex<()>,
}

/// What to do about what is there already.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulator) struct WriteMode {
    pub(in crate::simulator) versioning: bool,
    /// Without effect when versioning is on (P§3.2).
    pub(in crate::simulator) forbid_overwrite: bool,
}

impl Objects {
    pub(in crate::simulator) fn open<'a>(root: &Path, buckets: impl Iterator<Item = &'a str>) -> io::Result<Self> {
        let temporary = root.join("tmp");
        if temporary.exists() {
            std::fs::remove_dir_all(&temporary)?;
        }
        std::fs::create_dir_all(&temporary)?;
        for bucket in buckets {
            std::fs::create_dir_all(root.join("objects").join(bucket))?;
        }
        Ok(Self { root: root.to_owned(), write: Mutex::new(()) })
    }

    /// A place for bytes that are about to arrive.
    pub(in crate::simulator) async fn begin(&self) -> io::Result<Upload> {
        Upload::create(self.temporary()).await
    }

    /// A fresh file name inside the bucket.
    pub(in crate::simulator) fn content_name() -> String {
        format!("{}.content", random_name())
    }

    /// Moves a durable temporary file to its place in the bucket.
    pub(in crate::simulator) async fn adopt(&self, bucket: &str, temporary: &Path, name: &str) -> io::Result<()> {
        fs::rename(temporary, self.folder(bucket).join(name)).await?;
        sync_folder(&self.folder(bucket)).await
    }

    /// The newest version, or the one named; `None` when there is none.
    pub(in crate::simulator) async fn find(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> io::Result<Option<Record>> {
        let Some(file) = self.load(bucket, key).await? else { return Ok(None) };
        let mut versions = file.versions.into_iter();
        Ok(match version {
            None => versions.next(),
            Some(_) => versions.find(|record| record.is_version(version)),
        })
    }

    /// Whether an object stands under the key: something, and not a delete marker.
    pub(in crate::simulator) async fn exists(&self, bucket: &str, key: &str) -> io::Result<bool> {
        let newest = self.find(bucket, key, None).await?;
        Ok(newest.is_some_and(|record| !matches!(record.kind, Kind::DeleteMarker)))
    }

    /// Makes `record` the newest version.
    pub(in crate::simulator) async fn put(
        &self,
        bucket: &str,
        key: &str,
        mut record: Record,
        mode: WriteMode,
    ) -> Result<Record, OssError> {
        let _guard = self.write.lock().await;
        if mode.forbid_overwrite && !mode.versioning && self.exists(bucket, key).await? {
            self.forget(bucket, &record).await;
            return Err(OssError::already_exists());
        }
        record.version_id = mode.versioning.then(random_name);
        let old = self.load(bucket, key).await?.map(|file| file.versions).unwrap_or_default();
        let (kept, replaced): (Vec<_>, Vec<_>) = old.into_iter().partition(|old| old.version_id != record.version_id);
        let versions = std::iter::once(record.clone()).chain(kept).collect();
        self.save(bucket, &KeyFile { key: key.to_owned(), versions }).await?;
        for old in &replaced {
            self.forget(bucket, old).await;
        }
        Ok(record)
    }

    /// Lets `change` rework one version while nobody else writes; a version that is refused stays as it was. `None` when there
    /// is no such version.
    pub(in crate::simulator) async fn update(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        change: impl FnOnce(&mut Record) -> Result<(), OssError>,
    ) -> Result<Option<Record>, OssError> {
        let _guard = self.write.lock().await;
        let Some(mut file) = self.load(bucket, key).await? else { return Ok(None) };
        let Some(record) = file.versions.iter_mut().find(|record| record.is_version(version)) else { return Ok(None) };
        let before = record.clone();
        change(record)?;
        let after = record.clone();
        self.save(bucket, &file).await?;
        if before.content().map(|content| &content.file) != after.content().map(|content| &content.file) {
            self.forget(bucket, &before).await;
        }
        Ok(Some(after))
    }

    /// Throws away adopted content that no record came to name.
    pub(in crate::simulator) async fn discard(&self, bucket: &str, content: &Content) {
        if let Err(error) = fs::remove_file(self.folder(bucket).join(&content.file)).await {
            tracing::debug!(%error, "a content file could not be removed");
        }
    }

    /// Removes a version for good; what is not there is removed already.
    pub(in crate::simulator) async fn remove(&self, bucket: &str, key: &str, version: Option<&str>) -> io::Result<()> {
        let _guard = self.write.lock().await;
        let Some(mut file) = self.load(bucket, key).await? else { return Ok(()) };
        let (removed, kept): (Vec<_>, Vec<_>) = file.versions.into_iter().partition(|record| match version {
            None => record.version_id.is_none(),
            Some(id) => record.version_id.as_deref().unwrap_or("null") == id,
        });
        if kept.is_empty() {
            fs::remove_file(self.key_file(bucket, key)).await?;
            sync_folder(&self.folder(bucket)).await?;
        } else {
            file.versions = kept;
            self.save(bucket, &file).await?;
        }
        for record in &removed {
            self.forget(bucket, record).await;
        }
        Ok(())
    }

    /// The bytes.
    pub(in crate::simulator) async fn read(&self, bucket: &str, file: &str) -> io::Result<File> {
        File::open(self.folder(bucket).join(file)).await
    }

    /// All keys with their versions, sorted by key.
    pub(in crate::simulator) async fn list(&self, bucket: &str) -> io::Result<Vec<KeyFile>> {
        let mut entries = fs::read_dir(self.folder(bucket)).await?;
        let mut files = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            if entry.path().extension().is_some_and(|extension| extension == "json") {
                files.push(parse(&fs::read(entry.path()).await?)?);
            }
        }
        files.sort_by(|a: &KeyFile, b| a.key.cmp(&b.key));
        Ok(files)
    }

    async fn load(&self, bucket: &str, key: &str) -> io::Result<Option<KeyFile>> {
        match fs::read(self.key_file(bucket, key)).await {
            Ok(bytes) => parse(&bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn save(&self, bucket: &str, file: &KeyFile) -> io::Result<()> {
        let temporary = self.temporary();
        let mut writer = File::create_new(&temporary).await?;
        writer.write_all(&serde_json::to_vec(file)?).await?;
        writer.flush().await?;
        writer.sync_all().await?;
        fs::rename(&temporary, self.key_file(bucket, &file.key)).await?;
        sync_folder(&self.folder(bucket)).await
    }

    async fn forget(&self, bucket: &str, record: &Record) {
        if let Some(content) = record.content() {
            self.discard(bucket, content).await;
        }
    }

    fn folder(&self, bucket: &str) -> PathBuf {
        self.root.join("objects").join(bucket)
    }

    fn key_file(&self, bucket: &str, key: &str) -> PathBuf {
        self.folder(bucket).join(format!("{}.json", hex::encode(Sha256::digest(key))))
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("tmp").join(random_name())
    }
}

fn parse(bytes: &[u8]) -> io::Result<KeyFile> {
    serde_json::from_slice(bytes).map_err(io::Error::from)
}

pub(in crate::simulator) fn random_name() -> String {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// A rename is durable once its folder is.
async fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).await?.sync_all().await
}
