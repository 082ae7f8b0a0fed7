//! The checker: it finds everything that can be wrong, and nothing where all is well.

use serde_json::json;

use crate::{
    checker::{Verdict, check},
    facts::{CompletionRow, EventRow, Facts, GrantRow, Promise, Receipt, StoredObject},
};

fn grant(id: &str, state: &str) -> GrantRow {
    let (key, ask) = (format!("files/{id}"), format!("ask-{id}"));
    GrantRow { id: id.into(), key, state: state.into(), ask, overwrite: id == "changed" }
}

fn object(id: &str, etag: &str) -> StoredObject {
    StoredObject { key: format!("files/{id}"), etag: etag.into(), size: 5 }
}

fn completion(id: &str, etag: &str) -> CompletionRow {
    CompletionRow { grant_id: id.into(), key: format!("files/{id}"), etag: etag.into(), size: 5 }
}

fn event(id: &str, kind: &str) -> EventRow {
    let payload = json!({"type": kind, "subject": id});
    EventRow { id: format!("{id}{kind}"), grant_id: id.into(), kind: kind.into(), payload }
}

fn issued(id: &str) -> Promise {
    Promise::Issued { id: id.into(), key: format!("files/{id}"), ask: format!("ask-{id}") }
}

/// One grant of each fate, everything told, everything arrived.
fn all_well() -> Facts {
    let fates = [
        ("done", "completed"),
        ("bad", "rejected"),
        ("over", "expired"),
        ("late", "completed"),
        ("changed", "completed"),
        ("off", "cancelled"),
        ("offbad", "rejected"),
    ];
    let mut facts = Facts::default();
    facts.ledger.grants = fates.iter().map(|(id, state)| grant(id, state)).collect();
    facts.promises = fates.iter().map(|(id, _)| issued(id)).collect();
    facts.promises.push(Promise::Completed { id: "done".into(), etag: "a1".into() });
    facts.promises.extend(["off", "offbad"].map(|id| Promise::Cancelled { id: id.into() }));
    facts.objects = ["done", "bad", "late", "offbad"].map(|id| object(id, "A1")).into();
    facts.objects.push(object("changed", "B2"));
    facts.ledger.completions = ["done", "bad", "late", "changed", "offbad"].map(|id| completion(id, "A1")).into();
    facts.ledger.completions.push(completion("changed", "B2"));
    let told = [
        ("done", "completed"),
        ("bad", "rejected"),
        ("over", "expired"),
        ("late", "expired"),
        ("late", "completed"),
        ("changed", "completed"),
        ("changed", "changed"),
        ("offbad", "rejected"),
    ];
    facts.ledger.events = told.iter().map(|(id, kind)| event(id, kind)).collect();
    let receipt = |event: &EventRow| Receipt { id: event.id.clone(), event: event.payload.clone() };
    facts.receipts = facts.ledger.events.iter().map(receipt).collect();
    facts
}

/// What is wrong after this was done to a world in which all was well.
fn after(sabotage: impl FnOnce(&mut Facts)) -> Verdict {
    let mut facts = all_well();
    sabotage(&mut facts);
    check(&facts)
}

fn kinds(verdict: &Verdict) -> Vec<&'static str> {
    let mut kinds: Vec<_> = verdict.faults().map(|(kind, _)| kind).collect();
    kinds.dedup();
    kinds
}

#[test]
fn where_all_is_well_nothing_is_found() {
    assert_eq!(check(&all_well()), Verdict::default());
}

#[test]
fn a_message_that_comes_twice_is_counted_and_allowed() {
    let verdict = after(|facts| facts.receipts.push(facts.receipts[0].clone()));
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!(verdict.duplicated, 1);
}

/// Something that goes wrong, what it is to be called, and how.
type Sabotage = (&'static str, &'static [&'static str], fn(&mut Facts));

const LOSSES: [Sabotage; 10] = [
    ("the ledger forgets a completion", &["lost"], |facts| drop(facts.ledger.completions.remove(0))),
    ("the ledger forgets a grant", &["lost"], |facts| drop(facts.ledger.grants.remove(0))),
    ("the ledger forgets a grant that got nothing", &["lost"], |facts| drop(facts.ledger.grants.remove(2))),
    ("a completed grant is expired", &["lost", "invented"], |facts| facts.ledger.grants[0].state = "expired".into()),
    ("a grant never ends", &["lost"], |facts| facts.ledger.grants[5].state = "issued".into()),
    ("an event is not written", &["lost", "invented"], |facts| drop(facts.ledger.events.remove(0))),
    ("an event does not arrive", &["lost"], |facts| drop(facts.receipts.remove(1))),
    ("an object is not recorded as it is now", &["lost"], |facts| {
        facts.ledger.completions.pop();
    }),
    ("a promise to have completed is broken", &["lost"], |facts| {
        facts.promises.push(Promise::Completed { id: "bad".into(), etag: "A1".into() });
    }),
    ("a promise to have cancelled is broken", &["lost"], |facts| {
        facts.promises.push(Promise::Cancelled { id: "done".into() });
    }),
];

const INVENTIONS: [Sabotage; 12] = [
    ("an object vanishes", &["invented"], |facts| drop(facts.objects.remove(0))),
    ("another size is recorded", &["lost", "invented"], |facts| facts.ledger.completions[0].size = 6),
    ("a completion of nothing", &["invented"], |facts| facts.ledger.completions.push(completion("over", "A1"))),
    ("an event that nobody wrote", &["invented"], |facts| {
        facts.receipts.push(Receipt { id: "0".into(), event: json!({}) });
    }),
    ("a rejection of what is completed", &["invented"], |facts| {
        facts.ledger.events.push(event("done", "rejected"));
        facts.receipts.push(Receipt { id: "donerejected".into(), event: event("done", "rejected").payload });
    }),
    ("an answered grant is another one", &["invented"], |facts| facts.ledger.grants[0].ask = "other".into()),
    ("the same object is recorded twice", &["doubled"], |facts| {
        facts.ledger.completions.push(completion("done", "A1"));
    }),
    ("the same news under two ids", &["doubled"], |facts| {
        let again = EventRow { id: "again".into(), ..event("done", "completed") };
        facts.receipts.push(Receipt { id: "again".into(), event: again.payload.clone() });
        facts.ledger.events.push(again);
    }),
    ("two messages under one id", &["doubled"], |facts| {
        facts.receipts.push(Receipt { id: facts.receipts[0].id.clone(), event: json!({"other": true}) });
    }),
    ("a repeated question gets a second grant", &["doubled"], |facts| {
        facts.ledger.grants.push(GrantRow { ask: "ask-off".into(), ..grant("twin", "cancelled") });
    }),
    ("a change that nobody made", &["lost", "invented"], |facts| {
        facts.ledger.events.push(event("done", "changed"));
        facts.receipts.push(Receipt { id: "donechanged".into(), event: event("done", "changed").payload });
    }),
    ("the end is told before the middle", &["disordered"], |facts| facts.receipts.swap(3, 4)),
];

#[test]
fn whatever_is_lost_or_invented_is_found_and_called_so() {
    for (what, expected, sabotage) in LOSSES.into_iter().chain(INVENTIONS) {
        let verdict = after(sabotage);
        assert_eq!(kinds(&verdict), expected, "{what}: {verdict:?}");
    }
}
