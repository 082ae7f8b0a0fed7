//! The folder of content files: a file of its own for much, a place in a shared one for little.
//!
//! Making a file costs a file system a hundred times what writing a few bytes costs. So small contents go one behind the
//! other into a *segment*; a segment goes once nothing in it is needed any more.

use std::{
    collections::HashMap,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::simulator::storage::{objects::random_name, pieces::Piece};

/// Beyond this a segment takes nothing more; one content that stays keeps as much on disk.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Where content files are.
#[derive(Debug)]
pub(in crate::simulator) struct Folder {
    path: PathBuf,
    segments: Mutex<Segments>,
}

#[derive(Debug, Default)]
struct Segments {
    /// Until the journal is read, nobody knows what is needed, and nothing goes.
    known: bool,
    /// How many contents each holds that somebody needs.
    needed: HashMap<String, usize>,
    current: Option<Current>,
}

/// The segment that takes what comes.
#[derive(Debug)]
struct Current {
    name: String,
    file: Arc<File>,
    length: u64,
}

impl Folder {
    pub(in crate::simulator) fn at(path: PathBuf) -> Self {
        Self { path, segments: Mutex::default() }
    }

    pub(in crate::simulator) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::simulator) fn open(&self, piece: &Piece) -> io::Result<File> {
        File::open(self.path.join(&piece.file))
    }

    /// A new file.
    pub(in crate::simulator) fn create(&self) -> io::Result<(File, String)> {
        let name = random_name();
        Ok((File::create_new(self.path.join(&name))?, name))
    }

    /// Writes a few bytes into the current segment. Somebody needs them from now on.
    pub(in crate::simulator) fn write_small(&self, bytes: &[u8]) -> io::Result<Piece> {
        let size = bytes.len() as u64;
        let (file, piece) = self.reserve(size)?;
        if let Err(error) = file.write_all_at(bytes, piece.start()) {
            self.remove(&piece);
            return Err(error);
        }
        Ok(piece)
    }

    fn reserve(&self, size: u64) -> io::Result<(Arc<File>, Piece)> {
        let mut segments = self.segments();
        let Segments { needed, current, .. } = &mut *segments;
        let current = match current {
            Some(current) if current.length + size <= SEGMENT_BYTES => current,
            current => {
                let (file, name) = self.create()?;
                current.insert(Current { name, file: Arc::new(file), length: 0 })
            }
        };
        let piece = Piece { file: current.name.clone(), offset: Some(current.length), size };
        current.length += size;
        *needed.entry(current.name.clone()).or_default() += 1;
        Ok((Arc::clone(&current.file), piece))
    }

    /// What the journal has told: these are needed, and from now on what nobody needs goes.
    pub(in crate::simulator) fn know<'a>(&self, pieces: impl Iterator<Item = &'a Piece>) {
        pieces.for_each(|piece| self.need(piece));
        self.segments().known = true;
    }

    /// One more needs the piece, when it lies in a segment.
    pub(in crate::simulator) fn need(&self, piece: &Piece) {
        if piece.offset.is_some() {
            *self.segments().needed.entry(piece.file.clone()).or_default() += 1;
        }
    }

    /// One less needs it: its file goes with the last.
    pub(in crate::simulator) fn remove(&self, piece: &Piece) {
        let mut segments = self.segments();
        if !segments.known || piece.offset.is_some() && segments.is_needed_without_one(&piece.file) {
            return;
        }
        drop(segments);
        if let Err(error) = std::fs::remove_file(self.path.join(&piece.file)) {
            tracing::debug!(error.cause = %error, "a content file could not be removed");
        }
    }

    fn segments(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Segments {
    fn is_needed_without_one(&mut self, name: &str) -> bool {
        if let Some(count) = self.needed.get_mut(name)
            && *count > 1
        {
            *count -= 1;
            return true;
        }
        self.needed.remove(name);
        self.current.take_if(|current| current.name == name);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Folder) -> usize {
        std::fs::read_dir(folder.path()).unwrap().count()
    }

    #[test]
    fn small_contents_share_a_file_until_none_is_needed() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::at(directory.path().to_owned());
        folder.know(std::iter::empty());
        let [first, second] = ["first", "second"].map(|text| folder.write_small(text.as_bytes()).unwrap());
        assert_eq!((first.file == second.file, second.offset), (true, Some(5)));
        folder.need(&first);
        for piece in [&first, &second] {
            folder.remove(piece);
            assert_eq!(files(&folder), 1);
        }
        folder.remove(&first);
        assert_eq!(files(&folder), 0);
        assert_ne!(folder.write_small(b"third").unwrap().file, first.file);
    }

    #[test]
    fn nothing_goes_before_it_is_known_what_is_needed() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::at(directory.path().to_owned());
        let pieces = ["needed", "replaced"].map(|text| folder.write_small(text.as_bytes()).unwrap());
        let again = Folder::at(directory.path().to_owned());
        again.remove(&pieces[1]);
        assert_eq!(files(&again), 1);
        again.know(pieces[..1].iter());
        again.remove(&pieces[0]);
        assert_eq!(files(&again), 0);
    }

    #[test]
    fn a_full_segment_is_followed_by_another() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::at(directory.path().to_owned());
        let large = vec![0; usize::try_from(SEGMENT_BYTES).unwrap() - 1];
        let pieces = [&large[..], b"x", b"y"].map(|bytes| folder.write_small(bytes).unwrap());
        assert_eq!((pieces[0].file == pieces[1].file, pieces[1].file == pieces[2].file), (true, false));
        assert_eq!(files(&folder), 2);
    }
}
