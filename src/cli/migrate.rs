//! `oss-valet migrate`: brings the ledger's schema up to date.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::{block_on, config_args::ConfigArgs};
use crate::{settings::Environment, store};

/// `migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Migrates, and says so.
pub(super) fn run(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let settings = args.config.load(&Environment::capture())?;
    block_on(async { store::migrate(settings.store.expose_url()).await.context("store.url") })?;
    println!("the ledger is up to date");
    Ok(ExitCode::SUCCESS)
}
