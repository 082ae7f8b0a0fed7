//! No statement on the way of a request, and no list, reads a table from end to end: PostgreSQL itself writes down the
//! plan of everything that the store asks it (`auto_explain`), over tables large enough that an index pays.

use chrono::{DateTime, TimeDelta};
use oss_valet::{
    app::ports::{
        CheckClaim, Claimed, DeliveryClaim, DeliveryState, EventFilter, Fate, GrantAdded, GrantChange, GrantFilter,
        NewGrant, NextCheck, OutgoingEvent, Purge, PurgeStep, Replay, Settlement,
    },
    grant::{grant::State, quota::Quotas},
};

use crate::{
    bed::Bed,
    postgres::Cluster,
    sample::{change, claiming, completing, event, grant, id, noon},
};

/// Grants in the ledger: half of them completed, each of a thousand users has fifty, one in a hundred is due some day.
const FILL: &str = "
    INSERT INTO grants
    SELECT (lpad(to_hex(1700000000000 + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, 'avatar', 'post',
        CASE WHEN n % 2 = 0 THEN 'completed' ELSE 'issued' END, NULL, 'u-' || n % 1000, NULL, 'app-media', 'cn-hangzhou',
        'avatars/' || n, 'image/png', 1, 5242880, NULL, NULL, '{}', false, NULL, 'upload', n, n, n,
        CASE WHEN n % 100 = 0 THEN 1900000000000000 + n END
    FROM generate_series(1, 50000) AS n;
    INSERT INTO completions (grant_id, object_key, size, etag, content_type, completed_at, source, late)
    SELECT id, key, 1, 'AA', 'image/png', 1, 'callback', false FROM grants WHERE state = 'completed';
    INSERT INTO events (id, grant_id, type, time, payload)
    SELECT gen_random_uuid(), id, 'com.oss-valet.upload.completed', 1, '{}' FROM grants WHERE state = 'completed';
    INSERT INTO deliveries (event_seq, sink, grant_id, state, since, due_at)
    SELECT seq, CASE WHEN seq % 2 = 0 THEN 'backend' ELSE 'audit' END, grant_id,
        CASE seq % 200 WHEN 0 THEN 'pending' WHEN 2 THEN 'dead' ELSE 'delivered' END, 1,
        CASE seq % 200 WHEN 0 THEN 1900000000000000 + seq END
    FROM events;
    INSERT INTO idempotency_keys
    SELECT decode(md5(n::text) || md5(n::text), 'hex'), '', gen_random_uuid(), 1, 1 FROM generate_series(1, 50000) AS n;
    ANALYZE";

/// Tables of a few rows.
const SMALL: [&str; 4] = ["heartbeat", "ledger_schema", "sinks", "_sqlx_migrations"];

/// Times that each is asked: after five, PostgreSQL may settle for one plan whatever the values are.
const ROUNDS: u64 = 8;

/// Everything that a store is asked for.
async fn use_everything(bed: &Bed) {
    let store = &bed.store;
    let list = GrantFilter { limit: 20, ..GrantFilter::default() };
    for round in 0..ROUNDS {
        let key = u8::try_from(round).unwrap();
        store.add_grant(grant(round)).await.unwrap();
        store.add_grant(claiming(100 + round, key)).await.unwrap();
        store.add_grant(claiming(200 + round, key)).await.unwrap();
        let some = NewGrant {
            quotas: Quotas { open_grants: Some(1000), grants_per_day: Some(1000), open_multiparts: Some(5) },
            ..claiming(400 + round, 100 + key)
        };
        store.add_grant(some).await.unwrap();
        // Of the day on which the ids were made.
        let mut full = claiming(500 + round, 200 + key);
        full.grant.issued_at = DateTime::from_timestamp_millis(0x0193_0000_0001).unwrap();
        full.quotas = Quotas { grants_per_day: Some(1), ..Quotas::default() };
        assert!(matches!(store.add_grant(full).await.unwrap(), GrantAdded::QuotaExhausted { .. }));
        let mut renewed = change(round, &[State::Issued], State::Issued);
        renewed.next_check = NextCheck::At(noon());
        store.change_grant(renewed).await.unwrap();
        store.change_grant(completing(round, "AA", round)).await.unwrap();
        store.change_grant(completing(round, "BB", 100 + round)).await.unwrap();
        store.find_grant(id(round)).await.unwrap().expect("it was added");
        store.find_completion(id(round), "some/key", "AA").await.unwrap();
        store.list_completions(id(round), 20).await.unwrap();
        let late = noon() + TimeDelta::days(10_000);
        assert_eq!(store.find_due_buckets(late).await.unwrap(), ["app-media"]);
        let claim = CheckClaim { bucket: "app-media".into(), now: late, leased_until: late, limit: 20 };
        assert_eq!(store.claim_checks(claim).await.unwrap().len(), 20);
        store.list_grants(&list).await.unwrap();
        store.list_grants(&GrantFilter { before: Some(id(round)), ..list.clone() }).await.unwrap();
        let users = GrantFilter { user_id: Some("u-7".into()), ..list.clone() };
        store.list_grants(&users).await.unwrap();
        store.list_grants(&GrantFilter { before: Some(id(3)), state: Some(State::Completed), ..users }).await.unwrap();
        store.ping().await.unwrap();
    }
}

/// Everything that the outbox is asked for.
async fn use_the_outbox(bed: &Bed) {
    let store = &bed.store;
    for round in 300..300 + ROUNDS {
        store.add_grant(grant(round)).await.unwrap();
        let sinks = vec!["backend".to_owned(), "audit".to_owned()];
        let told = OutgoingEvent { sinks, ..event(round, round) };
        store.change_grant(GrantChange { events: vec![told], ..completing(round, "AA", round) }).await.unwrap();
        for (sink, fate) in [
            ("backend", Fate::Delivered),
            ("audit", Fate::Retry { at: noon(), error: "500".into(), pause_until: None }),
            ("audit", Fate::Dead { error: "500".into() }),
        ] {
            let claim = DeliveryClaim { sink: sink.into(), limit: 20, now: noon(), lease: TimeDelta::seconds(20) };
            let Claimed::Deliveries(claimed) = store.claim_deliveries(&claim).await.unwrap() else { panic!("{sink}") };
            let [delivery] = &claimed[..] else { panic!("{sink}: {claimed:?}") };
            let settlement = Settlement {
                sink: sink.into(),
                event_seq: delivery.event_seq,
                grant_id: delivery.grant_id,
                attempt: delivery.attempt,
                now: noon(),
                fate,
            };
            store.settle_delivery(settlement).await.unwrap();
        }
        let event_id = event(round, round).event.id;
        store.find_event(event_id).await.unwrap().expect("it was recorded");
        store.replay(&Replay::Event { id: event_id, sink: Some("audit".into()) }, noon()).await.unwrap();
        store.replay(&Replay::Dead { sink: "nobody".into(), limit: 10 }, noon()).await.unwrap();
        let claim = DeliveryClaim { sink: "audit".into(), limit: 20, now: noon(), lease: TimeDelta::days(1) };
        store.claim_deliveries(&claim).await.unwrap();
        for state in [None, Some(DeliveryState::Dead)] {
            for sink in [None, Some("backend".to_owned())] {
                store.list_events(&EventFilter { state, sink, limit: 10 }).await.unwrap();
            }
        }
        store.depth().await.unwrap();
    }
}

/// Everything that is asked to remove what was kept long enough: first where there is nothing yet, then pieces of what there is.
async fn purge(bed: &Bed) {
    for (step, days) in PurgeStep::all().into_iter().flat_map(|step| [(step.clone(), -9_000), (step, 0)]) {
        let mut next = Some(step);
        for _ in 0..ROUNDS {
            let Some(step) = next else { break };
            let before = noon() + TimeDelta::days(days);
            let purge = Purge { now: noon(), grants_before: before, events_before: before, step, limit: 20 };
            next = bed.store.purge(purge).await.unwrap().next;
        }
    }
}

/// Statements with their plans, as the server wrote them down.
fn plans(log: &str) -> Vec<(String, String)> {
    let mut plans: Vec<(String, String)> = Vec::new();
    for line in log.lines() {
        if let Some(statement) = line.trim_start().strip_prefix("Query Text: ") {
            plans.push((statement.to_owned(), String::new()));
        } else if let (Some(plan), Some(rest)) = (plans.last_mut(), line.strip_prefix('\t')) {
            plan.1.push_str(rest);
            plan.1.push('\n');
        }
    }
    plans
}

#[tokio::test]
async fn every_statement_on_postgres_finds_its_rows_by_an_index() {
    let cluster = Cluster::start(&[
        "fsync=off",
        "session_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0",
        "log_line_prefix=",
    ]);
    let bed = Bed::at(cluster.database().await).await;
    bed.execute(FILL).await;
    bed.execute("DO $$ BEGIN RAISE LOG 'from here on'; END $$").await;
    use_everything(&bed).await;
    use_the_outbox(&bed).await;
    purge(&bed).await;
    bed.execute("DO $$ BEGIN RAISE LOG 'up to here'; END $$").await;
    cluster.log_until("from here on");
    let plans = plans(&cluster.log_until("up to here"));

    for (statement, plan) in &plans {
        for line in plan.lines() {
            if let Some((_, table)) = line.split_once("Seq Scan on ") {
                let table = table.split(' ').next().unwrap();
                assert!(SMALL.contains(&table), "{statement}\n{plan}");
            }
        }
    }
    let expected = [
        ("INSERT INTO grants", None),
        ("INSERT INTO idempotency_keys", Some("idempotency_keys_pkey")),
        ("FROM idempotency_keys WHERE", Some("idempotency_keys_pkey")),
        ("SELECT user_id, (SELECT count(*)", Some("grants_open")),
        ("SELECT user_id, (SELECT count(*)", Some("grants_by_user")),
        ("AND (user_id, id) >= ($1, $2)", Some("grants_by_user")),
        ("DELETE FROM idempotency_keys WHERE scope_digest = $1", Some("idempotency_keys_pkey")),
        ("UPDATE grants SET", Some("grants_pkey")),
        ("INSERT INTO completions", Some("completions_grant_id_object_key_etag_key")),
        ("INSERT INTO events", None),
        ("FROM grants WHERE id = ANY", Some("grants_pkey")),
        ("FROM completions WHERE grant_id = ANY", Some("completions_grant_id_object_key_etag_key")),
        ("AND object_key =", Some("completions_grant_id_object_key_etag_key")),
        ("ORDER BY seq + 0 DESC", Some("completions_grant_id_object_key_etag_key")),
        ("WITH RECURSIVE waiting", Some("grants_due")),
        ("WITH due AS MATERIALIZED", Some("grants_due")),
        ("WITH taken AS MATERIALIZED", Some("deliveries_due")),
        ("SET state = 'delivered'", Some("deliveries_pkey")),
        ("min(event_seq) FROM deliveries WHERE sink = $1 AND grant_id = $2", Some("deliveries_in_turn")),
        // Where most rows are in the state, the primary key read backwards is as good.
        ("AND state = $3 ORDER BY event_seq DESC", Some("using deliveries_")),
        ("FROM events WHERE id = $1", Some("events_id_key")),
        ("SELECT id FROM grants WHERE id >", Some("grants_pkey")),
        ("DELETE FROM grants", Some("grants_pkey")),
        ("SELECT seq, time FROM events WHERE seq >", Some("events_pkey")),
        ("DELETE FROM events", Some("events_pkey")),
        ("SELECT scope_digest FROM idempotency_keys WHERE scope_digest >", Some("idempotency_keys_pkey")),
        ("DELETE FROM idempotency_keys", Some("idempotency_keys_pkey")),
        ("WHERE true ORDER BY id DESC", Some("grants_pkey")),
        ("WHERE true AND id <", Some("grants_pkey")),
        ("WHERE true AND user_id = $1 ORDER BY", Some("grants_by_user")),
        ("WHERE true AND user_id = $1 AND state", Some("grants_by_user")),
    ];
    let by_state = plans.iter().filter(|(_, plan)| plan.contains("using deliveries_by_state"));
    assert!(by_state.count() as u64 >= 2 * ROUNDS, "what is dead is rare, and found at once");
    for (text, index) in expected {
        let found: Vec<_> = plans.iter().filter(|(statement, _)| statement.contains(text)).collect();
        assert!(found.len() as u64 >= ROUNDS, "`{text}` was asked {} times", found.len());
        for (statement, plan) in found {
            assert!(index.is_none_or(|index| plan.contains(index)), "not by {index:?}: {statement}\n{plan}");
            let is_a_page = text.starts_with("WHERE");
            assert!(!(is_a_page && plan.contains("Sort")), "a page is read in its order: {statement}\n{plan}");
        }
    }
}
