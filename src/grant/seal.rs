//! The seal: our MAC over the grant, carried through OSS as `x:seal`. Without it a callback is worthless, whoever signed it.
//!
//! `v1.<kid>.<expiry, base36 seconds>.<22 characters base64url>`: the first 16 bytes of an HMAC-SHA256 under a key that
//! HKDF-SHA256 derives from the secret. What goes into the MAC is [`encode`]d injectively, so that no two sets of facts share a seal.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::grant::GrantKind;

/// First part of every seal. Another value would make every outstanding grant's callback worthless.
const VERSION: &str = "v1";
/// HKDF's `info`: binds the derived key to this use. If it drifts, no seal in flight verifies.
const KEY_INFO: &[u8] = b"oss-valet/seal/v1";
/// Bytes of the HMAC that are kept: 128 bits, 22 characters in base64url.
const MAC_LEN: usize = 16;
/// Shortest secret that may seal, in bytes: the strength of the MAC's 256-bit key.
pub const MIN_SECRET_LEN: usize = 32;
/// Longest kid, in bytes; it travels in every callback.
pub const MAX_KID_LEN: usize = 16;

/// What the seal covers.
#[derive(Debug, Clone)]
pub struct SealedFacts<'a> {
    /// One object or a directory.
    pub kind: GrantKind,
    /// The grant's id.
    pub upload_id: &'a str,
    /// Whose grant.
    pub user_id: &'a str,
    /// The real bucket name.
    pub bucket: &'a str,
    /// The object key, or the directory.
    pub key: &'a str,
    /// Variables without their `x:`, any order; `""` = absent. Without `user_id`, `upload_id`, `seal`, `dir`.
    pub vars: &'a [(String, String)],
}

/// A named sealing key, HKDF-SHA256(secret, info `oss-valet/seal/v1`).
#[derive(Clone)]
pub struct SealKey {
    kid: String,
    /// Keyed and ready: a clone costs no key schedule.
    mac: Hmac<Sha256>,
}

/// The keys in use, newest first: the first seals, all verify.
#[derive(Debug, Clone)]
pub struct SealKeys {
    keys: Vec<SealKey>,
}

/// Why a secret can't seal.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnusableSecret {
    /// Shorter than 32 bytes.
    #[error("a seal secret needs at least {MIN_SECRET_LEN} bytes")]
    TooShort,
    /// A kid is `[A-Za-z0-9_-]{1,16}`.
    #[error("a kid is 1 to {MAX_KID_LEN} of A-Z a-z 0-9 _ -")]
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
    pub fn derive(kid: &str, secret: &[u8]) -> Result<Self, UnusableSecret> {
        let key = derive_key(kid, secret, KEY_INFO)?;
        let mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
        Ok(Self { kid: kid.to_owned(), mac })
    }

    fn mac(&self, facts: &SealedFacts<'_>, expiry: &str) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        encode(facts, expiry, |bytes| mac.update(bytes));
        mac
    }
}

impl SealKeys {
    /// Newest first.
    ///
    /// # Errors
    /// When there is none, or a kid occurs twice.
    pub fn new(keys: Vec<SealKey>) -> Result<Self, UnusableSecret> {
        check_kids(keys.iter().map(|key| key.kid.as_str()))?;
        Ok(Self { keys })
    }

    /// `v1.<kid>.<expiry, base36 seconds>.<22 characters base64url>`. An expiry before 1970 is sealed as 0.
    pub fn seal(&self, facts: &SealedFacts<'_>, expiry: DateTime<Utc>) -> String {
        let key = &self.keys[0];
        let expiry = base36(u64::try_from(expiry.timestamp()).unwrap_or(0));
        let mac = key.mac(facts, &expiry).finalize().into_bytes();
        format!("{VERSION}.{}.{expiry}.{}", key.kid, URL_SAFE_NO_PAD.encode(&mac[..MAC_LEN]))
    }

