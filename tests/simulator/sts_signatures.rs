//! Which calls STS believes: signatures, times, nonces, tokens, hosts.

use chrono::TimeDelta;
use oss_valet::{
    oss::{access_key::AccessKey, sign_acs3},
    simulator::{Permissions, RoleSpec},
};

use crate::{
    harness::{BUCKET, World, owner, refusal, send, text},
    sts_calls::{
        Acs3, Case, answer, assume_role, call, key_of, post, rpc_parameters, summary, unsigned, with_role, world,
    },
};

#[tokio::test]
async fn an_rpc_call_must_be_signed_fresh_and_whole() {
    let world = world().await;
    let timestamp = |delta: TimeDelta| (world.now() + delta).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let (early, late) = (timestamp(TimeDelta::minutes(-15)), timestamp(TimeDelta::minutes(15)));
    let (too_early, too_late) = (timestamp(TimeDelta::seconds(-901)), timestamp(TimeDelta::seconds(901)));
    let cases: [Case<'_>; 19] = [
        ("as it should be", &[], "200"),
        ("at the edge of the past", &[("Timestamp", &early)], "200"),
        ("at the edge of the future", &[("Timestamp", &late)], "200"),
        ("too old", &[("Timestamp", &too_early)], "400 InvalidTimeStamp.Expired"),
        ("too new", &[("Timestamp", &too_late)], "400 InvalidTimeStamp.Expired"),
        ("no time", &[("Timestamp", "noon")], "400 InvalidTimeStamp.Format"),
        ("no timestamp", &[("Timestamp", "")], "400 MissingTimestamp"),
        ("no nonce", &[("SignatureNonce", "")], "400 MissingSignatureNonce"),
        ("no key", &[("AccessKeyId", "")], "400 MissingAccessKeyId"),
        ("an unknown key", &[("AccessKeyId", "LTAI5tNobody")], "404 InvalidAccessKeyId.NotFound"),
        ("another key's id", &[("AccessKeyId", "LTAI5tUploader")], "400 SignatureDoesNotMatch"),
        ("another method", &[("SignatureMethod", "HMAC-MD5")], "400 InvalidSignatureMethod"),
        ("no method", &[("SignatureMethod", "")], "400 MissingSignatureMethod"),
        ("another version of it", &[("SignatureVersion", "2.0")], "400 InvalidSignatureVersion"),
        ("no version of it", &[("SignatureVersion", "")], "400 MissingSignatureVersion"),
        ("another version", &[("Version", "2014-05-26")], "400 InvalidVersion"),
        ("no version", &[("Version", "")], "400 MissingVersion"),
        ("another action", &[("Action", "GetFederationToken")], "404 InvalidAction.NotFound"),
        ("a session's id without its token", &[("AccessKeyId", "STS.Session")], "400 MissingSecurityToken"),
    ];
    for (description, change, expected) in cases {
        let mut parameters = rpc_parameters(&world, &owner(), description);
        parameters.extend(assume_role(&[]));
        for (name, value) in change {
            parameters.retain(|(known, _)| known != name);
            parameters.extend((!value.is_empty()).then(|| ((*name).to_owned(), (*value).to_owned())));
        }
        let outcome = answer(post(&world, parameters, &owner())).await;
        let told = if outcome.0 == 200 { "200".to_owned() } else { summary(&outcome) };
        assert_eq!(told, expected, "{description}: {}", outcome.1);
    }
    let mut parameters = rpc_parameters(&world, &owner(), "unsigned");
    parameters.extend(assume_role(&[]));
    assert_eq!(summary(&answer(unsigned(&world, &parameters)).await), "400 MissingSignature");
    let impostor = AccessKey::new(owner().id(), "another secret");
    let refused = answer(post(&world, parameters.clone(), &impostor)).await;
    assert_eq!(summary(&refused), "400 SignatureDoesNotMatch");
    assert!(refused.1["Message"].as_str().expect("words").contains("POST&%2F&AccessKeyId%3D"), "{}", refused.1);
    assert!(refused.1["Recommend"].is_string() && refused.1["HostId"].is_string());
}

#[tokio::test]
async fn a_nonce_is_used_once_and_only_by_a_true_signature() {
    let world = world().await;
    let mut parameters = rpc_parameters(&world, &owner(), "once");
    parameters.extend(assume_role(&[]));
    let impostor = AccessKey::new(owner().id(), "another secret");
    assert_eq!(summary(&answer(post(&world, parameters.clone(), &impostor)).await), "400 SignatureDoesNotMatch");
    assert_eq!(answer(post(&world, parameters.clone(), &owner())).await.0, 200);
    let replayed = answer(post(&world, parameters.clone(), &owner())).await;
    assert_eq!(summary(&replayed), "400 SignatureNonceUsed");
    world.clock.advance(TimeDelta::minutes(15));
    assert_eq!(
        summary(&answer(post(&world, parameters, &owner())).await),
        "400 SignatureNonceUsed",
        "for as long as it could pass"
    );
    assert_eq!(call(&world, "twice", assume_role(&[])).await.0, 200);
}

