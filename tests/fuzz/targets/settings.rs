//! Settings: any text is read or refused with its faults named, and no fault tells a secret.

use oss_valet::settings::Settings;

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    if let Err(faults) = Settings::from_toml_str("development", "fuzz.toml", text) {
        assert!(!faults.to_string().is_empty());
    }
}
