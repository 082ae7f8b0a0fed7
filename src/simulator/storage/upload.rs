//! Bytes on their way in: hashed, counted and written to a temporary file as they arrive.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use crc::{CRC_64_XZ, Crc, Table};
use futures_util::{Stream, StreamExt};
use md5::{Digest, Md5};
use tokio::{fs::File, io::AsyncWriteExt};

use crate::simulator::{
    errors::OssError,
    storage::{
        image::{self, Image},
        record::{Content, ObjectType},
    },
};

/// ECMA-182 as OSS computes it, reflected: CRC-64/XZ.
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// The largest object of one request (P§5).
pub(in crate::simulator) const MAX_OBJECT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// An upload in progress. Dropped before it is committed, it leaves nothing behind.
pub(in crate::simulator) struct Upload {
    path: PathBuf,
    file: File,
    md5: Md5,
    crc: crc::Digest<'static, u64, Table<16>>,
    size: u64,
    kept: bool,
}

/// A finished upload, durable under its temporary name.
pub(in crate::simulator) struct Received {
    upload: Upload,
    pub(in crate::simulator) md5: [u8; 16],
    etag: String,
    object_type: ObjectType,
    pub(in crate::simulator) image: Image,
}

impl Upload {
    pub(in crate::simulator) async fn create(path: PathBuf) -> std::io::Result<Self> {
        let file = File::create_new(&path).await?;
        Ok(Self { path, file, md5: Md5::new(), crc: CRC64.digest(), size: 0, kept: false })
    }

    /// Writes all of `stream`; stops at the first byte beyond `max`.
    pub(in crate::simulator) async fn receive<S, E>(
        mut self,
        mut stream: S,
        max: u64,
        broken: impl Fn(E) -> OssError,
    ) -> Result<Received, OssError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(&broken)?;
            self.size += chunk.len() as u64;
            if self.size > max {
                return Err(OssError::entity_too_large());
            }
            self.md5.update(&chunk);
            self.crc.update(&chunk);
            self.file.write_all(&chunk).await?;
        }
        self.file.flush().await?;
        self.file.sync_all().await?;
        let md5: [u8; 16] = self.md5.clone().finalize().into();
        let image = image::inspect(&self.path).await?;
        Ok(Received { etag: hex::encode_upper(md5), object_type: ObjectType::Normal, upload: self, md5, image })
    }
}

impl Received {
    pub(in crate::simulator) fn size(&self) -> u64 {
        self.upload.size
    }

    pub(in crate::simulator) fn crc64(&self) -> u64 {
        self.upload.crc.clone().finalize()
    }

    /// Of another type, whose `ETag` is not the MD5.
    #[must_use]
    pub(in crate::simulator) fn of_type(mut self, object_type: ObjectType, etag: String) -> Self {
        self.object_type = object_type;
        self.etag = etag;
        self
    }

    pub(in crate::simulator) fn path(&self) -> &Path {
        &self.upload.path
    }

    /// The file has been moved to `file`: it is no longer ours to remove.
    pub(in crate::simulator) fn into_content(mut self, file: String) -> Content {
        self.upload.kept = true;
        Content {
            file,
            size: self.upload.size,
            crc64: self.crc64(),
            etag: std::mem::take(&mut self.etag),
            object_type: self.object_type,
            image: match &self.image {
                Image::Known(info) => Some(info.clone()),
                Image::Broken | Image::None => None,
            },
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "a temporary file could not be removed");
        }
    }
}
