//! All that is known about objects and multipart uploads, in memory, and the changes it goes through.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Bound,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::simulator::storage::{
    folder::Folder,
    parts::{Part, Pending},
    pieces::{Piece, Pieces},
    record::{Kind, Record},
};

/// One line of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulator) enum Change {
    /// The record becomes the newest version, in place of one with the same id.
    Put {
        bucket: String,
        key: String,
        record: Record,
        /// The multipart upload that ends with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        completes: Option<String>,
    },
    /// The record takes the place of the version with the same id, which stays where it is among the others.
    Amend { bucket: String, key: String, record: Record },
    /// A version goes for good.
    Remove { bucket: String, key: String, version: Option<String> },
    /// A multipart upload begins.
    Initiate { id: String, pending: Pending },
    /// A part arrives, in place of one with the same number.
    Part { id: String, part: Part },
    /// A multipart upload ends without an object.
    Abort { id: String },
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Multipart {
    pub(in crate::simulator) pending: Pending,
    pub(in crate::simulator) parts: BTreeMap<u32, Part>,
}

/// The state that the journal tells.
#[derive(Debug)]
pub(in crate::simulator) struct Index {
    /// Where the files of what is replaced and removed are.
    content: Arc<Folder>,
    /// Bucket, key, versions: the newest first.
    objects: BTreeMap<String, BTreeMap<String, Vec<Record>>>,
    uploads: BTreeMap<String, Multipart>,
}

impl Index {
    pub(in crate::simulator) fn new(content: Arc<Folder>) -> Self {
        Self { content, objects: BTreeMap::new(), uploads: BTreeMap::new() }
    }

    /// The versions of a key, newest first.
    pub(in crate::simulator) fn versions(&self, bucket: &str, key: &str) -> &[Record] {
        self.objects.get(bucket).and_then(|keys| keys.get(key)).map_or(&[], Vec::as_slice)
    }

    /// The newest version, or the one named.
    pub(in crate::simulator) fn find(&self, bucket: &str, key: &str, version: Option<&str>) -> Option<&Record> {
        let versions = self.versions(bucket, key);
        match version {
            None => versions.first(),
            Some(id) => versions.iter().find(|record| record.is_version(id)),
        }
    }

