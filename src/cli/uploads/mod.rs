//! `uploads`: looking into the ledger, and after what it waits for.

mod list;
mod reconcile;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{block_on, config_args::ConfigArgs};
use crate::{
    settings::Environment,
    startup::{Parts, build_valet},
};

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
    List(list::ListArgs),
    /// Show one grant, as its owner sees it
    Show(list::ShowArgs),
    /// Look for uploads' objects at once, and record what is there
    Reconcile(reconcile::ReconcileArgs),
}

/// Does it; 1 where a question of `reconcile` stays open.
///
/// # Errors
/// When the configuration is faulty, the ledger can't be used, or there is no such grant.
pub(super) fn run(args: &UploadsArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let environment = Environment::capture();
        let settings = args.config.load(&environment)?;
        let valet = build_valet(&settings, &Parts::system(environment)).await?;
        let all_told = match &args.command {
            UploadsCommand::List(args) => list::list(&valet, args).await.map(|()| true)?,
            UploadsCommand::Show(args) => list::show(&valet, args).await.map(|()| true)?,
            UploadsCommand::Reconcile(args) => reconcile::reconcile(&valet, args).await?,
        };
        Ok(if all_told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}