#[tokio::test]
async fn sessions_may_call_with_their_token_while_they_last() {
    let world = World::with(|settings| {
        with_role(settings);
        settings.roles.push(RoleSpec::new("chain", Permissions::all()));
    })
    .await;
    let key = world.sts.issue("chain", "first", TimeDelta::minutes(10), None).await.expect("a session");
    let asked = async |key: &AccessKey, nonce: &str| {
        let mut parameters = rpc_parameters(&world, key, nonce);
        parameters.extend(assume_role(&[]));
        answer(post(&world, parameters, key)).await
    };
    let second = asked(&key, "n1").await;
    assert!(key_of(&second).id().starts_with("STS."));
    let foreign = AccessKey::new(key.id(), key.expose_secret()).with_security_token("other");
    assert_eq!(summary(&asked(&foreign, "n2").await), "400 InvalidSecurityToken.MismatchWithAccessKey");
    world.clock.advance(TimeDelta::minutes(10));
    assert_eq!(summary(&asked(&key, "n3").await), "400 InvalidSecurityToken.Expired");
}

#[tokio::test]
async fn an_acs3_call_must_be_signed_fresh_and_whole() {
    let world = world().await;
    let all = |acs3: &Acs3| sign_acs3::mandatory_headers(&acs3.headers);
    let good = Acs3::new(&world, "n1");
    let given = answer(good.request(&world, &owner(), &all(&good))).await;
    assert!(key_of(&given).id().starts_with("STS."));
    assert_eq!(summary(&answer(good.request(&world, &owner(), &all(&good))).await), "400 SignatureNonceUsed");

    let set = |acs3: &mut Acs3, name: &str, value: &str| {
        acs3.headers.retain(|(known, _)| known != name);
        acs3.headers.push((name.to_owned(), value.to_owned()));
    };
    let old = (world.now() - TimeDelta::seconds(901)).to_rfc3339();
    let mut stale = Acs3::new(&world, "n2");
    set(&mut stale, "x-acs-date", &old);
    assert_eq!(summary(&answer(stale.request(&world, &owner(), &all(&stale))).await), "400 InvalidTimeStamp.Expired");

    let fresh = Acs3::new(&world, "n3");
    for left_out in ["host", "x-acs-date", "x-acs-action", "x-acs-signature-nonce"] {
        let signed: Vec<_> = all(&fresh).into_iter().filter(|name| name != left_out).collect();
        let refused = answer(fresh.request(&world, &owner(), &signed)).await;
        assert_eq!(summary(&refused), "400 SignatureDoesNotMatch", "{left_out} is not signed");
    }
    let mut other_body = Acs3::new(&world, "n4");
    set(&mut other_body, "content-type", "application/x-www-form-urlencoded");
    other_body.body = "DurationSeconds=900".to_owned();
    let refused = answer(other_body.request(&world, &owner(), &all(&other_body))).await;
    assert_eq!(summary(&refused), "400 SignatureDoesNotMatch", "the body is not the one that was hashed");
    let impostor = AccessKey::new(owner().id(), "another secret");
    assert_eq!(summary(&answer(fresh.request(&world, &impostor, &all(&fresh))).await), "400 SignatureDoesNotMatch");
    let mut unreadable = Acs3::new(&world, "n5");
    set(&mut unreadable, "authorization", "ACS3-HMAC-SHA256 Credential=x");
    let sent = unreadable.headers.iter().filter(|(name, _)| name != "host");
    let request = sent.fold(world.client.post(format!("{}/?Format=JSON", world.url)), |all, (n, v)| all.header(n, v));
    assert_eq!(summary(&answer(request).await), "400 InvalidAuthorization");
}

#[tokio::test]
async fn calls_beyond_the_limit_of_a_second_are_throttled() {
    let world = World::with(|settings| {
        with_role(settings);
        settings.sts_calls_per_second = Some(2);
    })
    .await;
    for nonce in ["n1", "n2"] {
        assert_eq!(call(&world, nonce, assume_role(&[])).await.0, 200);
    }
    assert_eq!(summary(&call(&world, "n3", assume_role(&[])).await), "400 Throttling.User");
    world.clock.advance(TimeDelta::seconds(1));
    assert_eq!(call(&world, "n4", assume_role(&[])).await.0, 200);
}

#[tokio::test]
async fn sts_answers_at_its_own_hosts_and_nowhere_else() {
    let world = world().await;
    for host in ["sts.aliyuncs.com", "sts.cn-hangzhou.aliyuncs.com:443", "STS-VPC.cn-hangzhou.aliyuncs.com"] {
        let get = world.client.get(format!("{}/", world.url)).header("host", host);
        assert!(text(send(get).await).await.contains("<Code>MissingAction</Code>"), "{host}");
    }
    let in_query = world.client.get(format!("{}/?Action=AssumeRole&Version=2015-04-01&Format=JSON", world.url));
    assert_eq!(summary(&answer(in_query).await), "400 MissingAccessKeyId");
    let deleted = world.client.delete(format!("{}/?Action=AssumeRole&Format=JSON", world.url));
    assert_eq!(summary(&answer(deleted).await), "405 UnsupportedHTTPMethod");
    let body = world.client.post(format!("{}/?Format=JSON", world.url)).header("content-type", "text/plain").body("x");
    assert_eq!(summary(&answer(body).await), "400 InvalidParameter.ContentType");
    let long = world.client.post(format!("{}/?Format=JSON", world.url)).body("x".repeat(200 * 1024));
    assert_eq!(send(long).await.status(), 413);
    let to_a_bucket = world.client.get(format!("{}/{BUCKET}/a?Action=AssumeRole", world.url));
    assert_eq!(refusal(send(to_a_bucket).await).await.summary(), "403 AccessDenied", "OSS, not STS");
}
