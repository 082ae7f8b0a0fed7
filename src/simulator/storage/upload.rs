//! Bytes on their way in: hashed and counted as they arrive; few are held until they are all there, many go to a file.

use std::{
    fs::File,
    io::{BufReader, Cursor, Write},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use md5::{Digest, Md5};

use crate::simulator::{
    errors::OssError,
    storage::{
        crc64::{CRC64, Crc64},
        folder::Folder,
        image::{self, Image, MAGIC_BYTES},
        pieces::{Piece, Pieces},
        record::{Content, ObjectType},
    },
};

/// The largest object of one request (P§5).
pub(in crate::simulator) const MAX_OBJECT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// Up to here a body stays in memory and is written in one go.
pub(in crate::simulator) const SMALL_BYTES: u64 = 64 * 1024;

/// Larger ones are hashed and written in blocks of this size, off the threads that serve.
const BLOCK_BYTES: usize = 256 * 1024;

/// An upload in progress. Dropped before it is committed, it leaves nothing behind.
pub(in crate::simulator) struct Upload {
    sink: Sink,
    /// Arrived, but neither hashed nor written.
    block: Vec<u8>,
    size: u64,
}

/// Where blocks go.
struct Sink {
    folder: Arc<Folder>,
    md5: Md5,
    crc: Crc64,
    magic: Vec<u8>,
    /// Made when the first block is written.
    spilled: Option<(File, Pieces)>,
}

/// A finished upload. It is no object yet: dropped, it is gone.
pub(in crate::simulator) struct Received {
    pub(in crate::simulator) md5: [u8; 16],
    pub(in crate::simulator) image: Image,
    size: u64,
    crc64: u64,
    folder: Arc<Folder>,
    bytes: Arrived,
}

/// Where the bytes of a finished upload are.
enum Arrived {
    InMemory(Vec<u8>),
    OnDisk(Pieces),
}

impl Upload {
    pub(in crate::simulator) fn into(folder: Arc<Folder>) -> Self {
        let sink = Sink { folder, md5: Md5::new(), crc: CRC64.digest(), magic: Vec::new(), spilled: None };
        Self { sink, block: Vec::new(), size: 0 }
    }

    /// Takes all of `stream`; stops at the first byte beyond `max`.
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
            self.block.extend_from_slice(&chunk);
            if self.block.len() >= BLOCK_BYTES {
                self = self.spill().await?;
            }
        }
        if self.size > SMALL_BYTES {
            let size = self.size;
            return Ok(self.spill().await?.sink.finish(size).await?);
        }
        Ok(self.in_memory())
    }

    /// Hashes and writes what has gathered.
    async fn spill(self) -> std::io::Result<Self> {
        let Self { mut sink, mut block, size } = self;
        tokio::task::spawn_blocking(move || {
            sink.write(&block)?;
            block.clear();
            Ok(Self { sink, block, size })
        })
        .await?
    }

    fn in_memory(self) -> Received {
        let Self { mut sink, block, size } = self;
        sink.hash(&block);
        let image = image::inspect(&block, Cursor::new(&block));
        let md5 = sink.md5.finalize().into();
        Received { md5, image, size, crc64: sink.crc.finalize(), folder: sink.folder, bytes: Arrived::InMemory(block) }
    }
}

impl Sink {
    fn hash(&mut self, block: &[u8]) {
        self.md5.update(block);
        self.crc.update(block);
    }

    fn write(&mut self, block: &[u8]) -> std::io::Result<()> {
        self.hash(block);
        if self.magic.is_empty() {
            self.magic.extend(block.iter().take(MAGIC_BYTES));
        }
        let (file, _) = match &mut self.spilled {
            Some(spilled) => spilled,
            None => self.spilled.insert(create(&self.folder)?),
        };
        file.write_all(block)
    }

    async fn finish(self, size: u64) -> std::io::Result<Received> {
        let Self { folder, md5, crc, magic, spilled } = self;
        let (_, unsized_pieces) = spilled.expect("a large upload has been written");
        let pieces = resized(&unsized_pieces, size, &folder);
        let image = if image::is_image(&magic) {
            let reader = pieces.reader(&folder);
            tokio::task::spawn_blocking(move || image::inspect(&magic, BufReader::new(reader))).await?
        } else {
            Image::None
        };
        let bytes = Arrived::OnDisk(pieces);
        Ok(Received { md5: md5.finalize().into(), image, size, crc64: crc.finalize(), folder, bytes })
    }
}

/// Gone again unless somebody keeps it.
fn unclaimed(piece: Piece, folder: &Arc<Folder>) -> Pieces {
    let pieces = Pieces::from(vec![piece]);
    pieces.doom(folder);
    pieces
}

/// A new file.
fn create(folder: &Arc<Folder>) -> std::io::Result<(File, Pieces)> {
    let (file, name) = folder.create()?;
    Ok((file, unclaimed(Piece { file: name, offset: None, size: 0 }, folder)))
}

/// The one file, its size known now.
fn resized(pieces: &Pieces, size: u64, folder: &Arc<Folder>) -> Pieces {
    pieces.keep();
    unclaimed(Piece { size, ..pieces.list()[0].clone() }, folder)
}

impl Received {
    pub(in crate::simulator) fn size(&self) -> u64 {
        self.size
    }

    pub(in crate::simulator) fn crc64(&self) -> u64 {
        self.crc64
    }

    /// The bytes, when there are so few of them that they have not been written yet.
    pub(in crate::simulator) fn in_memory(&self) -> Option<&[u8]> {
        match &self.bytes {
            Arrived::InMemory(bytes) => Some(bytes),
            Arrived::OnDisk(_) => None,
        }
    }

    /// On disk, but nothing knows of it yet. Whoever commits it must [keep](Pieces::keep) it.
    pub(in crate::simulator) fn into_content(self) -> std::io::Result<Content> {
        let Self { bytes, folder, .. } = self;
        let pieces = match bytes {
            Arrived::OnDisk(pieces) => pieces,
            Arrived::InMemory(bytes) if bytes.is_empty() => Vec::new().into(),
            Arrived::InMemory(bytes) => unclaimed(folder.write_small(&bytes)?, &folder),
        };
        Ok(Content {
            pieces,
            size: self.size,
            crc64: self.crc64,
            etag: hex::encode_upper(self.md5),
            object_type: ObjectType::Normal,
            image: match self.image {
                Image::Known(info) => Some(info),
                Image::Broken | Image::None => None,
            },
        })
    }

    /// The bytes in a file of their own, which can grow.
    pub(in crate::simulator) fn into_file(self) -> std::io::Result<Pieces> {
        match self.bytes {
            Arrived::OnDisk(pieces) => Ok(pieces),
            Arrived::InMemory(bytes) => {
                let (mut file, pieces) = create(&self.folder)?;
                file.write_all(&bytes)?;
                Ok(resized(&pieces, self.size, &self.folder))
            }
        }
    }
}
