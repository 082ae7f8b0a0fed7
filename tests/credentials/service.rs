//! The whole way: STS → credentials → grants → uploads that OSS accepts → confirmed completions.

use std::{net::TcpListener, sync::Arc};

use chrono::TimeDelta;
use oss_valet::clock::ManualClock;
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{
    harness::{clock, issued},
    world::{Plan, World},
};

const WAYS: [(&str, &str); 4] = [("role", "post"), ("role", "put"), ("pod", "post"), ("pod", "put")];

fn by_hand(clock: &Arc<ManualClock>) -> Plan {
    Plan { clock: clock.clone(), background: false }
}

#[tokio::test]
async fn uploads_under_grants_of_assumed_roles_are_accepted_and_confirmed() {
    let world = World::start(by_hand(&clock()), |settings| settings).await;
    for (profile, method) in WAYS {
        world.bring(profile, method).await.unwrap_or_else(|error| panic!("{profile} {method}: {error}"));
    }
    let mut roles: Vec<_> =
        world.sts.sessions().into_iter().map(|session| (session.role, session.session_name)).collect();
    roles.sort();
    let expected = [("pod", "oss-valet"), ("signer", "oss-valet")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(roles, expected, "each role was assumed once");
}

#[tokio::test]
async fn half_a_day_of_rotations_interrupts_no_upload() {
    let clock = clock();
    let world = World::start(by_hand(&clock), |settings| settings).await;
    for step in 0..12 * 6 {
        // Every two minutes: the real background looks far more often than this.
        for _ in 0..5 {
            world.valet.refresh_credentials(world.valet.clock.now()).await;
            clock.advance(TimeDelta::minutes(2));
        }
        if step % 5 == 0 {
            world.replace_pod_token(TimeDelta::hours(1));
        }
        let (profile, method) = WAYS[step % WAYS.len()];
        world.bring(profile, method).await.unwrap_or_else(|error| panic!("step {step}, {profile} {method}: {error}"));
    }
    // 48 lives of a quarter of an hour, of two roles, renewed between half and three quarters of each.
    let sessions = world.valet.credential_statuses(world.valet.clock.now()).await;
    assert!(sessions.iter().all(|(_, status)| status.usable && status.failing_since.is_none()), "{sessions:?}");
    let remembered = world.sts.sessions().len();
    assert!((2 * 48..=2 * 2 * 48 + 2).contains(&remembered), "{remembered}");
}

#[tokio::test]
async fn a_grant_issued_before_a_rotation_is_good_after_it() {
    let clock = clock();
    let world = World::start(by_hand(&clock), |settings| settings).await;
    for (profile, method) in WAYS {
        // All that was held is over: a fresh start.
        clock.advance(TimeDelta::minutes(15));
        world.replace_pod_token(TimeDelta::hours(1));
        world.valet.refresh_credentials(world.valet.clock.now()).await;
        clock.advance(TimeDelta::seconds(680));
        let before = world.issue(profile, method).await.unwrap();
        let sessions = world.sts.sessions().len();
        world.valet.refresh_credentials(world.valet.clock.now()).await;
        assert_eq!(world.sts.sessions().len(), sessions + 2, "both were renewed");
        clock.advance(TimeDelta::seconds(170));
        assert_eq!(world.upload(&before).await.unwrap()["state"], "completed", "{profile} {method}");
    }
}

#[tokio::test]
async fn confirming_has_its_own_credential_and_needs_it_where_the_signer_may_not_read() {
    let clock = clock();
    let world = World::start(by_hand(&clock), |settings| settings).await;
    world.bring("role", "put").await.unwrap();
    let without = World::start(by_hand(&clock), |settings| {
        assert!(settings.contains("confirm_credentials = \"reader\"\n"));
        settings.replace("confirm_credentials = \"reader\"\n", "")
    })
    .await;
    let grant = without.issue("role", "put").await.unwrap();
    let refused = without.upload(&grant).await.unwrap_err();
    assert!(refused.starts_with("203"), "the signer may write, but nobody may look: {refused}");
    let swapped = World::start(by_hand(&clock), |settings| {
        settings.replace("credentials = \"role\"", "credentials = \"reader\"")
    })
    .await;
    let grant = swapped.issue("role", "put").await.unwrap();
    let refused = swapped.upload(&grant).await.unwrap_err();
    assert!(
        refused.starts_with("403") && refused.contains("AccessDenied"),
        "the reader may look, but not write: {refused}"
    );
}

#[tokio::test]
async fn one_bucket_without_credentials_leaves_the_service_ready_and_is_told() {
    let clock = clock();
    let world = World::start(by_hand(&clock), |settings| settings.replace("\"partner-1\"", "\"another\"")).await;
    assert_eq!(world.ready().await.0, 503, "nothing was fetched yet");

    world.valet.refresh_credentials(world.valet.clock.now()).await;

    let (status, body) = world.ready().await;
    assert_eq!((status, &body["status"]), (200, &json!("ready")), "{body}");
    let role = &body["credentials"]["role"];
    assert_eq!((&role["state"], &role["usable"]), (&json!("failing"), &json!(false)), "{body}");
    assert_eq!(role["failing_since"], "2026-11-21T00:00:00Z");
    assert!(role["reason"].as_str().unwrap().starts_with("AssumeRole: STS denied: HTTP 403, NoPermission"), "{body}");
    assert_eq!(body["credentials"].as_object().unwrap().len(), 1, "what is fine is not told: {body}");
    let metrics = world.http.get(format!("{}/metrics", world.ops)).send().await.unwrap().text().await.unwrap();
    for line in [
        "oss_valet_credentials_usable{credentials=\"role\"} 0",
        "oss_valet_credentials_state{credentials=\"role\",state=\"failing\"} 1",
        "oss_valet_credentials_failing_since_timestamp_seconds{credentials=\"role\"} 1795219200",
        "oss_valet_credentials_usable{credentials=\"pod\"} 1",
        "oss_valet_credentials_expiry_timestamp_seconds{credentials=\"pod\"} 1795220100",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    world.bring("pod", "put").await.unwrap();
    let refused = world.issue("role", "put").await.unwrap_err();
    assert!(refused.starts_with("503") && refused.contains("credentials_unavailable"), "{refused}");
    assert!(!refused.contains("NoPermission"), "causes are for operators: {refused}");
}

#[tokio::test]
async fn without_any_credentials_it_is_not_ready_until_they_come() {
    let clock = clock();
    let world = World::start(by_hand(&clock), |settings| settings.replace("\"partner-1\"", "\"another\"")).await;
    world.replace_pod_token(TimeDelta::seconds(-1));
    world.valet.refresh_credentials(world.valet.clock.now()).await;
    let (status, body) = world.ready().await;
    assert_eq!((status, &body["reasons"]), (503, &json!(["no bucket has credentials"])), "{body}");
    assert!(body["credentials"]["pod"]["reason"].as_str().unwrap().contains("AuthenticationFail.OIDCToken.Expired"));

    clock.advance(TimeDelta::minutes(1));
    world.replace_pod_token(TimeDelta::hours(1));
    world.valet.refresh_credentials(world.valet.clock.now()).await;
    assert_eq!(world.ready().await.0, 200);
}

#[tokio::test]
async fn what_expires_while_sts_is_away_is_told_as_expired() {
    let clock = clock();
    let world = World::start(by_hand(&clock), |settings| settings).await;
    world.valet.refresh_credentials(world.valet.clock.now()).await;
    clock.advance(TimeDelta::minutes(61));
    // The pod's token was not replaced: one of the two can't be renewed.
    world.valet.refresh_credentials(world.valet.clock.now()).await;
    let (status, body) = world.ready().await;
    assert_eq!(status, 200);
    let pod = &body["credentials"]["pod"];
    assert_eq!((&pod["state"], &pod["usable"]), (&json!("expired"), &json!(false)), "{body}");
    assert_eq!(pod["expires_at"], "2026-11-21T00:15:00Z");
}

#[tokio::test]
async fn the_background_fetches_without_being_asked_and_callers_share_what_it_fetches() {
    let clock = clock();
    let agent = MockServer::start().await;
    let (asked, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let answer = ResponseTemplate::new(200).set_body_json(issued("1", clock_now(&clock) + TimeDelta::hours(1)));
    let tell = move |_: &wiremock::Request| {
        asked.send(()).unwrap();
        answer.clone()
    };
    Mock::given(any()).respond_with(tell).expect(1).mount(&agent).await;
    let url = agent.uri();
    let plan = Plan { clock: clock.clone(), background: true };
    let world = World::start(plan, move |settings| {
        let sidecar = format!("\n[credentials.sidecar]\nkind = \"uri\"\nurl = \"{url}\"\n");
        settings.replace("credentials = \"role\"", "credentials = \"sidecar\"") + &sidecar
    })
    .await;

    heard.recv().await.unwrap();

    let grant = world.issue("role", "put").await.unwrap();
    assert!(grant["request"]["url"].as_str().unwrap().contains("ticket-of-1"), "{grant}");
    world.stop().await;
}

#[tokio::test]
async fn a_call_that_hangs_does_not_keep_the_service_from_stopping() {
    // Accepts (the backlog does) and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let plan = Plan { clock: clock(), background: true };
    let world = World::start(plan, move |settings| {
        let sidecar = format!("\n[credentials.sidecar]\nkind = \"uri\"\nurl = \"{url}\"\n");
        settings.replace("credentials = \"role\"", "credentials = \"sidecar\"") + &sidecar
    })
    .await;
    // Here is the call; it is not answered.
    let _call = tokio::task::spawn_blocking(move || silent.accept().unwrap()).await.unwrap();
    world.stop().await;
}

fn clock_now(clock: &ManualClock) -> chrono::DateTime<chrono::Utc> {
    use oss_valet::clock::Clock;
    clock.now()
}
