//! `events`: looks into the outbox, and sends again.

mod view;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use uuid::Uuid;

use self::view::{EventView, SinkView};
use super::{block_on, config_args::ConfigArgs};
use crate::{
    app::{
        ports::{DeliveryState, EventFilter, Ledger, Replay},
        watch::GrantWatch,
    },
    clock::{Clock, SystemClock},
    settings::{Environment, Settings},
    store,
};

/// Dead deliveries that are made pending again in one transaction.
const REPLAYED_AT_ONCE: u32 = 500;

/// Looks into the outbox.
#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: EventsCommand,
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// List events and their deliveries, newest first
    List(ListArgs),
    /// Show one event with its document
    Show(ShowArgs),
    /// Send events again, under the same ids
    Replay(ReplayArgs),
    /// List the sinks: what waits, what is dead, who is disabled
    Sinks(SinksArgs),
    /// Let a sink that said 410 have its events again
    Enable(EnableArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// With a delivery in this state: pending, delivered or dead
    #[arg(long, value_parser = parse_state)]
    state: Option<DeliveryState>,
    /// With a delivery to the sink of this name
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The event's id
    id: Uuid,
    /// Prints JSON in one line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ReplayArgs {
    /// Ids of events
    #[arg(required_unless_present = "dead", conflicts_with = "dead")]
    ids: Vec<Uuid>,
    /// All that was given up
    #[arg(long)]
    dead: bool,
    /// To the sink of this name only; one that an event was not meant for gets it, too
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,
}

#[derive(Debug, Args)]
struct SinksArgs {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct EnableArgs {
    /// The sink's name
    sink: String,
}

/// Looks, or sends again.
///
/// # Errors
/// When the configuration is faulty, the ledger can't be used, or what is named is not there.
pub(super) fn run(args: &EventsArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let (settings, ledger) = open(&args.config).await?;
        match &args.command {
            EventsCommand::List(args) => list(&*ledger, args).await?,
            EventsCommand::Show(args) => show(&*ledger, args).await?,
            EventsCommand::Replay(args) => replay(&settings, &*ledger, args).await?,
            EventsCommand::Sinks(args) => sinks(&settings, &*ledger, args).await?,
            EventsCommand::Enable(args) => enable(&settings, &*ledger, args).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The ledger as it is: looking brings no schema up to date.
async fn open(config: &ConfigArgs) -> anyhow::Result<(Settings, Arc<dyn Ledger>)> {
    let settings = config.load(&Environment::capture())?;
    let url = settings.store.expose_url();
    let ledger = store::open(url, Arc::default(), &GrantWatch::default()).await.context("store.url")?;
    Ok((settings, ledger))
}

fn parse_state(name: &str) -> Result<DeliveryState, String> {
    let names = || DeliveryState::ALL.map(DeliveryState::as_str).join(", ");
    DeliveryState::from_name(name).ok_or_else(|| format!("one of {}", names()))
}

async fn list(ledger: &dyn Ledger, args: &ListArgs) -> anyhow::Result<()> {
    let filter = EventFilter { state: args.state, sink: args.sink.clone(), limit: args.limit };
    let entries = ledger.list_events(&filter).await?;
    let events: Vec<_> = entries.iter().map(EventView::new).collect();
    if args.json {
        println!("{}", serde_json::json!({ "events": events }));
        return Ok(());
    }
    for event in &events {
        print!("{event}");
    }
    for sink in ledger.depth().await?.iter().filter(|sink| sink.disabled.is_some()) {
        eprint!("{}", SinkView::new(sink, true));
    }
    Ok(())
}

async fn show(ledger: &dyn Ledger, args: &ShowArgs) -> anyhow::Result<()> {
    let entry = ledger.find_event(args.id).await?.with_context(|| format!("there is no event {}", args.id))?;
    let view = EventView::with_document(&entry);
    println!("{}", if args.json { serde_json::to_string(&view) } else { serde_json::to_string_pretty(&view) }?);
    Ok(())
}

async fn replay(settings: &Settings, ledger: &dyn Ledger, args: &ReplayArgs) -> anyhow::Result<()> {
    let sink = args.sink.as_deref().map(|name| configured(settings, name)).transpose()?;
    let now = SystemClock.now();
    let mut replayed = 0;
    if args.dead {
        for name in settings.sinks.iter().map(|known| &known.name).filter(|name| sink.is_none_or(|one| one == *name)) {
            let dead = Replay::Dead { sink: name.clone(), limit: REPLAYED_AT_ONCE };
            loop {
                let some = ledger.replay(&dead, now).await?;
                replayed += some;
                if some < REPLAYED_AT_ONCE.into() {
                    break;
                }
            }
        }
    } else {
        for id in &args.ids {
            // All or nothing, as far as a slip of the pen goes.
            ledger.find_event(*id).await?.with_context(|| format!("there is no event {id}: nothing is replayed"))?;
        }
        for id in &args.ids {
            let event = Replay::Event { id: *id, sink: sink.map(str::to_owned) };
            replayed += ledger.replay(&event, now).await?;
        }
    }
    println!("deliveries pending again: {replayed}");
    Ok(())
}

async fn sinks(settings: &Settings, ledger: &dyn Ledger, args: &SinksArgs) -> anyhow::Result<()> {
    let depths = ledger.depth().await?;
    let is_configured = |name: &str| settings.sinks.iter().any(|sink| sink.name == name);
    let mut views: Vec<_> = depths.iter().map(|depth| SinkView::new(depth, is_configured(&depth.sink))).collect();
    let unheard = settings.sinks.iter().filter(|sink| depths.iter().all(|depth| depth.sink != sink.name));
    views.extend(unheard.map(|sink| SinkView::unheard(&sink.name)));
    if args.json {
        println!("{}", serde_json::json!({ "sinks": views }));
    } else {
        for sink in &views {
            print!("{sink}");
        }
    }
    Ok(())
}

async fn enable(settings: &Settings, ledger: &dyn Ledger, args: &EnableArgs) -> anyhow::Result<()> {
    let sink = configured(settings, &args.sink)?;
    if !ledger.enable_sink(sink, SystemClock.now()).await? {
        bail!("the sink {sink} is not disabled");
    }
    println!("the sink {sink} gets its events again");
    Ok(())
}

/// Refuses a name that nobody would deliver to.
fn configured<'n>(settings: &Settings, name: &'n str) -> anyhow::Result<&'n str> {
    if settings.sinks.iter().any(|sink| sink.name == name) {
        return Ok(name);
    }
    let names: Vec<_> = settings.sinks.iter().map(|sink| sink.name.as_str()).collect();
    bail!(
        "no sink is called `{name}`; there are: {}",
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    )
}
