//! `assume_role`: what is sent, byte by byte, and what becomes of the answers.

use std::{collections::BTreeMap, net::TcpListener, sync::Arc, time::Duration};

use chrono::TimeDelta;
use oss_valet::{
    app::ports::{CredentialState, Credentials, TokenError},
    clock::{Clock, ManualClock},
    credentials::{AssumeRole, AssumeRoleRequest, Part, StaticCredentials, StsClient, Timeouts},
    oss::{access_key::AccessKey, sts::parse_endpoint},
};
use wiremock::ResponseTemplate;

use crate::{
    harness::{clock, entropy, http, issued, parts, parts_of, refreshing},
    sts::{ROLE, Sts, USER, refusal},
};

pub(crate) fn request() -> AssumeRoleRequest {
    AssumeRoleRequest {
        role_arn: ROLE.to_owned(),
        session_name: "oss-valet@c1".to_owned(),
        duration: TimeDelta::minutes(15),
        external_id: None,
        policy: None,
    }
}

pub(crate) fn user() -> Arc<dyn Credentials> {
    let part = |text: &str| Part::Inline(text.into());
    Arc::new(StaticCredentials::new(part(USER[0]), part(USER[1]), None))
}

pub(crate) fn source(sts: &Sts) -> AssumeRole {
    AssumeRole { sts: sts.client(), caller: user(), request: request() }
}

/// Whether an error is of the kind that is due.
type Kind = fn(&TokenError) -> bool;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn the_request_is_the_documented_one_and_nothing_more() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let policy = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject"],"Resource":["acs:oss:*:*:b/ü ~+*"]}]}"#;
    let request =
        AssumeRoleRequest { external_id: Some("partner/1".to_owned()), policy: Some(policy.to_owned()), ..request() };
    let provider = refreshing(AssumeRole { request, ..source(&sts) }, &clock);

    let credential = provider.current(clock.now()).await.unwrap();

    assert_eq!(parts(&credential), parts_of("1", clock.now() + TimeDelta::minutes(15)));
    let (request, sent) = sts.only().await;
    let mut query = sent.query;
    let [nonce, signature] = ["SignatureNonce", "Signature"].map(|name| query.remove(name).unwrap());
    assert_eq!((nonce.len(), signature.len()), (32, 28), "the stand-in has recomputed the signature");
    let expected = map(&[
        ("AccessKeyId", USER[0]),
        ("Action", "AssumeRole"),
        ("Format", "JSON"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("Timestamp", "2026-11-21T00:00:00Z"),
        ("Version", "2015-04-01"),
    ]);
    assert_eq!(query, expected);
    let expected = map(&[
        ("DurationSeconds", "900"),
        ("ExternalId", "partner/1"),
        ("Policy", policy),
        ("RoleArn", ROLE),
        ("RoleSessionName", "oss-valet@c1"),
    ]);
    assert_eq!(sent.form, expected);
    // A blank as %20 and never as +: what a signature is made over.
    assert!(sent.raw.contains("%C3%BC%20~%2B%2A") && !sent.raw.contains('+'), "{}", sent.raw);
    let mut headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.retain(|(name, _)| !["host", "user-agent", "accept", "content-length"].contains(name));
    headers.sort_unstable();
    assert_eq!(headers, [("accept-encoding", "identity"), ("content-type", "application/x-www-form-urlencoded")]);
}

#[tokio::test]
async fn optional_parameters_leave_no_trace_and_nonces_do_not_repeat() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let client = sts.client();
    let user = AccessKey::new(USER[0], USER[1]);
    for _ in 0..20 {
        client.assume_role(&user, &request(), clock.now()).await.unwrap();
    }
    let first = crate::sts::read(&sts.received().await[0]).unwrap();
    let names: Vec<_> = first.form.keys().map(String::as_str).collect();
    assert_eq!(names, ["DurationSeconds", "RoleArn", "RoleSessionName"]);
    assert!(!first.query.contains_key("SecurityToken"));
}

#[tokio::test]
async fn a_role_may_stand_on_another_role() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let first = refreshing(source(&sts), &clock);
    let second = refreshing(AssumeRole { caller: first, ..source(&sts) }, &clock);

    let credential = second.current(clock.now()).await.unwrap();

    assert_eq!(credential.key.id(), "STS.2");
    let last = crate::sts::read(&sts.received().await[1]).unwrap();
    assert_eq!(last.query["AccessKeyId"], "STS.1");
    assert_eq!(last.query["SecurityToken"], "ticket-of-1", "and it is part of what the stand-in has verified");
}

