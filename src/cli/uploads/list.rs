//! `uploads list` and `uploads show`: the grants as the ledger has them.

use anyhow::Context;
use clap::Args;
use uuid::Uuid;

use crate::{
    app::{Valet, ports::GrantFilter},
    grant::grant::State,
    http::view::GrantView,
};

/// `uploads list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
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

/// `uploads show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The grant's id
    id: Uuid,
    /// Prints JSON in one line
    #[arg(long)]
    json: bool,
}

fn parse_state(name: &str) -> Result<State, String> {
    State::from_name(name).ok_or_else(|| "one of issued, completed, rejected, expired, cancelled".to_owned())
}

/// Prints a page of grants, newest first.
pub(super) async fn list(valet: &Valet, args: &ListArgs) -> anyhow::Result<()> {
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

/// Prints one grant, as its owner sees it.
pub(super) async fn show(valet: &Valet, args: &ShowArgs) -> anyhow::Result<()> {
    let found = valet.store.find_grant(args.id).await?;
    let entry = found.with_context(|| format!("there is no upload {}", args.id))?;
    let view = GrantView::new(valet, &entry);
    println!("{}", if args.json { serde_json::to_string(&view) } else { serde_json::to_string_pretty(&view) }?);
    Ok(())
}
