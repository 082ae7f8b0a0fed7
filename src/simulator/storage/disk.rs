//! The data folder: lock, journal, content files.
//!
//! * `lock`: held by the process that uses the folder
//! * `journal.jsonl`: all changes since the last start that rewrote it
//! * `content/`: bytes, in files of random names ([`folder`](super::folder))

use std::{
    collections::HashSet,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::simulator::storage::{
    folder::Folder,
    index::{Change, Index},
    journal::Journal,
    objects::random_name,
    pieces::Pieces,
    record::Content,
    upload::Received,
};

/// An open data folder. Index and journal change together, under one lock that nothing waits under.
#[derive(Debug)]
pub(in crate::simulator) struct Disk {
    content: Arc<Folder>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    index: Index,
    /// `None` once the folder is closed.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    journal: Journal,
    _lock: File,
}

impl Disk {
    /// Locks the folder, reads what is known, removes what was left half done.
    pub(in crate::simulator) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let lock = lock(&root.join("lock"))?;
        let journal = root.join("journal.jsonl");
        if !journal.exists() && root.join("objects").exists() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it was written by an older version, which kept objects in another form: take an empty folder",
            ));
        }
        let content = Arc::new(Folder::at(root.join("content")));
        fs::create_dir_all(content.path())?;
        let mut index = Index::new(Arc::clone(&content));
        let journal = Journal::open(&journal, &mut index)?;
        remove_orphans(&content, &index)?;
        content.know(index.pieces());
        let open = Some(Open { journal, _lock: lock });
        Ok(Self { content, state: Mutex::new(State { index, open }) })
    }

    /// Where content files are.
    pub(in crate::simulator) fn content(&self) -> &Arc<Folder> {
        &self.content
    }

    /// A look at what is known.
    pub(in crate::simulator) fn look<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.state().index)
    }

    /// Decides on a change by what is known, writes it down and makes it, all at once.
    pub(in crate::simulator) fn change<E: From<io::Error>>(
        &self,
        decide: impl FnOnce(&Index) -> Result<Change, E>,
    ) -> Result<(), E> {
        self.change_if(|index| decide(index).map(Some))
    }

    /// The same, or nothing.
    pub(in crate::simulator) fn change_if<E: From<io::Error>>(
        &self,
        decide: impl FnOnce(&Index) -> Result<Option<Change>, E>,
    ) -> Result<(), E> {
        let mut state = self.state();
        let State { index, open } = &mut *state;
        let Some(change) = decide(index)? else { return Ok(()) };
        let open = open.as_mut().ok_or_else(|| io::Error::other("the data folder is closed"))?;
        open.journal.append(&change)?;
        index.apply(change);
        Ok(())
    }

    /// Another process may have the folder; nothing changes here any more.
    pub(in crate::simulator) fn close(&self) {
        self.state().open = None;
    }

    /// The same bytes once more; they take no further space.
    pub(in crate::simulator) fn duplicate(&self, content: &Content) -> io::Result<Content> {
        let mut copies = Vec::new();
        for piece in content.pieces.list() {
            let mut copy = piece.clone();
            if piece.offset.is_some() {
                self.content.need(piece);
            } else {
                copy.file = random_name();
                fs::hard_link(self.content.path().join(&piece.file), self.content.path().join(&copy.file))?;
            }
            copies.push(copy);
        }
        let pieces = Pieces::from(copies);
        pieces.doom(&self.content);
        Ok(Content { pieces, ..content.clone() })
    }

    /// The pieces with `added` behind them. A few bytes go into the last file, behind what counts of it; they don't count
    /// until a change says so.
    pub(in crate::simulator) fn extend(&self, pieces: &Pieces, added: Received) -> io::Result<Pieces> {
        let mut extended = pieces.list().to_vec();
        if let (Some(bytes), Some(last)) = (added.in_memory(), extended.last_mut())
            && last.offset.is_none()
        {
            let file = File::options().write(true).open(self.content.path().join(&last.file))?;
            // Behind the end of a file that a copy shares, somebody else may have written.
            if file.metadata()?.nlink() == 1 {
                file.write_all_at(bytes, last.size)?;
                last.size += bytes.len() as u64;
                return Ok(extended.into());
            }
        }
        if added.size() == 0 {
            return Ok(pieces.clone());
        }
        let added = added.into_file()?;
        extended.extend_from_slice(added.list());
        added.keep();
        Ok(extended.into())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another simulator is using it"))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Files that nothing names: uploads that a kill cut short, and what was replaced while somebody read it.
fn remove_orphans(content: &Folder, index: &Index) -> io::Result<()> {
    let known: HashSet<&str> = index.pieces().map(|piece| piece.file.as_str()).collect();
    for entry in fs::read_dir(content.path())? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|name| known.contains(name)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
