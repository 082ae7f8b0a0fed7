//! What goes wrong, and when: derived from the seed alone.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use crate::{proxy::Mode, sink::Mood};

/// Which ledger, and so how many replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    /// One file, one process.
    Sqlite,
    /// A cluster of its own, three replicas.
    Postgres,
}

impl Engine {
    pub(crate) fn replicas(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 3,
        }
    }
}

/// A wire between two parts; each runs through a proxy of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wire {
    /// Clients to the service.
    Clients,
    /// Clients to OSS.
    Uploads,
    /// OSS to the service.
    Callbacks,
    /// The service to OSS.
    Oss,
    /// The service to the backend.
    Sink,
    /// The service to its database.
    Database,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// `kill -9` of a replica; started again at the end.
    KillReplica(usize),
    /// `SIGSTOP` of a replica; `SIGCONT` at the end.
    PauseReplica(usize),
    /// `kill -9` of OSS.
    KillOss,
    /// The database crashes (`pg_ctl stop -m immediate`); started again at the end.
    KillDatabase,
    /// A wire does this.
    Wire(Wire, Mode),
    /// Everything on a wire is reset, once.
    Cut(Wire),
    /// The backend is like this.
    Sink(Mood),
    /// OSS's callbacks, or its answers, are like this: `on` and `do` of the simulator's faults.
    Oss(&'static str, &'static str),
    /// For the grants that are open, their time is over.
    TimePasses,
}

/// What can only be in one kind of trouble at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Victim {
    Replica(usize),
    Oss,
    OssRules,
    Database,
    Wire(Wire),
    Sink,
    Time,
}

impl Fault {
    pub(crate) fn victim(&self) -> Victim {
        match self {
            Self::KillReplica(number) | Self::PauseReplica(number) => Victim::Replica(*number),
            Self::KillOss => Victim::Oss,
            Self::KillDatabase => Victim::Database,
            Self::Wire(wire, _) | Self::Cut(wire) => Victim::Wire(*wire),
            Self::Sink(_) => Victim::Sink,
            Self::Oss(..) => Victim::OssRules,
            Self::TimePasses => Victim::Time,
        }
    }
}

/// A fault and its time, counted from the start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    pub(crate) at: Duration,
    pub(crate) lasts: Duration,
    pub(crate) fault: Fault,
}

/// OSS's own troubles: for which operation, and what.
const OSS_TROUBLES: [(&str, &str); 12] = [
    ("Callback", r#""drop""#),
    ("Callback", r#""throttle""#),
    ("Callback", r#""lose_answer""#),
    ("Callback", r#""duplicate""#),
    ("Callback", r#"{"delay":{"milliseconds":1500}}"#),
    ("HeadObject", r#"{"error":{"status":503}}"#),
    ("HeadObject", r#"{"drop_connection":"after"}"#),
    ("HeadObject", r#"{"slow":{"milliseconds":1000}}"#),
    ("PutObject", r#"{"drop_connection":"after"}"#),
    ("PostObject", r#"{"drop_connection":"after"}"#),
    ("CompleteMultipartUpload", r#"{"drop_connection":"after"}"#),
    ("InitiateMultipartUpload", r#"{"drop_connection":"after"}"#),
];

/// Times in milliseconds: before the next fault, and how long one lasts.
const GAP: std::ops::Range<u64> = 50..650;
const LASTS: std::ops::Range<u64> = 150..1600;

/// The whole plan for a run of that length: first every kind of fault once, in an order of its own, then whatever comes.
pub(crate) fn plan(seed: u64, engine: Engine, length: Duration) -> Vec<Planned> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut waiting: Vec<Fault> = Vec::new();
    let mut planned: Vec<Planned> = Vec::new();
    let mut at = Duration::from_millis(500);
    while at < length {
        if waiting.is_empty() {
            waiting = kinds(engine).into_iter().map(|fault| whichever(fault, engine, &mut rng)).collect();
            waiting.shuffle(&mut rng);
        }
        let is_free = |fault: &Fault| {
            planned.iter().all(|other| other.at + other.lasts < at || other.fault.victim() != fault.victim())
        };
        if let Some(place) = waiting.iter().position(is_free) {
            let fault = waiting.remove(place);
            let lasts = Duration::from_millis(rng.gen_range(LASTS)).min(length.saturating_sub(at));
            planned.push(Planned { at, lasts, fault });
        }
        at += Duration::from_millis(rng.gen_range(GAP));
    }
    planned
}

/// Every kind of fault.
pub(crate) fn kinds(engine: Engine) -> Vec<Fault> {
    let mut kinds = vec![
        // The one that matters most comes more often.
        Fault::KillReplica(0),
        Fault::KillReplica(0),
        Fault::KillReplica(0),
        Fault::PauseReplica(0),
        Fault::KillOss,
        Fault::TimePasses,
    ];
    let millis = Duration::from_millis;
    let moods = [Mood::Slow(millis(700)), Mood::Failing(500), Mood::Failing(429), Mood::Forgetful, Mood::Silent];
    kinds.extend(moods.map(Fault::Sink));
    let mut wires = vec![Wire::Clients, Wire::Uploads, Wire::Callbacks, Wire::Oss, Wire::Sink];
    if engine == Engine::Postgres {
        kinds.extend([Fault::KillDatabase, Fault::KillDatabase]);
        wires.push(Wire::Database);
    }
    for wire in wires {
        let modes = [Mode::Slow(millis(40)), Mode::Hang, Mode::Refuse, Mode::LoseAnswers];
        kinds.extend(modes.map(|mode| Fault::Wire(wire, mode)));
        kinds.push(Fault::Cut(wire));
    }
    kinds.extend(OSS_TROUBLES.map(|(on, what)| Fault::Oss(on, what)));
    kinds
}

/// Which of the replicas it is.
fn whichever(fault: Fault, engine: Engine, rng: &mut StdRng) -> Fault {
    let number = rng.gen_range(0..engine.replicas());
    match fault {
        Fault::KillReplica(_) => Fault::KillReplica(number),
        Fault::PauseReplica(_) => Fault::PauseReplica(number),
        other => other,
    }
}
