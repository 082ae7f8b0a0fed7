//! Compares the truths: nothing lost, nothing invented, nothing twice but the same message.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::facts::{CompletionRow, EventRow, Facts, GrantRow, Promise, Receipt, StoredObject, plain_id};

/// What is wrong, a sentence each; and what is merely worth knowing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// What should be there and is not.
    pub(crate) lost: Vec<String>,
    /// What is there for no reason.
    pub(crate) invented: Vec<String>,
    /// The same news under two ids, or two messages under one.
    pub(crate) doubled: Vec<String>,
    /// Events of one grant that came in another order than they happened.
    pub(crate) disordered: Vec<String>,
    /// Messages that came more than once, unchanged: allowed.
    pub(crate) duplicated: usize,
}

impl Verdict {
    pub(crate) fn faults(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let of = |kind: &'static str, list| std::iter::repeat(kind).zip(list);
        of("lost", self.lost.iter())
            .chain(of("invented", self.invented.iter()))
            .chain(of("doubled", self.doubled.iter()))
            .chain(of("disordered", self.disordered.iter()))
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.faults().next().is_none()
    }
}

/// The facts, found by what they are about.
struct Index<'f> {
    objects: HashMap<&'f str, &'f StoredObject>,
    grants: HashMap<&'f str, &'f GrantRow>,
    grants_by_key: HashMap<&'f str, &'f GrantRow>,
    completions: HashMap<&'f str, Vec<&'f CompletionRow>>,
    events: HashMap<&'f str, Vec<&'f EventRow>>,
    receipts: BTreeMap<String, Vec<&'f Receipt>>,
}

/// Judges how everything stands in the end, when no grant is open any more.
pub(crate) fn check(facts: &Facts) -> Verdict {
    let index = Index::new(facts);
    let mut verdict = Verdict::default();
    for promise in &facts.promises {
        check_promise(promise, &index, &mut verdict);
    }
    for object in &facts.objects {
        check_object(object, &index, &mut verdict);
    }
    for grant in &facts.ledger.grants {
        check_grant(grant, &index, &mut verdict);
    }
    check_asks(&facts.ledger.grants, &mut verdict);
    check_delivery(facts, &index, &mut verdict);
    check_order(facts, &mut verdict);
    verdict
}

impl<'f> Index<'f> {
    fn new(facts: &'f Facts) -> Self {
        let mut index = Self {
            objects: facts.objects.iter().map(|object| (object.key.as_str(), object)).collect(),
            grants: facts.ledger.grants.iter().map(|grant| (grant.id.as_str(), grant)).collect(),
            grants_by_key: facts.ledger.grants.iter().map(|grant| (grant.key.as_str(), grant)).collect(),
            completions: HashMap::new(),
            events: HashMap::new(),
            receipts: BTreeMap::new(),
        };
        for completion in &facts.ledger.completions {
            index.completions.entry(&completion.grant_id).or_default().push(completion);
        }
        for event in &facts.ledger.events {
            index.events.entry(&event.grant_id).or_default().push(event);
        }
        for receipt in &facts.receipts {
            index.receipts.entry(plain_id(&receipt.id)).or_default().push(receipt);
        }
        index
    }

    fn completions_of(&self, grant: &str) -> &[&'f CompletionRow] {
        self.completions.get(grant).map_or(&[], Vec::as_slice)
    }

    fn count_events(&self, grant: &str, kind: &str) -> usize {
        self.events.get(grant).map_or(0, |events| events.iter().filter(|event| event.kind == kind).count())
    }
}

/// What was answered is so.
fn check_promise(promise: &Promise, index: &Index<'_>, verdict: &mut Verdict) {
    let (Promise::Issued { id, .. } | Promise::Completed { id, .. } | Promise::Cancelled { id }) = promise;
    let Some(grant) = index.grants.get(id.as_str()) else {
        return verdict.lost.push(format!("grant {id} was answered and is not in the ledger: {promise:?}"));
    };
    match promise {
        Promise::Issued { key, ask, .. } if *key != grant.key || *ask != grant.ask => {
            verdict.invented.push(format!("grant {id} was answered as {promise:?} and is {grant:?}"));
        }
        Promise::Completed { etag, .. } => {
            let recorded = index.completions_of(id).iter().any(|recorded| recorded.etag.eq_ignore_ascii_case(etag));
            if grant.state != "completed" || !recorded {
                verdict.lost.push(format!("grant {id} was answered as completed with {etag} and is {grant:?}"));
            }
        }
        // An object that came all the same is rejected.
        Promise::Cancelled { .. } if !matches!(grant.state.as_str(), "cancelled" | "rejected") => {
            verdict.lost.push(format!("grant {id} was answered as cancelled and is {grant:?}"));
        }
        Promise::Issued { .. } | Promise::Cancelled { .. } => {}
    }
}

