//! A bucket's callback policy: named presets that an upload may use without knowing them (P§1.8).

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tokio::fs;

/// One preset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::simulator) struct Preset {
    pub(in crate::simulator) name: String,
    /// Base64, as it was put.
    pub(in crate::simulator) callback: String,
    pub(in crate::simulator) callback_var: Option<String>,
}

/// The presets of all buckets: a JSON file each.
#[derive(Debug)]
pub(in crate::simulator) struct Presets {
    folder: PathBuf,
}

impl Presets {
    pub(in crate::simulator) fn open(data_dir: &Path) -> io::Result<Self> {
        let folder = data_dir.join("callback-policies");
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// All of a bucket, in the order in which they were put; `None` when it has no policy.
    pub(in crate::simulator) async fn list(&self, bucket: &str) -> io::Result<Option<Vec<Preset>>> {
        match fs::read(self.file(bucket)).await {
            Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(in crate::simulator) async fn find(&self, bucket: &str, name: &str) -> io::Result<Option<Preset>> {
        Ok(self.list(bucket).await?.unwrap_or_default().into_iter().find(|preset| preset.name == name))
    }

    /// Replaces all of them.
    pub(in crate::simulator) async fn put(&self, bucket: &str, presets: &[Preset]) -> io::Result<()> {
        let aside = self.folder.join(format!("{bucket}.new"));
        fs::write(&aside, serde_json::to_vec(presets)?).await?;
        fs::rename(aside, self.file(bucket)).await
    }

    /// Removes all of them; none there is fine.
    pub(in crate::simulator) async fn remove(&self, bucket: &str) -> io::Result<()> {
        match fs::remove_file(self.file(bucket)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn file(&self, bucket: &str) -> PathBuf {
        self.folder.join(format!("{bucket}.json"))
    }
}
