//! `oss-valet check`: every fault of the configuration, by file and key.

use std::process::ExitCode;

use clap::Args;

use super::config_args::ConfigArgs;
use crate::{
    settings::{self, Environment, Fault},
    wiring,
};

/// `check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Also try credentials, clock, store and bucket (not available yet)
    #[arg(long)]
    online: bool,
}

/// Exit code of what this version can't do, as for a wrong command line.
const NOT_AVAILABLE: u8 = 2;

/// Prints faults and warnings; succeeds when there is no fault.
pub(super) fn run(args: &CheckArgs) -> ExitCode {
    if args.online {
        eprintln!("error: --online is not available yet; run `check` without it");
        return ExitCode::from(NOT_AVAILABLE);
    }
    let environment = Environment::capture();
    let (faults, warnings) = match args.config.load(&environment) {
        Err(errors) => (errors.0, Vec::new()),
        Ok(settings) => {
            let mut found = settings::check(&settings, &environment);
            // Keys are read here, so that an unusable one is told now and not at the start.
            if let Err(error) = wiring::authenticator(&settings) {
                let place = settings.place_of("auth.issuers");
                found.faults.push(Fault { place, key: "auth.issuers".to_owned(), message: error.to_string() });
            }
            (found.faults, found.warnings)
        }
    };
    print(&faults, &warnings);
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(faults: &[Fault], warnings: &[Fault]) {
    for fault in faults {
        println!("fault    {fault}");
    }
    for warning in warnings {
        println!("warning  {warning}");
    }
    println!("faults: {}, warnings: {}", faults.len(), warnings.len());
}
