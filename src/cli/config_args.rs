//! Which configuration a command means.

use std::path::PathBuf;

use clap::Args;

use crate::settings::{ConfigSource, Environment, Settings, SettingsErrors};

const DEFAULT_ENV: &str = "production";

/// `--config` and `--env`.
#[derive(Debug, Clone, Args)]
pub(super) struct ConfigArgs {
    /// Folder that holds {env}.toml
    #[arg(long, value_name = "DIR", default_value = "config", global = true)]
    config: PathBuf,
    /// Which configuration [default: `$OSS_VALET_ENV`, else production]
    #[arg(long, value_name = "NAME", global = true)]
    env: Option<String>,
}

impl ConfigArgs {
    /// Loads the settings that these arguments and the environment mean.
    pub(super) fn load(&self, environment: &Environment) -> Result<Settings, SettingsErrors> {
        Settings::load(&self.source(environment))
    }

    /// Where those settings come from.
    pub(super) fn source(&self, environment: &Environment) -> ConfigSource {
        let env = self.env.as_deref().or_else(|| environment.get("OSS_VALET_ENV")).unwrap_or(DEFAULT_ENV);
        ConfigSource::new(&self.config, env, environment.clone())
    }
}
