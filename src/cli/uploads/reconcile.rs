//! `uploads reconcile`: looks at once, and prints what was found.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Valet, reconcile::Looked};

/// How long to wait for further permits of `reconciler.rate`.
const PERMITS_GROW: Duration = Duration::from_millis(100);

/// `uploads reconcile`.
#[derive(Debug, Args)]
pub(super) struct ReconcileArgs {
    /// Whose objects to look for, whatever the schedule says
    #[arg(value_name = "ID", required_unless_present = "all_due")]
    ids: Vec<Uuid>,
    /// All that is due, as the service itself would; beside a running service, too
    #[arg(long, conflicts_with = "ids")]
    all_due: bool,
    /// Prints a line of JSON for each
    #[arg(long)]
    json: bool,
}

/// Looks and prints; whether every question is answered.
///
/// # Errors
/// When the ledger does not answer.
pub(super) async fn reconcile(valet: &Valet, args: &ReconcileArgs) -> anyhow::Result<bool> {
    if args.all_due { all_due(valet, args).await } else { each(valet, args).await }
}

/// Whether every one of them is told of.
async fn each(valet: &Valet, args: &ReconcileArgs) -> anyhow::Result<bool> {
    let mut all_told = true;
    for id in &args.ids {
        all_told &= valet
            .look_now(*id, valet.clock.now())
            .await?
            .map_or_else(|| print_unheard_of(*id, args.json), |looked| print(&looked, args.json));
    }
    Ok(all_told)
}

async fn all_due(valet: &Valet, args: &ReconcileArgs) -> anyhow::Result<bool> {
    let mut all_told = true;
    while !valet.buckets_due(valet.clock.now()).await?.is_empty() {
        let looked = valet.look_after_due(valet.clock.now()).await?;
        for looked in &looked {
            all_told &= print(looked, args.json);
        }
        if looked.is_empty() {
            tokio::time::sleep(PERMITS_GROW).await;
        }
    }
    for bucket in valet.store.find_due_buckets(valet.clock.now()).await? {
        eprintln!("OSS does not answer for {bucket}: what is left is looked after later");
        all_told = false;
    }
    Ok(all_told)
}

/// Whether the question is answered.
fn print(looked: &Looked, as_json: bool) -> bool {
    let found = looked.finding.as_str();
    if as_json {
        println!("{}", view(looked));
    } else {
        let detail = looked.finding.detail().map(|detail| format!("  ({detail})")).unwrap_or_default();
        println!("{}  {found}  {}/{}{detail}", looked.id, looked.bucket, looked.key);
    }
    looked.finding.is_answer()
}

/// As [`print`], where there is no such grant.
fn print_unheard_of(id: Uuid, as_json: bool) -> bool {
    let view = json!({"id": id, "found": "no_grant"});
    println!("{}", if as_json { view.to_string() } else { format!("{id}  no_grant") });
    false
}

fn view(looked: &Looked) -> Value {
    json!({
        "id": looked.id,
        "bucket": looked.bucket,
        "key": looked.key,
        "before": looked.before.as_str(),
        "found": looked.finding.as_str(),
        "detail": looked.finding.detail(),
    })
}
