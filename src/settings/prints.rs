//! What settings are compared by: a digest of every value that was said, and of every file that was read for one.
//!
//! Two configurations with the same digests under a key mean the same by it. Digests of secrets are shown nowhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::{Path, PathBuf},
};

use config::ValueKind;
use sha2::{Digest, Sha256};

type Print = [u8; 32];

/// What was said, by key.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct ValuePrints(BTreeMap<String, Print>);

impl ValuePrints {
    /// Notes a value; tables are noted by what is in them.
    pub(super) fn note(&mut self, key: &str, value: &ValueKind) {
        let is_table = |kind: &ValueKind| matches!(kind, ValueKind::Table(_));
        let holds_tables = matches!(value, ValueKind::Array(items) if items.iter().any(|item| is_table(&item.kind)));
        if !is_table(value) && !holds_tables {
            self.0.insert(key.to_owned(), Sha256::digest(format!("{value:?}")).into());
        }
    }

    /// Notes what the file that `key` names holds.
    pub(super) fn note_content(&mut self, key: &str, path: &Path, content: Option<&[u8]>) {
        let path = Sha256::digest(path.as_os_str().as_encoded_bytes());
        let print = Sha256::new().chain_update(path).chain_update([u8::from(content.is_some())]);
        self.0.insert(key.to_owned(), print.chain_update(content.unwrap_or_default()).finalize().into());
    }

    /// The keys that only one of the two says, or both differently.
    pub(super) fn differences(&self, other: &Self) -> BTreeSet<String> {
        let keys = self.0.keys().chain(other.0.keys());
        keys.filter(|key| self.0.get(*key) != other.0.get(*key)).cloned().collect()
    }

    /// Whether `key` and all under it is the same as `other_key` in `other`.
    pub(super) fn is_same(&self, key: &str, other: &Self, other_key: &str) -> bool {
        self.under(key).eq(other.under(other_key))
    }

    fn under<'a>(&'a self, key: &'a str) -> impl Iterator<Item = (&'a str, &'a Print)> {
        self.0.iter().filter_map(move |(path, print)| {
            let rest = path.strip_prefix(key)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then_some((rest, print))
        })
    }
}

impl fmt::Debug for ValuePrints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The files that a configuration was read from, and what they held.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FilePrints(BTreeMap<PathBuf, Option<Print>>);

impl FilePrints {
    pub(super) fn note(&mut self, path: &Path, content: Option<&[u8]>) {
        self.0.insert(path.to_owned(), content.map(|content| Sha256::digest(content).into()));
    }

    /// The same files as they are now, by whatever links lead to them.
    #[must_use]
    pub fn look_again(&self) -> Self {
        let mut now = Self::default();
        for path in self.0.keys() {
            now.note(path, fs::read(path).ok().as_deref());
        }
        now
    }
}

impl fmt::Debug for FilePrints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prints(values: &[(&str, &str)]) -> ValuePrints {
        let mut prints = ValuePrints::default();
        for (key, value) in values {
            prints.note(key, &ValueKind::String((*value).to_owned()));
        }
        prints
    }

    #[test]
    fn what_differs_is_named_and_never_shown() {
        let one = prints(&[("server.listen", "a"), ("sinks[0].url", "b"), ("sinks[0].secrets", "sesame")]);
        let other = prints(&[("server.listen", "a"), ("sinks[0].url", "c"), ("sinks[1].url", "b")]);
        let differences: Vec<_> = one.differences(&other).into_iter().collect();
        assert_eq!(differences, ["sinks[0].secrets", "sinks[0].url", "sinks[1].url"]);
        assert_eq!(format!("{one:?}"), r#"{"server.listen", "sinks[0].secrets", "sinks[0].url"}"#);
    }

    #[test]
    fn a_section_is_compared_with_all_that_is_in_it_and_no_more() {
        let one = prints(&[("sinks[0].url", "b"), ("sinks[1].url", "c"), ("sinks[10].url", "d")]);
        let other = prints(&[("sinks[0].url", "c"), ("sinks[0].name", "n")]);
        assert!(one.is_same("sinks[0]", &one, "sinks[0]"));
        assert!(!one.is_same("sinks[1]", &other, "sinks[0]"), "a name was given");
        assert!(one.is_same("sinks[1].url", &other, "sinks[0].url"), "under another number");
        assert!(!one.is_same("sinks[1]", &one, "sinks[10]"));
    }

    #[test]
    fn a_file_is_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "one").unwrap();
        let mut files = FilePrints::default();
        files.note(&path, Some(b"one"));
        assert_eq!(files.look_again(), files);
        fs::write(&path, "two").unwrap();
        assert_ne!(files.look_again(), files);
        fs::remove_file(&path).unwrap();
        let gone = files.look_again();
        assert!(gone != files && gone.look_again() == gone);
    }
}
