//! `oss-valet migrate`: brings the ledger's schema up to date.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::{ConfigArgs, run_async};
use crate::{settings::Environment, store};

/// `migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Migrates, and says so.
#[expect(clippy::print_stdout, reason = "what this command prints is its answer")]
pub(super) fn run(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let settings = args.config.load(&Environment::capture())?;
    run_async(async { store::migrate(settings.store.expose_url()).await.context("store.url") })?;
    println!("the ledger is up to date");
    Ok(ExitCode::SUCCESS)
}
