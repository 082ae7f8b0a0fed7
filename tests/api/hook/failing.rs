//! A hook that refuses, and one that gives no usable answer, in every way and with every consequence.

use oss_valet::{app::reconcile::Reconciled, clock::Clock};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{CONTENT, WELCOME, backend::Backend, callback, hooked, issue, spawn, standing};
use crate::{
    forger::{Forger, put_aside},
    harness::{TestApp, upload},
};

/// Ways not to answer a question, with a server there.
fn bad_answers() -> Vec<(&'static str, ResponseTemplate)> {
    let ok = |body: &[u8]| ResponseTemplate::new(200).set_body_bytes(body);
    let mut large = vec![b'x'; 64 * 1024 + 1];
    (large[0], large[64 * 1024]) = (b'"', b'"');
    vec![
        ("500", ResponseTemplate::new(500).set_body_string(WELCOME)),
        ("503", ResponseTemplate::new(503)),
        ("a redirect", ResponseTemplate::new(307).insert_header("location", "/elsewhere")),
        ("nothing", ResponseTemplate::new(204)),
        ("no JSON", ok(b"OK")),
        ("half a document", ok(b"{\"photo\":")),
        ("a byte order mark", ok(b"\xef\xbb\xbf{}")),
        ("one byte too many", ok(&large)),
        ("a huge answer", ok(&[b' '; 4 << 20])),
    ]
}

async fn recorded_outcomes(app: &TestApp) -> Vec<Vec<Option<String>>> {
    app.query_ledger("SELECT hook_outcome, hook_answer FROM completions ORDER BY seq").await
}

/// Grants whose objects are there, each with the answer to its callback.
async fn called_back(app: &TestApp, forger: &Forger) -> (Value, crate::harness::Answer) {
    let grant = issue(app, "hooked").await;
    put_aside(app, &grant, CONTENT).await;
    let answer = callback(forger, &grant).send(app).await;
    (grant, answer)
}

#[tokio::test]
async fn a_refusal_rejects_whatever_failures_would_do() {
    for on_failure in ["accept", "reject", "defer"] {
        let (forger, backend) = (Forger::new(), Backend::start().await);
        let app = spawn(&forger, &backend, on_failure).await;
        for (number, status) in [400, 403, 404, 409, 422, 499].into_iter().enumerate() {
            backend.will_say(status, WELCOME);
            let (grant, answer) = called_back(&app, &forger).await;

            answer.assert_refused(422, "callback_violates_grant");
            assert!(!answer.text().contains("photo"), "{status}: {}", answer.text());
            let rejected = ("rejected".to_owned(), json!("hook_rejected"));
            assert_eq!(standing(&app, &grant).await, rejected, "{on_failure} {status}");
            callback(&forger, &grant).send(&app).await.assert_refused(422, "callback_violates_grant");
            app.act(&grant, "complete").await.assert_refused(409, "grant_ended");
            assert_eq!(backend.questions().await.len(), number + 1, "{on_failure} {status}: asked once");
            assert!(app.object_exists(&grant).await, "{status}: on_reject = \"keep\"");
            let events = app.events().await;
            assert_eq!(events.len(), number + 1, "{on_failure} {status}: told once");
            let told = &events[number];
            assert_eq!(told["type"], "com.oss-valet.upload.rejected", "{status}");
            assert_eq!(told["data"]["reason"], "hook_rejected", "{status}");
            let asked = &backend.questions().await[number];
            assert_ne!(told["id"], asked.header("webhook-id"), "another document has another id");
        }
        let rejected = vec![Some("rejected".to_owned()), None];
        assert!(recorded_outcomes(&app).await.iter().all(|row| *row == rejected));
    }
}

#[tokio::test]
async fn the_uploader_of_a_refused_object_learns_it_from_oss() {
    let backend = Backend::start().await;
    let app = spawn(&Forger::new(), &backend, "accept").await;
    backend.will_say(403, "{}");
    let grant = issue(&app, "hooked").await;

    let answer = upload(&app, &grant, CONTENT).await;

    assert_eq!(answer.status, 203, "{}", answer.text());
    assert_eq!(standing(&app, &grant).await.0, "rejected");
}

#[tokio::test]
async fn a_refused_object_is_deleted_where_the_profile_says_so() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "defer").await;
    backend.will_say(422, "{}");
    let grant = issue(&app, "tidy").await;
    put_aside(&app, &grant, CONTENT).await;
    let callback = callback(&forger, &grant);

    let answers = [callback.send(&app).await, callback.send(&app).await];

    assert!(!app.object_exists(&grant).await);
    for answer in answers {
        answer.assert_refused(422, "callback_violates_grant");
    }
    app.act(&grant, "complete").await.assert_refused(409, "grant_ended");
    assert_eq!(backend.questions().await.len(), 1);
}

