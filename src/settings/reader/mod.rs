//! Reads the merged configuration key by key, collecting every fault. What nobody asked for is an unknown key.

mod files;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use chrono::TimeDelta;
use config::{Map, Value, ValueKind};

pub use self::files::SecretSource;
use super::{
    Fault,
    prints::{FilePrints, ValuePrints},
    source::is_variable,
    values::{parse_duration, parse_size},
};

/// One pass over a configuration.
pub(super) struct Reading {
    faults: RefCell<Vec<Fault>>,
    origins: RefCell<BTreeMap<String, String>>,
    prints: RefCell<ValuePrints>,
    files: RefCell<FilePrints>,
    /// Where a missing key should have been given.
    home: String,
    /// What relative paths are relative to.
    dir: PathBuf,
}

impl Reading {
    /// `files` are those that were read so far.
    pub(super) fn new(home: String, dir: Option<&Path>, files: FilePrints) -> Self {
        Self {
            faults: RefCell::default(),
            origins: RefCell::default(),
            prints: RefCell::default(),
            files: RefCell::new(files),
            home,
            dir: dir.map(Path::to_path_buf).unwrap_or_default(),
        }
    }

    /// Reads the whole tree with `read`; what `read` leaves is unknown.
    pub(super) fn root<T>(&self, values: Map<String, Value>, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        self.table(String::new(), values, read)
    }

    pub(super) fn finish(self) -> Read {
        let mut faults = self.faults.into_inner();
        faults.sort();
        faults.dedup();
        Read {
            faults,
            origins: self.origins.into_inner(),
            prints: self.prints.into_inner(),
            files: self.files.into_inner(),
        }
    }

    fn table<T>(&self, path: String, values: Map<String, Value>, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let mut section = Section { path, values: values.into_iter().collect(), reading: self };
        let result = read(&mut section);
        let unknown: Vec<_> = std::mem::take(&mut section.values).into_iter().collect();
        for (key, value) in unknown {
            self.note(&section.path_of(&key), &value);
            section.fault(&key, "unknown key");
        }
        result
    }

    fn note(&self, path: &str, value: &Value) {
        self.prints.borrow_mut().note(path, &value.kind);
        if let Some(origin) = value.origin() {
            self.origins.borrow_mut().insert(path.to_owned(), origin.to_owned());
        }
    }
}

/// What a pass has found.
pub(super) struct Read {
    /// Sorted.
    pub(super) faults: Vec<Fault>,
    /// Where every key was said.
    pub(super) origins: BTreeMap<String, String>,
    pub(super) prints: ValuePrints,
    pub(super) files: FilePrints,
}

/// One table. Every read takes its key out, records faults, and answers something usable to go on with.
pub(super) struct Section<'a> {
    path: String,
    values: BTreeMap<String, Value>,
    reading: &'a Reading,
}

