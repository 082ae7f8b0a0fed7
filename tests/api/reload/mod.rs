//! Another configuration, put in force while the service runs.

mod files;
mod kept;
mod keys;
mod refused;
mod sinks;
mod traffic;
mod uploads;

use oss_valet::startup::Reloaded;

use crate::harness::TestApp;

/// The settings with one text replaced; it must be there.
fn with(settings: &str, old: &str, new: &str) -> String {
    assert!(settings.contains(old), "{old} in the settings");
    settings.replacen(old, new, 1)
}

/// Puts the settings in force; the keys that mean something else now.
async fn apply(app: &TestApp, settings: &str) -> Vec<String> {
    match app.reload(settings).await {
        Reloaded::Applied { changed, waiting } => {
            assert_eq!(waiting, Vec::<String>::new(), "nothing waits for a restart");
            changed
        }
        Reloaded::Refused(reasons) => panic!("refused: {reasons:#?}"),
    }
}
