//! Secrets, which may be files, and what else is read from files: each is noted, so that a change of it is seen.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::Section;

/// Where a secret comes from.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// Said in the configuration.
    Inline(SecretString),
    /// In a file of its own.
    File(PathBuf),
}

impl Section<'_> {
    /// A secret: `key` inline, or the content of the file that `key_file` names, without its trailing newline.
    pub(in crate::settings) fn secret(&mut self, key: &str) -> Option<SecretString> {
        match self.secret_source(key)? {
            SecretSource::Inline(secret) => Some(secret),
            SecretSource::File(path) => {
                let key = format!("{key}_file");
                let secret = self.read_file(&key, &path).and_then(|text| secret_of(&path, &text));
                self.judge(&key, secret)
            }
        }
    }

    /// Where a secret comes from; a file is not read yet.
    pub(in crate::settings) fn secret_source(&mut self, key: &str) -> Option<SecretSource> {
        let file_key = format!("{key}_file");
        let (inline, file) = (self.text(key), self.path(&file_key));
        match (inline, file) {
            (Some(_), Some(_)) => {
                self.fault(key, format!("give either `{key}` or `{file_key}`, not both"));
                None
            }
            (Some(text), None) if text.is_empty() => {
                self.fault(key, "the secret is empty");
                None
            }
            (Some(text), None) => Some(SecretSource::Inline(text.into())),
            (None, file) => file.map(SecretSource::File),
        }
    }

    /// A secret that must be there.
    pub(in crate::settings) fn required_secret(&mut self, key: &str) -> Option<SecretString> {
        let file_key = format!("{key}_file");
        if !self.has(key) && !self.has(&file_key) {
            self.fault(key, format!("missing: give `{key}` or `{file_key}`"));
        }
        self.secret(key)
    }

    /// A path, relative to the configuration folder.
    pub(in crate::settings) fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|text| self.reading.dir.join(text))
    }

    /// A path whose file's content is part of the configuration, though somebody else reads it.
    pub(in crate::settings) fn content_path(&mut self, key: &str) -> Option<PathBuf> {
        let path = self.path(key)?;
        // Who reads it tells why it can't be read.
        let _ = self.read_file(key, &path);
        Some(path)
    }

    /// The text of the file that `key` names; it is part of the configuration.
    pub(in crate::settings) fn read_file(&self, key: &str, path: &Path) -> Result<String, String> {
        let content = std::fs::read(path);
        let bytes = content.as_deref().ok();
        self.reading.prints.borrow_mut().note_content(&self.path_of(key), path, bytes);
        self.reading.files.borrow_mut().note(path, bytes);
        let text = content.and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
        text.map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn secret_of(path: &Path, text: &str) -> Result<SecretString, String> {
    let secret = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if secret.is_empty() { Err(format!("{}: the file is empty", path.display())) } else { Ok(secret.into()) }
}
