//! The seal: our MAC over the grant, carried through OSS as `x:seal`. Without it a callback is worthless, whoever signed it.

use chrono::{DateTime, Utc};

/// What kind of grant is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealKind {
    /// One object.
    Upload,
    /// Any objects under one directory.
    Directory,
}

/// What the seal covers.
#[derive(Debug, Clone)]
pub struct SealedFacts<'a> {
    /// One object or a directory.
    pub kind: SealKind,
    /// The grant's id.
    pub upload_id: &'a str,
    /// Whose grant.
    pub user_id: &'a str,
    /// The real bucket name.
    pub bucket: &'a str,
    /// The object key, or the directory.
    pub key: &'a str,
    /// Variables without their `x:`, any order; `""` = absent. Without user_id, upload_id, seal, dir.
    pub vars: &'a [(String, String)],
}

/// A named sealing key, HKDF-SHA256(secret, info `oss-valet/seal/v1`).
#[derive(Clone)]
pub struct SealKey {
    _todo: (),
}

/// The keys in use, newest first: the first seals, all verify.
#[derive(Debug, Clone)]
pub struct SealKeys {
    _todo: (),
}

/// Why a secret can't seal.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnusableSecret {
    /// Shorter than 32 bytes.
    #[error("a seal secret needs at least 32 bytes")]
    TooShort,
    /// A kid is `[A-Za-z0-9_-]{1,16}`.
    #[error("a kid is 1 to 16 of A-Z a-z 0-9 _ -")]
    Kid,
    /// No key at all, or a kid twice.
    #[error("at least one seal secret, each kid once")]
    Keys,
}

/// Why a seal is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealInvalid {
    /// Not `v1.<kid>.<expiry>.<mac>`.
    #[error("not a seal")]
    Malformed,
    /// The kid is unknown.
    #[error("sealed with a secret that is not known here")]
    UnknownKey,
    /// The MAC does not fit the facts.
    #[error("the seal belongs to other facts, or was made with another secret")]
    Mismatch,
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(..)")
    }
}

impl SealKey {
    /// Derives the key.
    ///
    /// # Errors
    /// When kid or secret is unusable.
    pub fn derive(_kid: &str, _secret: &[u8]) -> Result<Self, UnusableSecret> {
        todo!()
    }
}

impl SealKeys {
    /// Newest first.
    ///
    /// # Errors
    /// When there is none, or a kid occurs twice.
    pub fn new(_keys: Vec<SealKey>) -> Result<Self, UnusableSecret> {
        todo!()
    }

    /// `v1.<kid>.<expiry, base36 seconds>.<22 characters base64url>`.
    pub fn seal(&self, _facts: &SealedFacts<'_>, _expiry: DateTime<Utc>) -> String {
        todo!()
    }

    /// Checks the MAC in constant time. The expiry inside is covered, not judged: nothing is refused for being late.
    ///
    /// # Errors
    /// When the seal is not ours for these facts.
    pub fn verify(&self, _seal: &str, _facts: &SealedFacts<'_>) -> Result<(), SealInvalid> {
        todo!()
    }

    /// As [`Self::verify`], trying every key whatever the kid: for the doctor, who is given a secret without its name.
    ///
    /// # Errors
    /// When no key made it.
    pub fn verify_ignoring_kid(&self, _seal: &str, _facts: &SealedFacts<'_>) -> Result<(), SealInvalid> {
        todo!()
    }
}