    /// Checks the MAC in constant time. The expiry inside is covered, not judged: nothing is refused for being late.
    ///
    /// # Errors
    /// When the seal is not ours for these facts.
    pub fn verify(&self, seal: &str, facts: &SealedFacts<'_>) -> Result<(), SealInvalid> {
        let seal = ParsedSeal::parse(seal)?;
        let key = self.keys.iter().find(|key| key.kid == seal.kid).ok_or(SealInvalid::UnknownKey)?;
        seal.verify(key, facts)
    }

    /// As [`Self::verify`], trying every key whatever the kid: for the doctor, who is given a secret without its name.
    ///
    /// # Errors
    /// When no key made it.
    pub fn verify_ignoring_kid(&self, seal: &str, facts: &SealedFacts<'_>) -> Result<(), SealInvalid> {
        let seal = ParsedSeal::parse(seal)?;
        if self.keys.iter().any(|key| seal.verify(key, facts).is_ok()) { Ok(()) } else { Err(SealInvalid::Mismatch) }
    }
}

/// The four parts of a seal, unbelieved.
struct ParsedSeal<'a> {
    kid: &'a str,
    expiry: &'a str,
    mac: [u8; MAC_LEN],
}

impl<'a> ParsedSeal<'a> {
    fn parse(seal: &'a str) -> Result<Self, SealInvalid> {
        let mut parts = seal.split('.');
        let (Some(VERSION), Some(kid), Some(expiry), Some(mac), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SealInvalid::Malformed);
        };
        let is_base36 = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
        if !is_kid(kid) || !(1..=13).contains(&expiry.len()) || !expiry.bytes().all(is_base36) {
            return Err(SealInvalid::Malformed);
        }
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| SealInvalid::Malformed)?;
        Ok(Self { kid, expiry, mac: mac.try_into().map_err(|_| SealInvalid::Malformed)? })
    }

    fn verify(&self, key: &SealKey, facts: &SealedFacts<'_>) -> Result<(), SealInvalid> {
        key.mac(facts, self.expiry).verify_truncated_left(&self.mac).map_err(|_| SealInvalid::Mismatch)
    }
}

/// Kind, upload id, user id, bucket, key, expiry, then name and value of each variable that has one, by name; a `u32`
/// length in big endian before each part.
///
/// Injective: every part says where it ends, six of them always come, and what follows is read in pairs to the end; the
/// pairs are sorted, so equal sets of variables are equal texts, and a variable without value is the same as none.
fn encode(facts: &SealedFacts<'_>, expiry: &str, mut out: impl FnMut(&[u8])) {
    let mut part = |text: &str| {
        let len = u32::try_from(text.len()).expect("no fact is as long as 4 GiB");
        out(&len.to_be_bytes());
        out(text.as_bytes());
    };
    for text in [facts.kind.as_str(), facts.upload_id, facts.user_id, facts.bucket, facts.key, expiry] {
        part(text);
    }
    let mut vars: Vec<_> = facts.vars.iter().filter(|(_, value)| !value.is_empty()).collect();
    vars.sort_unstable();
    for (name, value) in vars {
        part(name);
        part(value);
    }
}

/// At least one kid, each once.
pub(super) fn check_kids<'a>(kids: impl IntoIterator<Item = &'a str>) -> Result<(), UnusableSecret> {
    let mut seen = Vec::new();
    for kid in kids {
        if seen.contains(&kid) {
            return Err(UnusableSecret::Keys);
        }
        seen.push(kid);
    }
    if seen.is_empty() { Err(UnusableSecret::Keys) } else { Ok(()) }
}

/// The key named `kid` for one purpose, which `info` names: from one secret, nothing of one purpose's key tells of another's.
pub(super) fn derive_key(kid: &str, secret: &[u8], info: &[u8]) -> Result<[u8; 32], UnusableSecret> {
    if !is_kid(kid) {
        return Err(UnusableSecret::Kid);
    }
    if secret.len() < MIN_SECRET_LEN {
        return Err(UnusableSecret::TooShort);
    }
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, secret).expand(info, &mut key).expect("32 bytes are less than HKDF's limit");
    Ok(key)
}

