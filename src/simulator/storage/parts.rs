//! Multipart uploads under way, and their parts (P§5).

use std::{io, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::simulator::{
    errors::OssError,
    storage::{
        attributes::Attributes,
        crc64,
        disk::Disk,
        image::{self, Image, MAGIC_BYTES},
        index::Change,
        objects::random_name,
        pieces::{Piece, Pieces},
        record::{Content, ObjectType},
        upload::Received,
    },
};

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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::simulator) struct Part {
    pub(in crate::simulator) number: u32,
    /// Upper-case hex.
    pub(in crate::simulator) etag: String,
    pub(in crate::simulator) size: u64,
    pub(in crate::simulator) crc64: u64,
    /// By the simulator's clock.
    pub(in crate::simulator) last_modified: DateTime<Utc>,
    pub(in crate::simulator) pieces: Pieces,
}

/// All multipart uploads that are neither completed nor aborted.
pub(in crate::simulator) struct Uploads {
    disk: Arc<Disk>,
}

#[expect(clippy::unused_async, reason = "operations needn't know that the index is in memory")]
impl Uploads {
    pub(in crate::simulator) fn on(disk: Arc<Disk>) -> Self {
        Self { disk }
    }

    /// Begins one; its id.
    pub(in crate::simulator) async fn create(&self, pending: &Pending) -> io::Result<String> {
        let id = random_name().to_uppercase();
        self.disk.change(|_| io::Result::Ok(Change::Initiate { id: id.clone(), pending: pending.clone() }))?;
        Ok(id)
    }

    /// The upload `id` of that key, when there is one.
    pub(in crate::simulator) async fn find(&self, bucket: &str, key: &str, id: &str) -> io::Result<Option<Pending>> {
        let pending = self.disk.look(|index| index.uploads().get(id).map(|upload| upload.pending.clone()));
        Ok(pending.filter(|pending| pending.bucket == bucket && pending.key == key))
    }

    /// All of a bucket, by key and then by id.
    pub(in crate::simulator) async fn in_bucket(&self, bucket: &str) -> io::Result<Vec<(String, Pending)>> {
        let mut uploads: Vec<(String, Pending)> = self.disk.look(|index| {
            let of_bucket = index.uploads().iter().filter(|(_, upload)| upload.pending.bucket == bucket);
            of_bucket.map(|(id, upload)| (id.clone(), upload.pending.clone())).collect()
        });
        uploads.sort_by(|(id_a, a), (id_b, b)| (&a.key, id_a).cmp(&(&b.key, id_b)));
        Ok(uploads)
    }

    /// Keeps a part in place of an earlier one of the same number; `None` when the upload has ended meanwhile.
    pub(in crate::simulator) async fn put(
        &self,
        id: &str,
        number: u32,
        received: Received,
        now: DateTime<Utc>,
    ) -> io::Result<Option<Part>> {
        let content = received.into_content()?;
        let part = Part {
            number,
            etag: content.etag,
            size: content.size,
            crc64: content.crc64,
            last_modified: now,
            pieces: content.pieces,
        };
        let mut kept = None;
        self.disk.change_if(|index| {
            if !index.uploads().contains_key(id) {
                return io::Result::Ok(None);
            }
            kept = Some(part.clone());
            Ok(Some(Change::Part { id: id.to_owned(), part }))
        })?;
        Ok(kept)
    }

    /// All parts, by number.
    pub(in crate::simulator) async fn list(&self, id: &str) -> io::Result<Vec<Part>> {
        let parts = |upload: &super::index::Multipart| upload.parts.values().cloned().collect();
        Ok(self.disk.look(|index| index.uploads().get(id).map(parts).unwrap_or_default()))
    }

    /// The parts, one after the other, as the content of an object; no byte of them is read but an image's header.
    pub(in crate::simulator) async fn join(&self, parts: &[Part], etag: String) -> Result<(Content, Image), OssError> {
        let pieces: Vec<Piece> = parts.iter().flat_map(|part| part.pieces.list()).cloned().collect();
        let pieces = Pieces::from(pieces);
        let (size, crc64) = parts
            .iter()
            .fold((0, 0), |(size, crc), part| (size + part.size, crc64::combine(crc, part.crc64, part.size)));
        let image = self.inspect(&pieces, size).await?;
        let info = if let Image::Known(info) = &image { Some(info.clone()) } else { None };
        Ok((Content { pieces, size, etag, crc64, image: info, object_type: ObjectType::Multipart }, image))
    }

    async fn inspect(&self, pieces: &Pieces, size: u64) -> io::Result<Image> {
        let magic = pieces.read(self.disk.content(), 0, size.min(MAGIC_BYTES as u64))?;
        if !image::is_image(&magic) {
            return Ok(Image::None);
        }
        let reader = io::BufReader::new(pieces.reader(self.disk.content()));
        Ok(tokio::task::spawn_blocking(move || image::inspect(&magic, reader)).await?)
    }

    /// Forgets the upload and its parts.
    pub(in crate::simulator) async fn remove(&self, id: &str) -> io::Result<()> {
        self.disk.change(|_| Ok(Change::Abort { id: id.to_owned() }))
    }
}
