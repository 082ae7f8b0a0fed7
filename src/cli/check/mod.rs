//! `oss-valet check`: every fault of the configuration, by file and key; `--online` also tries what it names.

mod cors;
mod finding;
mod judge;
mod online;
mod refusals;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Args;

use self::finding::{Finding, Level, Report, of_settings};
use super::{block_on, config_args::ConfigArgs};
use crate::{
    settings::{self, Environment, Fault, Settings},
    wiring,
};

/// `check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Also try credentials, clock, store and buckets; nothing is written to a bucket
    #[arg(long)]
    online: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Prints what was found; succeeds when there is no fault.
pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let environment = Environment::capture();
    let findings = match args.config.load(&environment) {
        Err(errors) => errors.0.into_iter().map(|fault| of_settings(Level::Fault, fault)).collect(),
        Ok(settings) => {
            let mut found = offline(&settings, &environment);
            if args.online {
                let tried = block_on(online::check(&settings, &environment))?;
                found.extend(tried.into_iter().map(|judged| judged.placed(&settings)));
            }
            found
        }
    };
    Ok(Report::of(findings).print(args.json))
}

fn offline(settings: &Settings, environment: &Environment) -> Vec<Finding> {
    let mut found = settings::check(settings, environment);
    // Keys are read here, so that an unusable one is told now and not at the start.
    if let Err(error) = wiring::authenticator(settings, None) {
        let place = settings.place_of("auth.issuers");
        found.faults.push(Fault { place, key: "auth.issuers".to_owned(), message: error.to_string() });
    }
    let faults = found.faults.into_iter().map(|fault| of_settings(Level::Fault, fault));
    faults.chain(found.warnings.into_iter().map(|warning| of_settings(Level::Warning, warning))).collect()
}
