//! The simulator's own callback key: 512-bit RSA like OSS's, made once and kept in the data folder.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use rand::rngs::OsRng;
use rsa::{
    Pkcs1v15Sign,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding},
};

/// OSS's size (P§2.3); what verifies the simulator must verify OSS.
const KEY_BITS: usize = 512;

/// Where the public half is served, as by OSS (P§2.3).
pub(in crate::simulator) const KEY_PATH: &str = "/callback_pub_key_v1.pem";

/// Why there is no callback key.
#[derive(Debug, thiserror::Error)]
pub enum CallbackKeyError {
    /// The folder can't be read or written.
    #[error("the callback key can't be kept in {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Made, but not representable; or read, but no key.
    #[error("the callback key is unusable: {0}")]
    Key(String),
}

/// Signs callbacks.
pub(in crate::simulator) struct CallbackKey {
    #[expect(clippy::disallowed_types, reason = "the simulator plays OSS, which signs")]
    private: rsa::RsaPrivateKey,
    public_pem: String,
}

impl CallbackKey {
    /// The key in `folder`, made when there is none. The public half lies beside it.
    pub(in crate::simulator) fn load_or_create(folder: &Path) -> Result<Self, CallbackKeyError> {
        let path = folder.join("callback_private_key.pem");
        let pem = match std::fs::read_to_string(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(&path)?,
            Err(source) => return Err(CallbackKeyError::Io { path, source }),
        };
        #[expect(clippy::disallowed_types, reason = "the simulator plays OSS, which signs")]
        let private = rsa::RsaPrivateKey::from_pkcs8_pem(&pem).map_err(unusable)?;
        let public_pem = private.to_public_key().to_public_key_pem(LineEnding::LF).map_err(unusable)?;
        let public_path = folder.join(KEY_PATH.trim_start_matches('/'));
        std::fs::write(&public_path, &public_pem)
            .map_err(|source| CallbackKeyError::Io { path: public_path, source })?;
        Ok(Self { private, public_pem })
    }

    pub(in crate::simulator) fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// `Authorization`: Base64 of RSASSA-PKCS1-v1_5 with MD5 (P§2.2).
    pub(in crate::simulator) fn sign(&self, text: &[u8]) -> String {
        let scheme = Pkcs1v15Sign::new::<Md5>();
        let signature = self.private.sign(scheme, &Md5::digest(text)).expect("512 bits hold an MD5 DigestInfo");
        STANDARD.encode(signature)
    }
}

/// Makes a key and writes it aside before it gets its name, so that a crash leaves no half key.
fn create(path: &Path) -> Result<String, CallbackKeyError> {
    #[expect(clippy::disallowed_types, reason = "the simulator plays OSS, which signs")]
    let private = rsa::RsaPrivateKey::new(&mut OsRng, KEY_BITS).map_err(unusable)?;
    let pem = private.to_pkcs8_pem(LineEnding::LF).map_err(unusable)?;
    let temporary = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|source| CallbackKeyError::Io { path: path.to_owned(), source })?;
    Ok(pem.to_string())
}

fn unusable(error: impl std::fmt::Display) -> CallbackKeyError {
    CallbackKeyError::Key(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_survives_a_restart_and_signs_in_64_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let first = CallbackKey::load_or_create(folder.path()).unwrap();
        let second = CallbackKey::load_or_create(folder.path()).unwrap();
        assert_eq!(first.public_pem(), second.public_pem());
        assert_eq!(first.sign(b"/callback\nbody"), second.sign(b"/callback\nbody"));
        assert_eq!(first.sign(b"x").len(), 88);
    }
}