#[tokio::test]
async fn accept_records_without_an_answer() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "accept").await;
    for (number, (why, bad)) in bad_answers().into_iter().enumerate() {
        backend.will_answer(bad);
        let (grant, answer) = called_back(&app, &forger).await;

        assert_eq!(answer.status, 200, "{why}: {}", answer.text());
        assert_eq!((&answer.json()["id"], &answer.json()["state"]), (&grant["id"], &json!("completed")), "{why}");
        let repeated = callback(&forger, &grant).send(&app).await;
        assert_eq!(repeated.text(), answer.text(), "{why}: replayed, now that the hook would answer");
        assert_eq!(backend.questions().await.len(), number + 1, "{why}: asked once, and nobody else");
    }
    let failed = vec![Some("failed".to_owned()), None];
    assert!(recorded_outcomes(&app).await.iter().all(|row| *row == failed));
    assert!(backend.questions().await.iter().all(|question| question.0.url.path() == "/oss-hook"));
}

#[tokio::test]
async fn reject_rejects_for_good() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "reject").await;
    for (number, (why, bad)) in bad_answers().into_iter().enumerate() {
        backend.will_answer(bad);
        let (grant, answer) = called_back(&app, &forger).await;

        answer.assert_refused(422, "callback_violates_grant");
        assert_eq!(standing(&app, &grant).await, ("rejected".to_owned(), json!("hook_failed")), "{why}");
        callback(&forger, &grant).send(&app).await.assert_refused(422, "callback_violates_grant");
        assert_eq!(backend.questions().await.len(), number + 1, "{why}");
        assert_eq!(app.events().await[number]["data"]["reason"], "hook_failed", "{why}");
    }
}

#[tokio::test]
async fn defer_keeps_the_grant_and_the_reconciler_asks_again_at_once() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "defer").await;
    for (why, bad) in bad_answers() {
        let before = backend.questions().await.len();
        backend.will_answer(bad);
        let (grant, answer) = called_back(&app, &forger).await;

        answer.assert_refused(503, "hook_unavailable");
        assert_eq!(standing(&app, &grant).await.0, "issued", "{why}");
        let now = app.clock.now();
        assert_eq!(app.valet.reconcile_due(now).await.unwrap(), Reconciled::Grants(1), "{why}: due at once");
        assert_eq!(standing(&app, &grant).await.0, "completed", "{why}");
        assert_eq!(callback(&forger, &grant).send(&app).await.text(), WELCOME, "{why}");
        let questions = &backend.questions().await[before..];
        assert_eq!(questions.len(), 2, "{why}");
        assert_eq!(questions[0].header("webhook-id"), questions[1].header("webhook-id"), "{why}: the same question");
        let recorded = app.events().await.pop().unwrap();
        assert_eq!(recorded["id"], questions[0].header("webhook-id"), "{why}: and the event's id");
    }
}

#[tokio::test]
async fn a_grant_is_deferred_as_long_as_it_takes() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "defer").await;
    backend.will_say(500, "");
    let (grant, answer) = called_back(&app, &forger).await;
    answer.assert_refused(503, "hook_unavailable");
    for _ in 0..3 {
        backend.will_say(500, "");
        assert_eq!(app.valet.reconcile_due(app.clock.now()).await.unwrap(), Reconciled::Grants(1));
        assert_eq!(app.valet.reconcile_due(app.clock.now()).await.unwrap(), Reconciled::Nothing, "not in a circle");
        // Far beyond the end of the grant: it does not expire over an object that is there.
        app.clock.advance(chrono::TimeDelta::hours(1));
        assert_eq!(standing(&app, &grant).await.0, "issued");
    }
    app.valet.reconcile_due(app.clock.now()).await.unwrap();
    assert_eq!(standing(&app, &grant).await.0, "completed");
    assert_eq!(app.show(&grant).await["completion"]["late"], true);
}

#[tokio::test]
async fn a_backend_that_is_down_or_says_nothing_has_failed() {
    // Connections are made, and nobody reads from them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (why, address) in [("silent", silent.local_addr().unwrap()), ("closed", closed)] {
        for (on_failure, status, state) in
            [("accept", 200, "completed"), ("reject", 422, "rejected"), ("defer", 503, "issued")]
        {
            let forger = Forger::new();
            let url = format!("http://{address}/hook");
            let hurry = |settings: String| settings.replace("timeout = \"2s\"", "timeout = \"200ms\"");
            let app = TestApp::spawn_with(|settings| hurry(forger.trusted(hooked(&settings, &url, on_failure)))).await;

            let (grant, answer) = called_back(&app, &forger).await;

            assert_eq!(answer.status.as_u16(), status, "{why} {on_failure}: {}", answer.text());
            assert_eq!(standing(&app, &grant).await.0, state, "{why} {on_failure}");
            assert!(!answer.text().contains(&address.to_string()), "causes are for the log: {}", answer.text());
        }
    }
}