    /// Keys behind `start_after` that begin with `prefix`, in order.
    pub(in crate::simulator) fn range<'a>(
        &'a self,
        bucket: &str,
        prefix: &'a str,
        start_after: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Vec<Record>)> + use<'a> {
        let from = if start_after < prefix { Bound::Included(prefix) } else { Bound::Excluded(start_after) };
        // Nothing sorts before the empty key, and no object has it.
        let keys = self.objects.get(bucket).into_iter();
        let keys = keys.flat_map(move |keys| keys.range::<str, _>((from, Bound::Unbounded)));
        keys.take_while(move |(key, _)| key.starts_with(prefix))
    }

    pub(in crate::simulator) fn uploads(&self) -> &BTreeMap<String, Multipart> {
        &self.uploads
    }

    /// Whether the upload is still there, with all of these files among its parts.
    pub(in crate::simulator) fn upload_holds(&self, id: &str, pieces: &Pieces) -> bool {
        let Some(upload) = self.uploads.get(id) else { return false };
        let held = upload.parts.values().flat_map(|part| part.pieces.list());
        let held: HashSet<_> = held.map(Piece::place).collect();
        pieces.list().iter().all(|piece| held.contains(&piece.place()))
    }

    /// Makes the change. Files that nothing names any more go as soon as nobody reads them.
    pub(in crate::simulator) fn apply(&mut self, change: Change) {
        match change {
            Change::Put { bucket, key, record, completes } => {
                let completed = completes.and_then(|id| self.uploads.remove(&id));
                let parts = completed.into_iter().flat_map(|upload| upload.parts.into_values());
                self.release(parts.map(|part| part.pieces), Some(&record));
                let versions = self.objects.entry(bucket).or_default().entry(key).or_default();
                let replaced = versions.iter().position(|old| old.version_id == record.version_id);
                let replaced = replaced.map(|index| versions.remove(index));
                if let Some(pieces) = record.pieces() {
                    pieces.keep();
                }
                versions.insert(0, record.clone());
                self.release(replaced.iter().filter_map(Record::pieces).cloned(), Some(&record));
            }
            Change::Amend { bucket, key, record } => {
                let versions = self.objects.entry(bucket).or_default().entry(key).or_default();
                if let Some(place) = versions.iter_mut().find(|old| old.version_id == record.version_id) {
                    let replaced = std::mem::replace(place, record.clone());
                    self.release(replaced.pieces().cloned(), Some(&record));
                }
            }
            Change::Remove { bucket, key, version } => self.remove(&bucket, &key, version.as_deref()),
            Change::Initiate { id, pending } => {
                self.uploads.insert(id, Multipart { pending, parts: BTreeMap::new() });
            }
            Change::Part { id, part } => {
                part.pieces.keep();
                let upload = self.uploads.get_mut(&id);
                let replaced = upload.and_then(|upload| upload.parts.insert(part.number, part));
                self.release(replaced.map(|part| part.pieces), None);
            }
            Change::Abort { id } => {
                let parts = self.uploads.remove(&id).into_iter().flat_map(|upload| upload.parts.into_values());
                self.release(parts.map(|part| part.pieces), None);
            }
        }
    }

    fn remove(&mut self, bucket: &str, key: &str, version: Option<&str>) {
        let Some(keys) = self.objects.get_mut(bucket) else { return };
        let Some(versions) = keys.get_mut(key) else { return };
        let removed: Vec<Record> =
            versions.extract_if(.., |record| record.is_version(version.unwrap_or(Record::NULL_VERSION))).collect();
        if versions.is_empty() {
            keys.remove(key);
        }
        self.release(removed.iter().filter_map(Record::pieces).cloned(), None);
    }

    /// Lets go of files, but for those that `heir` has taken over.
    fn release(&self, released: impl IntoIterator<Item = Pieces>, heir: Option<&Record>) {
        let mut released = released.into_iter().peekable();
        if released.peek().is_none() {
            return;
        }
        let inherited: HashSet<_> = heir
            .and_then(Record::pieces)
            .map(|pieces| pieces.list().iter().map(Piece::place).collect())
            .unwrap_or_default();
        for pieces in released {
            if pieces.list().iter().all(|piece| !inherited.contains(&piece.place())) {
                pieces.doom(&self.content);
            }
        }
    }

    /// How many [changes](Self::changes) there are.
    pub(in crate::simulator) fn change_count(&self) -> usize {
        let versions: usize = self.objects.values().flat_map(BTreeMap::values).map(Vec::len).sum();
        let uploads: usize = self.uploads.values().map(|upload| 1 + upload.parts.len()).sum();
        versions + uploads
    }

    /// The fewest changes that lead here.
    pub(in crate::simulator) fn changes(&self) -> impl Iterator<Item = Change> {
        let put = |bucket: &String, key: &String, record: &Record| Change::Put {
            bucket: bucket.clone(),
            key: key.clone(),
            record: record.clone(),
            completes: None,
        };
        let keys = self.objects.iter().flat_map(|(bucket, keys)| keys.iter().map(move |(key, all)| (bucket, key, all)));
        let puts = keys
            .flat_map(move |(bucket, key, versions)| versions.iter().rev().map(move |record| put(bucket, key, record)));
        let uploads = self.uploads.iter().flat_map(|(id, upload)| {
            let initiate = Change::Initiate { id: id.clone(), pending: upload.pending.clone() };
            let parts = upload.parts.values().map(|part| Change::Part { id: id.clone(), part: part.clone() });
            std::iter::once(initiate).chain(parts)
        });
        puts.chain(uploads)
    }

    /// Every piece that something names.
    pub(in crate::simulator) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        let objects = self.objects.values().flat_map(BTreeMap::values).flatten().filter_map(Record::pieces);
        let parts = self.uploads.values().flat_map(|upload| upload.parts.values()).map(|part| &part.pieces);
        objects.chain(parts).flat_map(Pieces::list)
    }
}

impl Record {
    /// What clients call the version without an id.
    pub(in crate::simulator) const NULL_VERSION: &str = "null";

    fn is_version(&self, id: &str) -> bool {
        self.version_id.as_deref().unwrap_or(Self::NULL_VERSION) == id
    }

    /// Whether it is the same version with the same bytes.
    pub(in crate::simulator) fn same_bytes(&self, other: &Self) -> bool {
        let same_files = match (self.pieces(), other.pieces()) {
            (Some(own), Some(others)) => own.list() == others.list(),
            _ => false,
        };
        self.version_id == other.version_id && same_files
    }

    /// The files that hold its bytes; what has none is a link or a delete marker.
    pub(in crate::simulator) fn pieces(&self) -> Option<&Pieces> {
        match &self.kind {
            Kind::Normal(content) => Some(&content.pieces),
            Kind::Symlink { .. } | Kind::DeleteMarker => None,
        }
    }
}