impl Section<'_> {
    /// Records a fault at `key`, or at this table when `key` is empty.
    pub(super) fn fault(&self, key: &str, message: impl Into<String>) {
        let key = self.path_of(key);
        let place = place_of(&self.reading.origins.borrow(), &key).unwrap_or_else(|| self.reading.home.clone());
        self.reading.faults.borrow_mut().push(Fault { place, key, message: message.into() });
    }

    /// Optional text.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let value = self.take(key)?;
        self.text_of(key, value)
    }

    /// Text that must be there.
    pub(super) fn required_text(&mut self, key: &str) -> String {
        self.require(key);
        self.text(key).unwrap_or_default()
    }

    /// Optional text, parsed.
    pub(super) fn parse<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(key)?;
        self.judge(key, parse(&text))
    }

    /// Text that must be there, parsed.
    pub(super) fn required<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.require(key);
        self.parse(key, parse)
    }

    /// One of the given words, or the default.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, words: &[(&str, T)], default: T) -> T {
        self.parse(key, |text| parse_choice(text, words)).unwrap_or(default)
    }

    /// A duration such as `10m`.
    pub(super) fn duration(&mut self, key: &str) -> Option<TimeDelta> {
        self.parse(key, parse_duration)
    }

    /// A duration that the defaults give.
    pub(super) fn required_duration(&mut self, key: &str) -> TimeDelta {
        self.required(key, parse_duration).unwrap_or_default()
    }

    /// A size: bytes as an integer, or text such as `5 MiB`.
    pub(super) fn size(&mut self, key: &str) -> Option<u64> {
        let value = self.take(key)?;
        let size = match &value.kind {
            ValueKind::I64(number) => u64::try_from(*number).map_err(|_| "a size is not negative".to_owned()),
            ValueKind::String(text) => parse_size(text),
            _ => Err("expected a size: bytes, or text such as `5 MiB`".to_owned()),
        };
        self.judge(key, size)
    }

    /// A whole number, not negative.
    pub(super) fn number<T: TryFrom<u64> + Default>(&mut self, key: &str) -> T {
        self.require(key);
        let Some(value) = self.take(key) else { return T::default() };
        let number = match &value.kind {
            ValueKind::I64(number) => u64::try_from(*number).ok(),
            ValueKind::String(text) if from_variable(&value) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.and_then(|n| T::try_from(n).ok()).ok_or_else(|| "expected a whole number".to_owned());
        self.judge(key, number).unwrap_or_default()
    }

    /// `true` or `false`; absent is `false`.
    pub(super) fn flag(&mut self, key: &str) -> bool {
        let Some(value) = self.take(key) else { return false };
        let flag = match &value.kind {
            ValueKind::Boolean(flag) => Ok(*flag),
            ValueKind::String(text) if from_variable(&value) => text.trim().parse().map_err(|_| ()),
            _ => Err(()),
        };
        self.judge(key, flag.map_err(|()| "expected `true` or `false`".to_owned())).unwrap_or_default()
    }

    /// A share of one: 0 to 1.
    pub(super) fn ratio(&mut self, key: &str) -> f64 {
        self.require(key);
        let Some(value) = self.take(key) else { return 0.0 };
        let ratio = value.into_float().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        self.judge(key, ratio.ok_or_else(|| "expected a number from 0 to 1".to_owned())).unwrap_or_default()
    }

    /// A list of texts; from the environment, comma-separated.
    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.take(key) else { return Vec::new() };
        match value.kind {
            ValueKind::String(ref text) if from_variable(&value) => {
                text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
            }
            ValueKind::Array(items) => items.into_iter().filter_map(|item| self.text_of(key, item)).collect(),
            _ => {
                self.fault(key, "expected a list of texts");
                Vec::new()
            }
        }
    }

    /// One text, or a list of them.
    pub(super) fn text_or_texts(&mut self, key: &str) -> Vec<String> {
        match self.values.get(key) {
            Some(value) if matches!(value.kind, ValueKind::String(_)) && !from_variable(value) => {
                self.text(key).into_iter().collect()
            }
            _ => self.texts(key),
        }
    }

    /// A list of texts, each parsed.
    pub(super) fn parsed_texts<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let texts = self.texts(key);
        texts.iter().filter_map(|text| self.judge(key, parse(text))).collect()
    }

    /// A table of texts, sorted by name.
    pub(super) fn text_table(&mut self, key: &str) -> Vec<(String, String)> {
        self.section(key, |section| {
            let names: Vec<_> = section.values.keys().cloned().collect();
            names.into_iter().filter_map(|name| section.text(&name).map(|text| (name, text))).collect()
        })
        .unwrap_or_default()
    }

    /// A sub-table.
    pub(super) fn section<T>(&mut self, key: &str, read: impl FnOnce(&mut Section<'_>) -> T) -> Option<T> {
        let value = self.take(key)?;
        if let ValueKind::Table(table) = value.kind {
            return Some(self.reading.table(self.path_of(key), table, read));
        }
        self.fault(key, "expected a table");
        None
    }

    /// A table of named tables, sorted by name; a name that is not `[a-z][a-z0-9_-]*` is a fault.
    pub(super) fn named<T>(
        &mut self,
        key: &str,
        read: impl Fn(&str, &mut Section<'_>) -> Option<T>,
    ) -> Vec<(String, T)> {
        self.section(key, |section| {
            let names: Vec<_> = section.values.keys().cloned().collect();
            names
                .into_iter()
                .filter_map(|name| {
                    if !is_name(&name) {
                        section.fault(&name, "a name is [a-z][a-z0-9_-]*");
                    }
                    let value = section.section(&name, |inner| read(&name, inner))??;
                    Some((name, value))
                })
                .collect()
        })
        .unwrap_or_default()
    }

    /// The keys of a sub-table, without reading it.
    pub(super) fn names(&self, key: &str) -> Vec<String> {
        match self.values.get(key).map(|value| &value.kind) {
            Some(ValueKind::Table(table)) => table.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// A list of tables.
    pub(super) fn items<T>(&mut self, key: &str, read: impl Fn(&mut Section<'_>) -> Option<T>) -> Vec<T> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let ValueKind::Array(items) = value.kind else {
            self.fault(key, "expected a list of tables");
            return Vec::new();
        };
        let mut result = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{key}[{index}]");
            self.reading.note(&self.path_of(&path), &item);
            match item.kind {
                ValueKind::Table(table) => result.extend(self.reading.table(self.path_of(&path), table, &read)),
                _ => self.fault(&path, "expected a table"),
            }
        }
        result
    }

    /// Gives up on this table: a fault that explains it is recorded already.
    pub(super) fn ignore_rest(&mut self) {
        self.values.clear();
    }

    /// Whether the key is there and not read yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|value| value.kind != ValueKind::Nil)
    }

    /// Whether the key holds `[]`.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|value| matches!(&value.kind, ValueKind::Array(items) if items.is_empty()))
    }

    /// The value, or its fault recorded.
    pub(super) fn judge<T>(&self, key: &str, outcome: Result<T, String>) -> Option<T> {
        outcome.map_err(|message| self.fault(key, message)).ok()
    }

    fn require(&self, key: &str) {
        if !self.has(key) {
            self.fault(key, "missing");
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let value = self.values.remove(key)?;
        self.reading.note(&self.path_of(key), &value);
        (value.kind != ValueKind::Nil).then_some(value)
    }

    fn text_of(&self, key: &str, value: Value) -> Option<String> {
        if let ValueKind::String(text) = value.kind {
            return Some(text);
        }
        self.fault(key, "expected text");
        None
    }

    fn path_of(&self, key: &str) -> String {
        match (self.path.is_empty(), key.is_empty()) {
            (true, _) => key.to_owned(),
            (_, true) => self.path.clone(),
            _ => format!("{}.{key}", self.path),
        }
    }
}

/// The place where `key`, or the nearest table around it, was said.
pub(super) fn place_of(origins: &BTreeMap<String, String>, key: &str) -> Option<String> {
    let mut path = key;
    loop {
        if let Some(place) = origins.get(path) {
            return Some(place.clone());
        }
        path = &path[..path.rfind(['.', '['])?];
    }
}

/// The value that a word stands for.
pub(super) fn parse_choice<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        format!("`{text}` is none of {}", known.join(", "))
    })
}

/// `[a-z][a-z0-9_-]*`: usable in an environment variable's name too.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

fn from_variable(value: &Value) -> bool {
    value.origin().is_some_and(is_variable)
}
