//! The piece that STS grants stand on: temporary credentials, narrowed.

use std::sync::Arc;

use chrono::TimeDelta;
use oss_valet::{
    app::ports::{Session, TokenError, TokenService},
    clock::Clock,
};

use crate::{
    assume_role,
    harness::{Given, clock},
    oidc,
    sts::{ROLE, Sts, refusal},
};

fn session() -> Session {
    Session {
        name: "u-7".to_owned(),
        policy: r#"{"Version":"1","Statement":[]}"#.to_owned(),
        duration: TimeDelta::minutes(20),
    }
}

#[tokio::test]
async fn sessions_are_of_the_same_role_under_their_own_name_policy_and_life() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "jwt.of.the.pod").unwrap();
    let services: [Arc<dyn TokenService>; 2] =
        [Arc::new(assume_role::source(&sts)), Arc::new(oidc::source(&sts, &token))];
    for service in services {
        let credential = service.issue(&session(), clock.now()).await.unwrap();
        assert_eq!(credential.expires_at, Some(clock.now() + TimeDelta::minutes(20)));
        assert!(credential.key.expose_security_token().is_some());
    }
    for request in sts.received().await {
        let form = crate::sts::read(&request).unwrap().form;
        assert_eq!((form["RoleArn"].as_str(), form["RoleSessionName"].as_str()), (ROLE, "u-7"));
        assert_eq!((form["Policy"].as_str(), form["DurationSeconds"].as_str()), (session().policy.as_str(), "1200"));
    }
}

#[tokio::test]
async fn each_asking_is_a_call_and_throttling_is_told() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let service = assume_role::source(&sts);
    let one = service.issue(&session(), clock.now()).await.unwrap();
    let other = service.issue(&session(), clock.now()).await.unwrap();
    assert_ne!(one.key.id(), other.key.id(), "never shared");
    sts.set_outage(Some(refusal(400, "Throttling.User")));
    assert!(matches!(service.issue(&session(), clock.now()).await, Err(TokenError::Throttled(_))));
}

#[tokio::test]
async fn without_a_caller_of_its_own_nothing_is_asked() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let mut service = assume_role::source(&sts);
    service.caller = Given::new(None);
    assert!(matches!(service.issue(&session(), clock.now()).await, Err(TokenError::NoCredentials(_))));
    assert!(sts.received().await.is_empty());
}

#[tokio::test]
async fn a_role_is_known_to_allow_what_our_own_sessions_last_and_an_hour_at_least() {
    let sts = Sts::start(&clock()).await;
    for (own, longest) in [(15, 60), (60, 60), (120, 120)] {
        let mut service = assume_role::source(&sts);
        service.request.duration = TimeDelta::minutes(own);
        assert_eq!(TokenService::longest(&service), TimeDelta::minutes(longest));
        service.admit(clock().now()).expect("it has no limit of its own");
    }
}
