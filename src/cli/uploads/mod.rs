//! `uploads`: looking into the ledger, and after what it waits for.

mod look;
mod reconcile;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{block_on, config_args::ConfigArgs};

/// `uploads …`.
#[derive(Debug, Args)]
pub(super) struct UploadsArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: UploadsCommand,
}

#[derive(Debug, Subcommand)]
enum UploadsCommand {
    /// List grants, newest first
    List(look::ListArgs),
    /// Show one grant, as its owner sees it
    Show(look::ShowArgs),
    /// Look for uploads' objects at once, and record what is there
    Reconcile(reconcile::ReconcileArgs),
}

/// Does it.
///
/// # Errors
/// When the configuration is faulty, or the ledger does not answer.
pub(super) fn run(args: &UploadsArgs) -> anyhow::Result<ExitCode> {
    let config = &args.config;
    block_on(async {
        match &args.command {
            UploadsCommand::List(args) => look::list(config, args).await?,
            UploadsCommand::Show(args) => look::show(config, args).await?,
            UploadsCommand::Reconcile(args) => return reconcile::run(config, args).await,
        }
        Ok(ExitCode::SUCCESS)
    })
}
