//! `ecs_ram_role`: with a token first, without one only where that is allowed.

use std::{net::TcpListener, time::Duration};

use chrono::TimeDelta;
use oss_valet::{
    app::ports::Credentials,
    clock::Clock,
    credentials::{CredentialSource, EcsRamRole, METADATA_URL, Timeouts},
};

use crate::{
    harness::{clock, http, parts, parts_of, refreshing},
    metadata::Metadata,
};

const TOKEN: &str = "PUT /latest/api/token x-aliyun-ecs-metadata-token-ttl-seconds: 21600";
const ASK: &str = "GET /latest/meta-data/ram/security-credentials/";

fn with(token: &str, path: &str) -> String {
    format!("{path} x-aliyun-ecs-metadata-token: {token}")
}

fn role(token: &str) -> String {
    with(token, "GET /latest/meta-data/ram/security-credentials/oss-valet")
}

#[tokio::test]
async fn a_token_is_asked_for_then_the_role_then_its_credential() {
    let clock = clock();
    let metadata = Metadata::start(&clock).await;
    metadata.set(|world| world.refuses_v1 = true);
    let provider = refreshing(metadata.source(None, true), &clock);

    let credential = provider.current(clock.now()).await.unwrap();

    assert_eq!(parts(&credential), parts_of("ecs", clock.now() + TimeDelta::hours(6)));
    assert_eq!(metadata.take().await, [TOKEN.to_owned(), with("pass-1", ASK), role("pass-1")]);
    assert_eq!(METADATA_URL, "http://100.100.100.200");
}

#[tokio::test]
async fn a_role_that_is_given_is_not_asked_for_and_a_token_serves_until_shortly_before_its_end() {
    let clock = clock();
    let metadata = Metadata::start(&clock).await;
    let source = metadata.source(Some("oss-valet"), false);
    source.fetch(clock.now()).await.unwrap();
    assert_eq!(metadata.take().await, [TOKEN.to_owned(), role("pass-1")]);

    clock.advance(TimeDelta::seconds(21_600 - 61));
    source.fetch(clock.now()).await.unwrap();
    assert_eq!(metadata.take().await, [role("pass-1")]);

    clock.advance(TimeDelta::seconds(1));
    source.fetch(clock.now()).await.unwrap();
    assert_eq!(metadata.take().await, [TOKEN.to_owned(), role("pass-2")]);
}

#[tokio::test]
async fn a_token_that_is_no_longer_accepted_is_replaced_at_once() {
    let clock = clock();
    let metadata = Metadata::start(&clock).await;
    let source = metadata.source(Some("oss-valet"), false);
    source.fetch(clock.now()).await.unwrap();
    metadata.take().await;

    metadata.set(|world| world.valid_token = None);
    source.fetch(clock.now()).await.unwrap();

    assert_eq!(metadata.take().await, [role("pass-1"), TOKEN.to_owned(), role("pass-2")]);
}

#[tokio::test]
async fn without_tokens_the_old_way_is_taken_only_where_it_is_allowed() {
    let clock = clock();
    let metadata = Metadata::start(&clock).await;
    metadata.set(|world| world.has_v2 = false);

    let credential = metadata.source(Some("oss-valet"), true).fetch(clock.now()).await.unwrap();
    assert_eq!(credential.key.id(), "STS.ecs");
    assert_eq!(metadata.take().await, [TOKEN.to_owned(), format!("{ASK}oss-valet")]);

    let error = metadata.source(Some("oss-valet"), false).fetch(clock.now()).await.unwrap_err().to_string();
    assert!(error.contains("metadata service: it answered HTTP 404"), "{error}");
    assert_eq!(metadata.take().await, [TOKEN], "nothing is asked without a token");
}

#[tokio::test]
async fn what_is_no_role_and_no_success_is_told() {
    let clock = clock();
    let metadata = Metadata::start(&clock).await;
    let told =
        async |role: Option<&str>| metadata.source(role, false).fetch(clock.now()).await.unwrap_err().to_string();
    assert!(told(Some("another")).await.contains("HTTP 404"), "another role than the instance's");
    metadata.set(|world| world.code = "Failed");
    assert!(told(Some("oss-valet")).await.contains("the code Failed"));
    metadata.set(|world| world.role = Some("../../user-data"));
    assert!(told(None).await.contains("it names no role"));
    metadata.set(|world| world.role = None);
    assert!(told(None).await.contains("HTTP 404"), "no role is attached");
    metadata.set(|world| world.refuses_v1 = true);
    metadata.set(|world| world.has_v2 = false);
    let both = metadata.source(None, true).fetch(clock.now()).await.unwrap_err().to_string();
    assert!(both.contains("HTTP 403"), "{both}");
}

#[tokio::test]
async fn a_metadata_service_that_is_not_there_costs_little_time() {
    assert_eq!((Timeouts::METADATA.connect, Timeouts::METADATA.read), (Duration::from_secs(1), Duration::from_secs(1)));
    let clock = clock();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let timeouts = Timeouts { connect: Duration::from_millis(50), read: Duration::from_millis(50) };
    let source = EcsRamRole::new(&url, None, true, http(timeouts));
    let error = source.fetch(clock.now()).await.unwrap_err().to_string();
    assert!(error.contains("no answer in time") && !error.contains(&url), "{error}");
}