/// Every object became a completion, or a rejection, of exactly one grant, as it is now.
fn check_object(object: &StoredObject, index: &Index<'_>, verdict: &mut Verdict) {
    let Some(grant) = index.grants_by_key.get(object.key.as_str()) else {
        return verdict.lost.push(format!("{} was uploaded and nobody knows its grant", object.key));
    };
    let recorded = index.completions_of(&grant.id);
    let is_recorded =
        |row: &&&CompletionRow| row.key == object.key && row.etag == object.etag && row.size == object.size;
    match (grant.state.as_str(), recorded.iter().filter(is_recorded).count()) {
        ("completed" | "rejected", 1) => {}
        (_, 0 | 1) => verdict.lost.push(format!("{object:?} is there and not so recorded: {grant:?}, {recorded:?}")),
        (_, count) => verdict.doubled.push(format!("{object:?} is recorded {count} times, its grant is {grant:?}")),
    }
}

/// A grant has ended, and its completions and events are those of its state.
fn check_grant(grant: &GrantRow, index: &Index<'_>, verdict: &mut Verdict) {
    let GrantRow { id, state, .. } = grant;
    let recorded = index.completions_of(id);
    let counts = ["completed", "rejected", "expired", "changed"].map(|kind| index.count_events(id, kind));
    let [completed, rejected, expired, changed] = counts;
    for row in recorded {
        // What was overwritten was there once; the last one is checked from the object's side.
        let object = index.objects.get(row.key.as_str());
        let fits = object.is_some_and(|object| grant.overwrite || (object.etag == row.etag && object.size == row.size));
        if !fits {
            verdict.invented.push(format!("{row:?} is recorded, and there is {object:?}"));
        }
    }
    let first = match state.as_str() {
        "completed" => completed,
        "rejected" => rejected,
        "expired" => expired,
        "cancelled" => 0,
        _ => return verdict.lost.push(format!("{grant:?} never ended")),
    };
    let (happened, objects) = (format!("{counts:?} events of each kind"), recorded.len());
    if state != "cancelled" && first == 0 {
        verdict.lost.push(format!("nobody would learn of {grant:?}: {happened}"));
    }
    let others = match state.as_str() {
        "completed" => rejected,
        "rejected" => completed,
        _ => completed + rejected + objects,
    };
    if others > 0 || (changed > 0 && (state != "completed" || !grant.overwrite)) {
        verdict.invented.push(format!("{grant:?} with {objects} objects: {happened}"));
    }
    if completed > 1 || rejected > 1 || expired > 1 {
        verdict.doubled.push(format!("the same news twice of {grant:?}: {happened}"));
    }
    if matches!(state.as_str(), "completed" | "rejected") && objects != 1 + changed {
        let list = if objects > 1 + changed { &mut verdict.doubled } else { &mut verdict.lost };
        list.push(format!("{objects} objects of {grant:?}: {happened}"));
    }
}

/// A repeated question was answered with the same grant.
fn check_asks(grants: &[GrantRow], verdict: &mut Verdict) {
    let mut asks: HashMap<&str, &str> = HashMap::new();
    for grant in grants {
        if let Some(other) = asks.insert(&grant.ask, &grant.id) {
            verdict.doubled.push(format!("grants {other} and {} were both issued for ask {}", grant.id, grant.ask));
        }
    }
}

/// Every event of the outbox arrived, as it is there, and no other one.
fn check_delivery(facts: &Facts, index: &Index<'_>, verdict: &mut Verdict) {
    let mut known = HashSet::new();
    for event in &facts.ledger.events {
        known.insert(event.id.as_str());
        let Some(receipts) = index.receipts.get(&event.id) else {
            verdict.lost.push(format!("event {} of grant {} ({}) never arrived", event.id, event.grant_id, event.kind));
            continue;
        };
        verdict.duplicated += receipts.len() - 1;
        if receipts.iter().any(|receipt| receipt.event != event.payload) {
            verdict.doubled.push(format!("event {} arrived as something else: {receipts:?}", event.id));
        }
    }
    for id in index.receipts.keys().filter(|id| !known.contains(id.as_str())) {
        verdict.invented.push(format!("event {id} arrived and is not in the ledger"));
    }
}

/// The first arrivals of each grant's events are in the order of the ledger.
fn check_order(facts: &Facts, verdict: &mut Verdict) {
    let mut arrived: HashMap<String, usize> = HashMap::new();
    for (at, receipt) in facts.receipts.iter().enumerate() {
        arrived.entry(plain_id(&receipt.id)).or_insert(at);
    }
    let mut last: HashMap<&str, (usize, &EventRow)> = HashMap::new();
    for event in &facts.ledger.events {
        let Some(&at) = arrived.get(&event.id) else { continue };
        if let Some((_, before)) = last.get(event.grant_id.as_str()).filter(|(earlier, _)| *earlier > at) {
            verdict
                .disordered
                .push(format!("of grant {}, {} arrived before {}", event.grant_id, event.kind, before.kind));
        }
        last.insert(&event.grant_id, (at, event));
    }
}
