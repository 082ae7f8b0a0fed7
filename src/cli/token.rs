//! `oss-valet token`: a development token, where we hold an issuer's secret.

use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Args;

use super::config_args::ConfigArgs;
use crate::{
    clock::{Clock, SystemClock},
    settings::{Environment, parse_duration},
    wiring,
};

/// `token`.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The user it speaks for
    #[arg(long, value_name = "ID")]
    user: String,
    /// A scope it holds; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// How long it lives
    #[arg(long, default_value = "1h", value_parser = parse_duration)]
    ttl: TimeDelta,
}

/// Prints the token, alone on its line.
pub(super) fn run(args: &TokenArgs) -> anyhow::Result<ExitCode> {
    let settings = args.config.load(&Environment::capture())?;
    println!("{}", wiring::development_token(&settings, &args.user, &args.scope, args.ttl, SystemClock.now())?);
    Ok(ExitCode::SUCCESS)
}