fn is_kid(kid: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=MAX_KID_LEN).contains(&kid.len()) && kid.bytes().all(allowed)
}

/// Digits and lower-case letters, without leading zeros.
fn base36(mut number: u64) -> String {
    let mut digits = Vec::with_capacity(13);
    loop {
        let digit = u32::try_from(number % 36).expect("below 36");
        digits.push(char::from_digit(digit, 36).expect("below 36"));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const OTHER: &[u8] = b"fedcba9876543210fedcba9876543210";

    fn keys(kid: &str, secret: &[u8]) -> SealKeys {
        SealKeys::new(vec![SealKey::derive(kid, secret).unwrap()]).unwrap()
    }

    fn facts(vars: &[(String, String)]) -> SealedFacts<'_> {
        SealedFacts {
            kind: GrantKind::Upload,
            upload_id: "0193",
            user_id: "u-7",
            bucket: "app-media",
            key: "avatars/u-7/0193.png",
            vars,
        }
    }

    fn var(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// Computed with Python's `hmac` and a hand-written HKDF (RFC 5869).
    #[test]
    fn a_seal_is_what_another_implementation_computes() {
        let vars = [var("note", "n&1"), var("album", "42"), var("empty", "")];
        let seal = keys("k1", SECRET).seal(&facts(&vars), at(1_795_219_200));
        assert_eq!(seal, "v1.k1.tots00.JF1mbm8c0HLxFjYjurdfhQ");
    }

    #[test]
    fn order_and_empty_values_of_variables_do_not_matter() {
        let keys = keys("k1", SECRET);
        let seal = keys.seal(&facts(&[var("a", "1"), var("b", "2"), var("c", "")]), at(7));
        assert_eq!(keys.verify(&seal, &facts(&[var("b", "2"), var("a", "1")])), Ok(()));
    }

    #[test]
    fn every_other_fact_breaks_the_seal() {
        let keys = keys("k1", SECRET);
        let vars = [var("a", "1")];
        let good = facts(&vars);
        let seal = keys.seal(&good, at(7));
        let renamed = [var("b", "1")];
        let revalued = [var("a", "2")];
        let cases = [
            ("kind", SealedFacts { kind: GrantKind::Directory, ..good.clone() }),
            ("upload id", SealedFacts { upload_id: "0194", ..good.clone() }),
            ("user id", SealedFacts { user_id: "u-8", ..good.clone() }),
            ("bucket", SealedFacts { bucket: "app-medib", ..good.clone() }),
            ("key", SealedFacts { key: "avatars/u-7/0193.gif", ..good.clone() }),
            ("a boundary moved", SealedFacts { upload_id: "0193u", user_id: "-7", ..good.clone() }),
            ("a variable's name", SealedFacts { vars: &renamed, ..good.clone() }),
            ("a variable's value", SealedFacts { vars: &revalued, ..good.clone() }),
            ("a variable missing", SealedFacts { vars: &[], ..good.clone() }),
        ];
        assert_eq!(keys.verify(&seal, &good), Ok(()));
        for (what, other) in cases {
            assert_eq!(keys.verify(&seal, &other), Err(SealInvalid::Mismatch), "{what}");
        }
    }

    #[test]
    fn rotation_seals_with_the_newest_and_verifies_with_all() {
        let old = keys("k1", SECRET);
        let both =
            SealKeys::new(vec![SealKey::derive("k2", OTHER).unwrap(), SealKey::derive("k1", SECRET).unwrap()]).unwrap();
        let (by_old, by_both) = (old.seal(&facts(&[]), at(7)), both.seal(&facts(&[]), at(7)));
        assert!(by_both.starts_with("v1.k2.7."));
        assert_eq!(both.verify(&by_old, &facts(&[])), Ok(()));
        assert_eq!(both.verify(&by_both, &facts(&[])), Ok(()));
        assert_eq!(old.verify(&by_both, &facts(&[])), Err(SealInvalid::UnknownKey));
    }

    #[test]
    fn the_kid_decides_unless_it_is_ignored() {
        let seal = keys("k1", SECRET).seal(&facts(&[]), at(7));
        let unnamed = keys("doctor", SECRET);
        assert_eq!(unnamed.verify(&seal, &facts(&[])), Err(SealInvalid::UnknownKey));
        assert_eq!(unnamed.verify_ignoring_kid(&seal, &facts(&[])), Ok(()));
        assert_eq!(keys("k1", OTHER).verify(&seal, &facts(&[])), Err(SealInvalid::Mismatch));
        assert_eq!(keys("k1", OTHER).verify_ignoring_kid(&seal, &facts(&[])), Err(SealInvalid::Mismatch));
    }

    #[test]
    fn malformed_seals_are_refused() {
        let keys = keys("k1", SECRET);
        let good = keys.seal(&facts(&[]), at(7));
        let mac = good.rsplit('.').next().unwrap();
        let cases = [
            ("nothing", String::new()),
            ("another version", good.replacen("v1", "v2", 1)),
            ("a part too many", format!("{good}.x")),
            ("a part too few", format!("v1.k1.{mac}")),
            ("no kid", format!("v1..7.{mac}")),
            ("no expiry", format!("v1.k1..{mac}")),
            ("upper-case expiry", format!("v1.k1.A.{mac}")),
            ("padding", format!("{good}==")),
            ("a shorter MAC", good[..good.len() - 4].to_owned()),
            ("standard alphabet", format!("v1.k1.7.{}", "+".repeat(22))),
            ("loose trailing bits", format!("v1.k1.7.{}", "B".repeat(22))),
        ];
        for (what, seal) in cases {
            assert_eq!(keys.verify(&seal, &facts(&[])), Err(SealInvalid::Malformed), "{what}: {seal}");
        }
        let later = format!("v1.k1.8.{mac}");
        assert_eq!(keys.verify(&later, &facts(&[])), Err(SealInvalid::Mismatch), "the expiry is covered");
    }

    #[test]
    fn unusable_keys_are_refused() {
        assert_eq!(SealKey::derive("k", &SECRET[1..]).unwrap_err(), UnusableSecret::TooShort);
        for kid in ["", "a.b", "seventeen-letters", "ü"] {
            assert_eq!(SealKey::derive(kid, SECRET).unwrap_err(), UnusableSecret::Kid, "{kid}");
        }
        let key = SealKey::derive("k", SECRET).unwrap();
        assert_eq!(SealKeys::new(vec![]).unwrap_err(), UnusableSecret::Keys);
        assert_eq!(SealKeys::new(vec![key.clone(), key]).unwrap_err(), UnusableSecret::Keys);
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", keys("k1", SECRET)), "SealKeys { keys: [SealKey(..)] }");
    }

    proptest! {
        #[test]
        fn a_seal_verifies_for_its_facts_and_for_no_others(
            ours in any::<[String; 6]>(), theirs in any::<[String; 6]>(), changed in 0..6_usize, expiry in 0..i64::from(u32::MAX),
        ) {
            let keys = keys("k1", SECRET);
            let mut others = ours.clone();
            others[changed].clone_from(&theirs[changed]);
            let [our_vars, other_vars] = [&ours, &others].map(|f| vec![var(&f[4], &f[5])]);
            let seal = keys.seal(&of(&ours, &our_vars), at(expiry));
            prop_assert_eq!(keys.verify(&seal, &of(&ours, &our_vars)), Ok(()));
            // A variable without a value is none, whatever its name.
            let same = ours == others || (ours[5].is_empty() && others[5].is_empty() && ours[..4] == others[..4]);
            prop_assert_eq!(keys.verify(&seal, &of(&others, &other_vars)).is_ok(), same);
        }
    }

    fn of<'a>(texts: &'a [String; 6], vars: &'a [(String, String)]) -> SealedFacts<'a> {
        let [upload_id, user_id, bucket, key, ..] = texts;
        SealedFacts { kind: GrantKind::Upload, upload_id, user_id, bucket, key, vars }
    }
}
