//! The files that hold the bytes of an object or a part, and how they are read.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize, Serializer};

use crate::simulator::storage::folder::Folder;

/// Read from disk and sent at a time.
const CHUNK_BYTES: u64 = 128 * 1024;

/// A file of the content folder, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::simulator) struct Piece {
    pub(in crate::simulator) file: String,
    /// Where it begins in a segment; `None` when the file is its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::simulator) offset: Option<u64>,
    /// What counts from there; what lies behind is not the object's (others', or an append that was never answered).
    pub(in crate::simulator) size: u64,
}

impl Piece {
    /// The first byte of it in its file.
    pub(in crate::simulator) fn start(&self) -> u64 {
        self.offset.unwrap_or(0)
    }

    /// What tells it from others: an append may let it grow.
    pub(in crate::simulator) fn place(&self) -> (&str, u64) {
        (&self.file, self.start())
    }
}

/// Files, one after the other. A clone shares them: doomed, they go only when the last reader has let go.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Vec<Piece>")]
pub(in crate::simulator) struct Pieces(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pieces: Vec<Piece>,
    /// The folder out of which they go with the last owner.
    doomed: Mutex<Option<Arc<Folder>>>,
}

impl From<Vec<Piece>> for Pieces {
    fn from(pieces: Vec<Piece>) -> Self {
        Self(Arc::new(Shared { pieces, doomed: Mutex::default() }))
    }
}

impl Serialize for Pieces {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.pieces.serialize(serializer)
    }
}

impl Pieces {
    pub(in crate::simulator) fn list(&self) -> &[Piece] {
        &self.0.pieces
    }

    /// From now on the files go with their last owner.
    pub(in crate::simulator) fn doom(&self, folder: &Arc<Folder>) {
        *self.0.doomed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(folder));
    }

    /// They stay, whoever lets go of them.
    pub(in crate::simulator) fn keep(&self) {
        *self.0.doomed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// `length` bytes from `first` on, opened and read as they are asked for.
    pub(in crate::simulator) fn stream(
        &self,
        folder: &Arc<Folder>,
        first: u64,
        length: u64,
    ) -> impl Stream<Item = io::Result<Bytes>> + use<> {
        let reader = Reader::new(self.clone(), Arc::clone(folder), first);
        stream::try_unfold((reader, length), |(mut reader, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let (reader, chunk) = tokio::task::spawn_blocking(move || {
                let chunk = reader.chunk(left.min(CHUNK_BYTES))?;
                io::Result::Ok((reader, chunk))
            })
            .await??;
            let left = left - chunk.len() as u64;
            Ok(Some((chunk, (reader, left))))
        })
    }

    /// The same at once, for a few bytes.
    pub(in crate::simulator) fn read(&self, folder: &Arc<Folder>, first: u64, length: u64) -> io::Result<Bytes> {
        let mut reader = Reader::new(self.clone(), Arc::clone(folder), first);
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        reader.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }

    /// A reader that starts at the first byte.
    pub(in crate::simulator) fn reader(&self, folder: &Arc<Folder>) -> Reader {
        Reader::new(self.clone(), Arc::clone(folder), 0)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Some(folder) = self.doomed.get_mut().unwrap_or_else(PoisonError::into_inner).take() else { return };
        for piece in &self.pieces {
            folder.remove(piece);
        }
    }
}

/// Reads pieces as if they were one file; blocking.
#[derive(Debug)]
pub(in crate::simulator) struct Reader {
    pieces: Pieces,
    folder: Arc<Folder>,
    position: u64,
    /// The piece that is open.
    open: Option<(usize, File)>,
}

impl Reader {
    fn new(pieces: Pieces, folder: Arc<Folder>, position: u64) -> Self {
        Self { pieces, folder, position, open: None }
    }

    /// The next bytes, as many as are wanted but for the end of a piece; never none.
    fn chunk(&mut self, wanted: u64) -> io::Result<Bytes> {
        let mut buffer = vec![0; usize::try_from(wanted).map_err(io::Error::other)?];
        let read = self.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.truncate(read);
        Ok(buffer.into())
    }

    /// The piece in which the position lies, and how far behind its start; `None` beyond the end.
    fn place(&self) -> Option<(usize, u64)> {
        let mut behind = self.position;
        for (index, piece) in self.pieces.list().iter().enumerate() {
            if behind < piece.size {
                return Some((index, behind));
            }
            behind -= piece.size;
        }
        None
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((index, behind)) = self.place() else { return Ok(0) };
        let piece = &self.pieces.list()[index];
        let file = match &mut self.open {
            Some((open, file)) if *open == index => file,
            open => &mut open.insert((index, self.folder.open(piece)?)).1,
        };
        let wanted = usize::try_from(piece.size - behind).unwrap_or(usize::MAX).min(buffer.len());
        let read = file.read_at(&mut buffer[..wanted], piece.start() + behind)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let size = self.pieces.list().iter().map(|piece| piece.size).sum();
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => u64::checked_add_signed(size, offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;
    use tempfile::TempDir;

    use super::*;

    fn folder(directory: &TempDir) -> Arc<Folder> {
        let folder = Folder::at(directory.path().to_owned());
        folder.know(std::iter::empty());
        Arc::new(folder)
    }

    /// `abcdefghij`: a file, a part of a segment, and the beginning of a file.
    fn pieces(folder: &Folder) -> Pieces {
        let piece = |name: &str, text: &str, size| {
            std::fs::write(folder.path().join(name), text).unwrap();
            Piece { file: name.to_owned(), offset: None, size }
        };
        let unneeded = folder.write_small(b"before").unwrap();
        let small = folder.write_small(b"defg").unwrap();
        folder.remove(&unneeded);
        vec![piece("first", "abc", 3), small, piece("last", "hij-leftover", 3)].into()
    }

    #[tokio::test]
    async fn any_range_is_read_across_the_files() {
        let directory = tempfile::tempdir().unwrap();
        let folder = folder(&directory);
        let pieces = pieces(&folder);
        for first in 0..10 {
            for last in first..=10 {
                let expected = &b"abcdefghij"[first..last];
                let (first, length) = (first as u64, (last - first) as u64);
                assert_eq!(pieces.read(&folder, first, length).unwrap(), expected);
                let streamed: Vec<Bytes> = pieces.stream(&folder, first, length).try_collect().await.unwrap();
                assert_eq!(streamed.concat(), expected);
            }
        }
        assert_eq!(pieces.read(&folder, 9, 2).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_reader_seeks_like_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let folder = folder(&directory);
        let mut reader = pieces(&folder).reader(&folder);
        let mut rest = String::new();
        assert_eq!(reader.seek(SeekFrom::End(-4)).unwrap(), 6);
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "ghij");
        assert!(reader.seek(SeekFrom::Current(-11)).is_err());
    }

    #[test]
    fn doomed_files_go_with_their_last_reader() {
        let directory = tempfile::tempdir().unwrap();
        let folder = folder(&directory);
        let pieces = pieces(&folder);
        let reader = pieces.clone();
        pieces.doom(&folder);
        drop(pieces);
        assert_eq!(reader.read(&folder, 0, 10).unwrap(), "abcdefghij");
        drop(reader);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