#[tokio::test]
async fn the_source_is_renewed_before_what_stands_on_it() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let first = refreshing(source(&sts), &clock);
    let second = refreshing(AssumeRole { caller: first.clone(), ..source(&sts) }, &clock);
    second.refresh_due(clock.now()).await;
    assert_eq!(sts.issued(), 2);

    clock.advance(TimeDelta::minutes(12));
    second.refresh_due(clock.now()).await;

    assert_eq!(sts.issued(), 4);
    let keys: Vec<String> = sts
        .received()
        .await
        .iter()
        .map(|request| crate::sts::read(request).unwrap().query["AccessKeyId"].clone())
        .collect();
    assert_eq!(keys, [USER[0], "STS.1", USER[0], "STS.3"]);
}

#[tokio::test]
async fn refusals_are_told_apart_by_what_is_to_be_done_about_them() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let cases: [(u16, &str, Kind); 17] = [
        (400, "Throttling", |e| matches!(e, TokenError::Throttled(_))),
        (400, "Throttling.User", |e| matches!(e, TokenError::Throttled(_))),
        (503, "Throttling.Api", |e| matches!(e, TokenError::Throttled(_))),
        (429, "TooManyRequests", |e| matches!(e, TokenError::Throttled(_))),
        (403, "NoPermission", |e| matches!(e, TokenError::Denied(_))),
        (404, "EntityNotExist.Role", |e| matches!(e, TokenError::Denied(_))),
        (404, "InvalidAccessKeyId.NotFound", |e| matches!(e, TokenError::Denied(_))),
        (400, "InvalidSecurityToken.Expired", |e| matches!(e, TokenError::Denied(_))),
        (400, "SignatureDoesNotMatch", |e| matches!(e, TokenError::Denied(_))),
        (401, "AuthenticationFail.OIDCToken.Expired", |e| matches!(e, TokenError::Denied(_))),
        (400, "InvalidParameter.PolicyGrammar", |e| matches!(e, TokenError::Invalid(_))),
        (400, "InvalidParameter.DurationSeconds", |e| matches!(e, TokenError::Invalid(_))),
        (400, "MissingRoleArn", |e| matches!(e, TokenError::Invalid(_))),
        (400, "SignatureNonceUsed", |e| matches!(e, TokenError::Unavailable(_))),
        (500, "InternalError", |e| matches!(e, TokenError::Unavailable(_))),
        (503, "ServiceUnavailable", |e| matches!(e, TokenError::Unavailable(_))),
        (404, "", |e| matches!(e, TokenError::Unavailable(_))),
    ];
    for (status, code, fits) in cases {
        sts.set_outage(Some(refusal(status, code)));
        let error =
            sts.client().assume_role(&AccessKey::new(USER[0], USER[1]), &request(), clock.now()).await.unwrap_err();
        assert!(fits(&error), "{status} {code}: {error:?}");
        let told = error.to_string();
        assert!(told.contains(code) && told.contains(&status.to_string()), "{told}");
        assert!(told.contains("4E8A57F1-8A5F-4C1B-9C55-1C7F2B6D3A10"), "what Alibaba Cloud's support asks for: {told}");
        for secret in ["sesame", "ticket", "jwt"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[tokio::test]
async fn what_the_real_one_refuses_is_refused() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let user = AccessKey::new(USER[0], USER[1]);
    let wrong = |change: fn(&mut AssumeRoleRequest)| {
        let mut request = request();
        change(&mut request);
        request
    };
    let cases = [
        ("another's secret", AccessKey::new(USER[0], "guessed"), request(), "SignatureDoesNotMatch"),
        ("an unknown key", AccessKey::new("LTAInobody", USER[1]), request(), "InvalidAccessKeyId.NotFound"),
        ("a token of nobody's", user.clone().with_security_token("x"), request(), "InvalidSecurityToken"),
        ("another role", user.clone(), wrong(|r| r.role_arn.push('2')), "EntityNotExist.Role"),
        (
            "too short",
            user.clone(),
            wrong(|r| r.duration = TimeDelta::seconds(899)),
            "InvalidParameter.DurationSeconds",
        ),
        ("a name", user.clone(), wrong(|r| r.session_name = "a b".to_owned()), "InvalidParameter.RoleSessionName"),
        ("no policy", user.clone(), wrong(|r| r.policy = Some("allow".to_owned())), "InvalidParameter.PolicyGrammar"),
    ];
    for (description, key, request, code) in cases {
        let error = sts.client().assume_role(&key, &request, clock.now()).await.unwrap_err();
        assert!(error.to_string().contains(code), "{description}: {error}");
    }
    let late = sts.client().assume_role(&user, &request(), clock.now() - TimeDelta::minutes(16)).await.unwrap_err();
    assert!(late.to_string().contains("InvalidTimeStamp.Expired"), "{late}");
}

#[tokio::test]
async fn a_policy_that_is_too_long_is_not_even_sent() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let request = AssumeRoleRequest { policy: Some(format!("{{{}}}", "x".repeat(2047))), ..request() };
    let error = sts.client().assume_role(&AccessKey::new(USER[0], USER[1]), &request, clock.now()).await.unwrap_err();
    assert!(matches!(error, TokenError::Invalid(_)), "{error:?}");
    assert!(sts.received().await.is_empty());
}

