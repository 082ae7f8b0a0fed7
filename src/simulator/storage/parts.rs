//! Multipart uploads on disk: one folder each, a description and the parts (P§5).

use std::{
    io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::fs::{self, File};

use crate::simulator::storage::{attributes::Attributes, objects::random_name, upload::Received};

/// What Initiate said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::simulator) struct Pending {
    pub(in crate::simulator) bucket: String,
    pub(in crate::simulator) key: String,
    pub(in crate::simulator) attributes: Attributes,
    pub(in crate::simulator) forbid_overwrite: bool,
    #[serde(default)]
    pub(in crate::simulator) initiated: DateTime<Utc>,
}

/// A part that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct Part {
    pub(in crate::simulator) number: u32,
    /// Upper-case hex.
    pub(in crate::simulator) etag: String,
    pub(in crate::simulator) size: u64,
    /// By the simulator's clock.
    pub(in crate::simulator) last_modified: DateTime<Utc>,
}

/// All multipart uploads that are neither completed nor aborted.
pub(in crate::simulator) struct Uploads {
    root: PathBuf,
}

impl Uploads {
    pub(in crate::simulator) fn open(root: &Path) -> io::Result<Self> {
        let root = root.join("uploads");
        std::fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// Begins one; its id.
    pub(in crate::simulator) async fn create(&self, pending: &Pending) -> io::Result<String> {
        let id = random_name().to_uppercase();
        let folder = self.root.join(&id);
        fs::create_dir(&folder).await?;
        fs::write(folder.join("new"), serde_json::to_vec(pending)?).await?;
        File::open(folder.join("new")).await?.sync_all().await?;
        fs::rename(folder.join("new"), folder.join("upload.json")).await?;
        File::open(&self.root).await?.sync_all().await?;
        Ok(id)
    }

    /// The upload `id` of that key, when there is one.
    pub(in crate::simulator) async fn find(&self, bucket: &str, key: &str, id: &str) -> io::Result<Option<Pending>> {
        // An id of another form is none of ours, and must not become a path.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        match fs::read(self.root.join(id).join("upload.json")).await {
            Ok(bytes) => {
                let pending: Pending = serde_json::from_slice(&bytes)?;
                Ok((pending.bucket == bucket && pending.key == key).then_some(pending))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All of a bucket, by key and then by id.
    pub(in crate::simulator) async fn in_bucket(&self, bucket: &str) -> io::Result<Vec<(String, Pending)>> {
        let mut entries = fs::read_dir(&self.root).await?;
        let mut uploads = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            match fs::read(entry.path().join("upload.json")).await {
                Ok(bytes) => {
                    let pending: Pending = serde_json::from_slice(&bytes)?;
                    if pending.bucket == bucket {
                        uploads.push((entry.file_name().to_string_lossy().into_owned(), pending));
                    }
                }
                // Not begun yet, or ended meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        uploads.sort_by(|(id_a, a), (id_b, b)| (&a.key, id_a).cmp(&(&b.key, id_b)));
        Ok(uploads)
    }

    /// Keeps a part in place of an earlier one of the same number; its `ETag`.
    pub(in crate::simulator) async fn put(
        &self,
        id: &str,
        number: u32,
        received: Received,
        now: DateTime<Utc>,
    ) -> io::Result<String> {
        let etag = hex::encode_upper(received.md5);
        let name = file_name(number, &etag, now);
        let earlier = self.list(id).await?;
        fs::rename(received.path(), self.root.join(id).join(&name)).await?;
        for part in earlier.iter().filter(|part| part.number == number) {
            if file_name(number, &part.etag, part.last_modified) != name {
                fs::remove_file(self.path(id, part)).await?;
            }
        }
        received.into_content(name);
        Ok(etag)
    }

    /// All parts, by number.
    pub(in crate::simulator) async fn list(&self, id: &str) -> io::Result<Vec<Part>> {
        let mut entries = fs::read_dir(self.root.join(id)).await?;
        let mut parts = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some((number, etag, last_modified)) = parse_name(&name) {
                parts.push(Part { number, etag: etag.to_owned(), size: entry.metadata().await?.len(), last_modified });
            }
        }
        parts.sort_by_key(|part| part.number);
        Ok(parts)
    }

    /// Where the bytes of a part are.
    pub(in crate::simulator) fn path(&self, id: &str, part: &Part) -> PathBuf {
        self.root.join(id).join(file_name(part.number, &part.etag, part.last_modified))
    }

    /// Forgets the upload and its parts.
    pub(in crate::simulator) async fn remove(&self, id: &str) -> io::Result<()> {
        fs::remove_dir_all(self.root.join(id)).await
    }
}

/// Number, `ETag` and the milliseconds of its arrival: all that is known of a part stands in its name.
fn file_name(number: u32, etag: &str, now: DateTime<Utc>) -> String {
    format!("{number:05}.{etag}.{}.part", now.timestamp_millis())
}

fn parse_name(name: &str) -> Option<(u32, &str, DateTime<Utc>)> {
    let (number, rest) = name.strip_suffix(".part")?.split_once('.')?;
    let (etag, millis) = rest.split_once('.')?;
    Some((number.parse().ok()?, etag, DateTime::from_timestamp_millis(millis.parse().ok()?)?))
}
