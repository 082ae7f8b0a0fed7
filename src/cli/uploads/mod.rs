//! `uploads`: looking into the ledger, and after what it waits for.

mod reconcile;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// `uploads …`.
#[derive(Debug, Args)]
pub(super) struct UploadsArgs {
    #[command(subcommand)]
    command: UploadsCommand,
}

#[derive(Debug, Subcommand)]
enum UploadsCommand {
    /// Look for uploads' objects at once, and record what is there
    Reconcile(reconcile::ReconcileArgs),
}

/// Does it.
///
/// # Errors
/// When the configuration is faulty, or the ledger does not answer.
pub(super) fn run(args: &UploadsArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        UploadsCommand::Reconcile(args) => reconcile::run(args),
    }
}
