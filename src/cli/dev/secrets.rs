//! The secrets of one development data folder: made once, kept there, worth nothing elsewhere.

use std::{fs, path::Path};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::entropy::Entropy;

const FILE: &str = "dev-secrets.json";

/// What `dev` makes up, so that a restart on the same data goes on where it stopped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DevSecrets {
    /// May do everything in the simulator; told to the developer.
    pub(super) owner_key_id: String,
    pub(super) owner_key_secret: String,
    /// What the service signs with: no PutObjectAcl.
    pub(super) valet_key_id: String,
    pub(super) valet_key_secret: String,
    pub(super) jwt_secret: String,
    pub(super) seal_secret: String,
    pub(super) sink_secret: String,
}

impl DevSecrets {
    /// Reads the folder's secrets, or makes them.
    pub(super) fn load_or_create(data: &Path, entropy: &dyn Entropy) -> anyhow::Result<Self> {
        let path = data.join(FILE);
        if path.exists() {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            return serde_json::from_str(&text).with_context(|| path.display().to_string());
        }
        let secrets = Self {
            owner_key_id: format!("LTAIdev{}", random_hex::<8>(entropy)),
            owner_key_secret: random_hex::<16>(entropy),
            valet_key_id: format!("LTAIvalet{}", random_hex::<8>(entropy)),
            valet_key_secret: random_hex::<16>(entropy),
            jwt_secret: random_hex::<32>(entropy),
            seal_secret: random_hex::<32>(entropy),
            sink_secret: format!("whsec_{}", base64_of(&random::<24>(entropy))),
        };
        fs::write(&path, serde_json::to_string_pretty(&secrets)?).with_context(|| path.display().to_string())?;
        Ok(secrets)
    }
}

fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

fn random_hex<const N: usize>(entropy: &dyn Entropy) -> String {
    hex::encode(random::<N>(entropy))
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}