#[tokio::test]
async fn answers_that_are_no_credentials_are_no_credentials() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let later = clock.now() + TimeDelta::hours(1);
    let without = |name: &str| {
        let mut credentials = issued("1", later);
        credentials.as_object_mut().unwrap().remove(name);
        ResponseTemplate::new(200).set_body_json(serde_json::json!({"Credentials": credentials}))
    };
    let mut undated = issued("1", later);
    undated["Expiration"] = "tomorrow".into();
    let cases = [
        ("no id", without("AccessKeyId")),
        ("no secret", without("AccessKeySecret")),
        ("no token", without("SecurityToken")),
        ("no end", without("Expiration")),
        ("no date", ResponseTemplate::new(200).set_body_json(serde_json::json!({"Credentials": undated}))),
        ("nothing", ResponseTemplate::new(200).set_body_json(serde_json::json!({"RequestId": "x"}))),
        ("a page", ResponseTemplate::new(200).set_body_string("<html>sesame</html>")),
        ("too much", ResponseTemplate::new(200).set_body_string("x".repeat(70_000))),
        ("elsewhere", ResponseTemplate::new(302).insert_header("location", format!("{}/?x", sts.url()))),
    ];
    for (description, answer) in cases {
        sts.set_outage(Some(answer));
        let before = sts.received().await.len();
        let error =
            sts.client().assume_role(&AccessKey::new(USER[0], USER[1]), &request(), clock.now()).await.unwrap_err();
        assert!(matches!(error, TokenError::Unavailable(_)), "{description}: {error:?}");
        assert!(!error.to_string().contains("sesame"), "{description}: {error}");
        assert_eq!(sts.received().await.len(), before + 1, "{description}: nothing is followed");
    }
}

#[tokio::test]
async fn a_credential_that_has_expired_on_arrival_is_not_handed_out() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let provider = refreshing(source(&sts), &clock);
    let gone = serde_json::json!({"Credentials": issued("0", clock.now())});
    sts.set_outage(Some(ResponseTemplate::new(200).set_body_json(gone)));
    let error = provider.current(clock.now()).await.unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
    assert_eq!(provider.status(clock.now()).await.state, CredentialState::Failing);
}

#[tokio::test]
async fn an_sts_that_keeps_silent_or_is_not_there_is_unavailable_in_time() {
    assert_eq!((Timeouts::STS.connect, Timeouts::STS.read), (Duration::from_secs(5), Duration::from_secs(10)));
    let now = ManualClock::at("2026-11-21T00:00:00Z".parse().unwrap()).now();
    // Accepts (the backlog does) and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let timeouts = Timeouts { connect: Duration::from_millis(50), read: Duration::from_millis(50) };
    let client = StsClient::new(parse_endpoint(&format!("http://{address}")).unwrap(), http(timeouts), entropy());
    let user = AccessKey::new(USER[0], USER[1]);
    let error = client.assume_role(&user, &request(), now).await.unwrap_err();
    assert_eq!(error, TokenError::Unavailable("no answer in time".to_owned()));
    drop(silent);
    let error = client.assume_role(&user, &request(), now).await.unwrap_err().to_string();
    assert!(error.contains("no connection") && !error.contains(&address.to_string()), "{error}");
}
