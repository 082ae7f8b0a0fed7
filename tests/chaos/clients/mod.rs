//! Clients as there are: most do what they should, some go away, come late, cancel, send too much, or send twice.

mod service;
mod upload;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::facts::{Promise, plain_id};

/// Between two uploads of a client, in milliseconds.
const PAUSE: std::ops::Range<u64> = 50..600;
/// Clients that go away do so within so many milliseconds.
const GONE_WITHIN: u64 = 30;

/// What all clients of a run write into together.
#[derive(Default)]
pub(crate) struct Diary {
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    promises: Vec<Promise>,
    uploads: usize,
    surprises: Vec<String>,
    late: Vec<Value>,
}

impl Diary {
    pub(crate) fn promises(&self) -> Vec<Promise> {
        self.pages.lock().unwrap().promises.clone()
    }

    /// How many uploads OSS has acknowledged.
    pub(crate) fn uploads(&self) -> usize {
        self.pages.lock().unwrap().uploads
    }

    /// Answers that no client should ever get.
    pub(crate) fn surprises(&self) -> Vec<String> {
        self.pages.lock().unwrap().surprises.clone()
    }

    /// Grants whose uploads come when their time is over.
    pub(crate) fn take_late(&self) -> Vec<Value> {
        std::mem::take(&mut self.pages.lock().unwrap().late)
    }

    fn write(&self, promise: Promise) {
        self.pages.lock().unwrap().promises.push(promise);
    }

    fn surprise(&self, what: String) {
        self.pages.lock().unwrap().surprises.push(what);
    }
}

/// One client: a user with a token, and whims of his own.
pub(crate) struct Client {
    number: usize,
    /// The service as clients reach it.
    service: String,
    oss: String,
    token: String,
    http: reqwest::Client,
    diary: Arc<Diary>,
    rng: StdRng,
}

/// Where clients find what.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The service.
    pub(crate) service: String,
    /// OSS.
    pub(crate) oss: String,
}

/// What a client does with a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Uploads, and says so when in doubt.
    Careful,
    /// Uploads, and never asks again.
    Careless,
    /// Uploads, and says so although OSS has called back.
    Insistent,
    /// Never uploads.
    Abandons,
    /// Uploads after the end.
    Late,
    /// Cancels, and uploads all the same.
    Cancels,
    /// Hangs up in the middle of the upload.
    GoesAway,
    /// Uploads something else under the same grant afterwards.
    Overwrites,
    /// Uploads more than it may.
    TooMuch,
}

/// How often each; the methods are drawn apart.
const PLANS: [(Plan, u32); 9] = [
    (Plan::Careful, 30),
    (Plan::Careless, 25),
    (Plan::Insistent, 10),
    (Plan::Abandons, 5),
    (Plan::Late, 5),
    (Plan::Cancels, 6),
    (Plan::GoesAway, 8),
    (Plan::Overwrites, 6),
    (Plan::TooMuch, 5),
];
const WAYS: [(&str, &str, u32); 4] =
    [("file", "post", 40), ("file", "put", 35), ("file", "multipart", 15), ("session", "sts", 10)];

impl Client {
    pub(crate) fn new(seed: u64, number: usize, places: &Places, token: String, diary: Arc<Diary>) -> Self {
        let rng =
            StdRng::seed_from_u64(seed ^ (u64::try_from(number).unwrap() + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let Places { service, oss } = places.clone();
        Self { number, service, oss, token, http: service::http(), diary, rng }
    }

    /// Uploads on and on until told to stop; what is begun is brought to its end.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        for round in 0.. {
            if stop.is_cancelled() {
                return;
            }
            let ask = format!("{}-{round}", self.number);
            self.one(&ask).await;
            let pause = Duration::from_millis(self.rng.gen_range(PAUSE));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One grant, and what becomes of it.
    async fn one(&mut self, ask: &str) {
        let plan = PLANS.choose_weighted(&mut self.rng, |(_, weight)| *weight).unwrap().0;
        let (profile, method) = match plan {
            Plan::Overwrites => ("replaceable", "put"),
            Plan::TooMuch => ("small", "put"),
            Plan::Late => ("file", *["post", "put"].choose(&mut self.rng).unwrap()),
            _ => {
                let way = WAYS.choose_weighted(&mut self.rng, |(_, _, weight)| *weight).unwrap();
                (way.0, way.1)
            }
        };
        let question = json!({"profile": profile, "method": method, "filename": "a.txt", "vars": {"ask": ask}});
        let Some(grant) = self.issue(ask, &question).await else { return };
        let (id, key) = (plain_id(grant["id"].as_str().unwrap()), grant["key"].as_str().unwrap().to_owned());
        self.diary.write(Promise::Issued { id, key, ask: ask.to_owned() });
        let content = format!("content of {ask}").into_bytes();
        match plan {
            Plan::Abandons => {}
            Plan::Late => self.diary.pages.lock().unwrap().late.push(grant),
            Plan::Careful => self.bring(&grant, &content, Doubt::Asks).await,
            Plan::Careless => self.bring(&grant, &content, Doubt::Shrugs).await,
            Plan::Insistent => {
                self.bring(&grant, &content, Doubt::Asks).await;
                self.complete(&grant).await;
            }
            Plan::Cancels => {
                self.cancel(&grant).await;
                self.bring(&grant, &content, Doubt::Shrugs).await;
            }
            Plan::GoesAway => {
                let patience = Duration::from_millis(self.rng.gen_range(0..GONE_WITHIN));
                let _ = tokio::time::timeout(patience, self.bring(&grant, &content, Doubt::Shrugs)).await;
            }
            Plan::Overwrites => {
                self.bring(&grant, &content, Doubt::Asks).await;
                self.bring(&grant, format!("other content of {ask}").as_bytes(), Doubt::Asks).await;
            }
            Plan::TooMuch => self.bring(&grant, &[b'x'; 100], Doubt::Shrugs).await,
        }
    }

    /// So many uploads by form, one after the other; how long OSS took for each, its callback included. Every one must be
    /// answered as completed.
    pub(crate) async fn run_steadily(mut self, count: usize) -> Vec<Duration> {
        let mut took = Vec::with_capacity(count);
        for round in 0..count {
            let ask = format!("{}-{round}", self.number);
            let question = json!({"profile": "file", "method": "post", "filename": "a.txt", "vars": {"ask": ask}});
            let Some(grant) = self.issue(&ask, &question).await else { continue };
            let began = Instant::now();
            let answer = service::send(self.upload(&grant, ask.as_bytes())).await;
            took.push(began.elapsed());
            match answer {
                Some(answer) if answer.status == 200 => {
                    let told = answer.json();
                    self.believe(&told, &told["etag"]);
                }
                other => self.diary.surprise(format!("{ask}: {:?}", other.map(|answer| answer.text()))),
            }
        }
        took
    }

    /// Uploads under each of these grants, late; in doubt shrugs.
    pub(crate) async fn bring_late(mut self, grants: Vec<Value>) {
        for grant in grants {
            self.bring(&grant, b"better late than never", Doubt::Shrugs).await;
        }
    }
}

/// What a client does who does not know whether his upload counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Asks,
    Shrugs,
}
