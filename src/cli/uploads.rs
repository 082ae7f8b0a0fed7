//! `uploads`: looks into the ledger's grants.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{block_on, config_args::ConfigArgs};
use crate::{
    app::{Valet, ports::GrantFilter},
    grant::grant::State,
    http::view::GrantView,
    settings::Environment,
    startup::{Parts, build_valet},
};

/// Looks into the ledger.
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
    List(ListArgs),
    /// Show one grant, as its owner sees it
    Show(ShowArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// In this state: issued, completed, rejected, expired or cancelled
    #[arg(long, value_parser = parse_state)]
    state: Option<State>,
    /// Of this user
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Of this profile
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Older than this grant: for the next page
    #[arg(long, value_name = "ID")]
    before: Option<Uuid>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The grant's id
    id: Uuid,
    /// Prints JSON in one line
    #[arg(long)]
    json: bool,
}

/// Looks.
///
/// # Errors
/// When the configuration is faulty, the ledger can't be used, or there is no such grant.
pub(super) fn run(args: &UploadsArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let valet = valet(&args.config).await?;
        match &args.command {
            UploadsCommand::List(args) => list(&valet, args).await?,
            UploadsCommand::Show(args) => show(&valet, args).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn valet(config: &ConfigArgs) -> anyhow::Result<Valet> {
    let environment = Environment::capture();
    let settings = config.load(&environment)?;
    build_valet(&settings, &Parts::system(environment)).await
}

fn parse_state(name: &str) -> Result<State, String> {
    State::from_name(name).ok_or_else(|| "one of issued, completed, rejected, expired, cancelled".to_owned())
}

async fn list(valet: &Valet, args: &ListArgs) -> anyhow::Result<()> {
    let ListArgs { state, user, profile, before, limit, .. } = args;
    let filter =
        GrantFilter { user_id: user.clone(), state: *state, profile: profile.clone(), before: *before, limit: *limit };
    let entries = valet.store.list_grants(&filter).await?;
    if args.json {
        let uploads: Vec<_> = entries.iter().map(|entry| GrantView::new(valet, entry)).collect();
        println!("{}", serde_json::json!({ "uploads": uploads }));
        return Ok(());
    }
    for entry in &entries {
        let grant = &entry.grant;
        let issued_at = grant.issued_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        // A user's name for himself, and a file's: nothing in them may move a terminal's cursor.
        let user = grant.user_id.escape_debug();
        println!("{issued_at}  {}  {:9}  {}  {user}  {}", grant.id, grant.state.as_str(), grant.profile, grant.key);
    }
    Ok(())
}

async fn show(valet: &Valet, args: &ShowArgs) -> anyhow::Result<()> {
    let found = valet.store.find_grant(args.id).await?;
    let entry = found.with_context(|| format!("there is no upload {}", args.id))?;
    let view = GrantView::new(valet, &entry);
    println!("{}", if args.json { serde_json::to_string(&view) } else { serde_json::to_string_pretty(&view) }?);
    Ok(())
}
