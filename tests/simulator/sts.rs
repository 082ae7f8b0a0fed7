//! Sessions: how they are asked for, and what they may do while they last.

use chrono::TimeDelta;
use oss_valet::{
    oss::{access_key::AccessKey, presign, request::SignatureVersion},
    simulator::{Action, Permissions, RoleSpec, RoleTrust, TrustedKeys},
};

use crate::{
    harness::{BOTH, BUCKET, Form, World, ok, own, owner, refusal, send, text, uploader},
    sts_calls::{
        Case, Changes, ROLE, answer, assume_role, call, key_of, post, rpc_parameters, summary, with_role, world,
    },
};

const NARROW: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:dev-media/u1/*"}]}"#;

/// What came of a put, in the header, in the query and in a form.
async fn puts(world: &World, key: &AccessKey, version: SignatureVersion, name: &str) -> [String; 3] {
    let put = presign::put_object(BUCKET, name, vec![]);
    let form = Form::signed_by(key, world, version, name, vec![], &[]);
    let answers = [
        send(world.signed_by(key, version, put.clone()).body("x")).await,
        send(world.presigned_by(key, version, put).body("x")).await,
        world.post(&form).await,
    ];
    let mut told = Vec::new();
    for answer in answers {
        told.push(if answer.status().is_success() { "ok".to_owned() } else { refusal(answer).await.summary() });
    }
    told.try_into().expect("three")
}

#[tokio::test]
async fn a_session_may_do_what_its_role_and_its_own_policy_allow() {
    let world = world().await;
    let whole = key_of(&call(&world, "n1", assume_role(&[])).await);
    let narrow = key_of(&call(&world, "n2", assume_role(&[("Policy", NARROW)])).await);
    let (ok, denied) = (["ok"; 3], ["403 AccessDenied"; 3]);
    for version in BOTH {
        assert_eq!(puts(&world, &whole, version, "u1/a").await, ok, "{version:?}");
        assert_eq!(puts(&world, &whole, version, "u2/a").await, ok, "{version:?}");
        assert_eq!(puts(&world, &narrow, version, "u1/a").await, ok, "{version:?}");
        assert_eq!(puts(&world, &narrow, version, "u2/a").await, denied, "{version:?} outside of its policy");
        // Its policy allows everything below `u1/`, its role does not.
        let acl = presign::put_object(BUCKET, "u1/a", own(&[("x-oss-object-acl", "private")]));
        let refused = refusal(send(world.signed_by(&narrow, version, acl).body("x")).await).await;
        assert_eq!(refused.summary(), "403 AccessDenied");
    }
}

#[tokio::test]
async fn a_session_is_good_with_its_own_token_and_until_it_expires() {
    let world = world().await;
    let key = key_of(&call(&world, "n1", assume_role(&[("DurationSeconds", "900")])).await);
    let other = key_of(&call(&world, "n2", assume_role(&[])).await);
    let bare = AccessKey::new(key.id(), key.expose_secret());
    let foreign = bare.clone().with_security_token(other.expose_security_token().expect("a token"));
    let static_key = owner().with_security_token(key.expose_security_token().expect("a token"));
    let cases = [
        ("its own token", &key, "ok"),
        ("no token", &bare, "403 InvalidAccessKeyId"),
        ("another session's token", &foreign, "403 InvalidSecurityToken"),
        ("a token with a static key", &static_key, "403 InvalidSecurityToken"),
    ];
    for (description, key, expected) in cases {
        for version in BOTH {
            assert_eq!(puts(&world, key, version, "a").await, [expected; 3], "{description}, {version:?}");
        }
    }
    let get = || presign::get_object(BUCKET, "a");
    let urls = BOTH
        .map(|version| presign::presign(get(), &[], 3600, &world.context(version, &key)).expect("an hour is allowed"));
    world.clock.advance(TimeDelta::seconds(899));
    for url in &urls {
        ok(world.request(url)).await;
    }
    world.clock.advance(TimeDelta::seconds(1));
    for version in BOTH {
        assert_eq!(puts(&world, &key, version, "a").await, ["403 SecurityTokenExpired"; 3], "{version:?}");
    }
    for url in &urls {
        let outlived = refusal(send(world.request(url)).await).await;
        assert_eq!(outlived.summary(), "403 SecurityTokenExpired", "a URL lives no longer than its session");
        assert_eq!(outlived.document.message, "The security token you provided has expired.");
        assert_eq!(outlived.document.ec.as_deref(), Some("0002-00000007"));
    }
    assert_eq!(puts(&world, &other, SignatureVersion::V4, "a").await, ["ok"; 3], "the other session goes on");
}

#[tokio::test]
async fn sessions_survive_a_restart_and_are_forgotten_a_day_after_their_end() {
    let before = world().await;
    let narrow = key_of(&call(&before, "n1", assume_role(&[("Policy", NARROW)])).await);
    let gone = before.sts.issue("uploads", "old", TimeDelta::seconds(1), None).await.expect("a session");
    let folder = before.stop().await;
    assert_eq!(std::fs::read_dir(folder.path().join("sts")).expect("a folder").count(), 2);
    std::fs::write(folder.path().join("sts/STS.half.new"), "left by a kill").expect("written");

    let after = World::in_folder(folder, with_role).await;
    assert_eq!(puts(&after, &narrow, SignatureVersion::V4, "u1/a").await, ["ok"; 3]);
    assert_eq!(puts(&after, &narrow, SignatureVersion::V4, "u2/a").await, ["403 AccessDenied"; 3]);
    let names: Vec<_> = after.sts.sessions().into_iter().map(|info| info.session_name).collect();
    assert_eq!(names, ["old", "alice"]);
    after.clock.advance(TimeDelta::hours(24) + TimeDelta::seconds(2));
    after.sts.issue("uploads", "new", TimeDelta::hours(1), None).await.expect("a session");
    assert_eq!(puts(&after, &gone, SignatureVersion::V4, "a").await, ["403 InvalidAccessKeyId"; 3]);
    assert_eq!(puts(&after, &narrow, SignatureVersion::V4, "u1/a").await, ["403 SecurityTokenExpired"; 3]);
    assert_eq!(std::fs::read_dir(after.folder.path().join("sts")).expect("a folder").count(), 2);
}

#[tokio::test]
async fn a_session_of_a_role_that_is_gone_may_do_nothing() {
    let before = world().await;
    let key = key_of(&call(&before, "n1", assume_role(&[])).await);
    let after = World::in_folder(before.stop().await, |_| ()).await;
    assert_eq!(puts(&after, &key, SignatureVersion::V4, "a").await, ["403 AccessDenied"; 3]);
}

#[tokio::test]
async fn the_answer_says_what_was_given_to_whom() {
    let world = world().await;
    let given = call(&world, "n1", assume_role(&[("SourceIdentity", "Alice")])).await;
    let body = &given.1;
    assert_eq!(body["AssumedRoleUser"]["Arn"], format!("{ROLE}/alice"));
    let id = body["AssumedRoleUser"]["AssumedRoleId"].as_str().expect("an id");
    assert!(
        id.strip_suffix(":alice").is_some_and(|id| id.len() == 18 && id.bytes().all(|b| b.is_ascii_digit())),
        "{id}"
    );
    assert_eq!(body["Credentials"]["Expiration"], "2026-01-01T01:00:00Z");
    assert_eq!(body["SourceIdentity"], "Alice");
    assert_eq!(body["RequestId"].as_str().expect("an id").len(), 36);
    let infos = world.sts.sessions();
    assert_eq!((infos.len(), infos[0].source_identity.as_deref()), (1, Some("Alice")));

    let mut xml = rpc_parameters(&world, &owner(), "n2");
    xml.retain(|(name, _)| name != "Format");
    xml.extend(assume_role(&[]));
    let xml = text(ok(post(&world, xml, &owner())).await).await;
    assert!(
        xml.contains("<AssumeRoleResponse>") && xml.contains("<Expiration>2026-01-01T01:00:00Z</Expiration>"),
        "{xml}"
    );
    let mut refused = rpc_parameters(&world, &owner(), "n3");
    refused.retain(|(name, _)| name != "Format");
    refused.extend(assume_role(&[("RoleSessionName", "")]));
    let refused = text(send(post(&world, refused, &owner())).await).await;
    assert!(refused.contains("<Error>") && refused.contains("<Code>MissingRoleSessionName</Code>"), "{refused}");
}

#[tokio::test]
async fn parameters_are_held_to_their_limits() {
    let world = World::with(|settings| {
        with_role(settings);
        let mut long = RoleSpec::new("long", Permissions::all());
        long.max_session_seconds = 43_200;
        settings.roles.push(long);
    })
    .await;
    let long_role = "acs:ram::1234567890123456:role/long";
    let padded = |length: usize| NARROW.to_owned() + &" ".repeat(length - NARROW.len());
    let (fits, too_long) = (padded(2048), padded(2049));
    let name = |length: usize| "n".repeat(length);
    let (name_64, name_65, id_1225) = (name(64), name(65), name(1225));
    let unknown_operator = NARROW.replace(r#""}]}"#, r#"","Condition":{"Is":{"oss:Prefix":"a"}}}]}"#);
    let cases: [Case<'_>; 28] = [
        ("the shortest duration", &[("DurationSeconds", "900")], "200"),
        ("too short", &[("DurationSeconds", "899")], "400 InvalidParameter.DurationSeconds"),
        ("the role's longest", &[("DurationSeconds", "3600")], "200"),
        ("longer than the role's", &[("DurationSeconds", "3601")], "400 InvalidParameter.DurationSeconds"),
        ("the longest of all", &[("DurationSeconds", "43200"), ("RoleArn", long_role)], "200"),
        ("too long", &[("DurationSeconds", "43201"), ("RoleArn", long_role)], "400 InvalidParameter.DurationSeconds"),
        ("no number", &[("DurationSeconds", "1h")], "400 InvalidParameter.DurationSeconds"),
        ("no role", &[("RoleArn", "")], "400 MissingRoleArn"),
        ("a user's ARN", &[("RoleArn", "acs:ram::1234567890123456:user/a")], "400 InvalidParameter.RoleArn"),
        ("a name alone", &[("RoleArn", "uploads")], "400 InvalidParameter.RoleArn"),
        ("an unknown role", &[("RoleArn", "acs:ram::1234567890123456:role/none")], "404 EntityNotExist.Role"),
        ("another account's role", &[("RoleArn", "acs:ram::1:role/uploads")], "404 EntityNotExist.Role"),
        ("a role in another case", &[("RoleArn", "acs:ram::1234567890123456:role/Uploads")], "200"),
        ("no session name", &[("RoleSessionName", "")], "400 MissingRoleSessionName"),
        ("a short session name", &[("RoleSessionName", "a")], "400 InvalidParameter.RoleSessionName"),
        ("the longest session name", &[("RoleSessionName", &name_64)], "200"),
        ("a long session name", &[("RoleSessionName", &name_65)], "400 InvalidParameter.RoleSessionName"),
        ("a session name with a star", &[("RoleSessionName", "abc*abc")], "400 InvalidParameter.RoleSessionName"),
        ("a session name with all marks", &[("RoleSessionName", "a.b@c-d_e")], "200"),
        ("the longest policy", &[("Policy", &fits)], "200"),
        ("a long policy", &[("Policy", &too_long)], "400 InvalidParameter.PolicySize"),
        ("a policy that is no JSON", &[("Policy", "{")], "400 InvalidParameter.PolicyGrammar"),
        ("a policy without statements", &[("Policy", r#"{"Version":"1"}"#)], "400 InvalidParameter.PolicyGrammar"),
        ("a policy with an unknown operator", &[("Policy", &unknown_operator)], "400 InvalidParameter.PolicyGrammar"),
        ("a short external id", &[("ExternalId", "a")], "400 InvalidParameter.ExternalId"),
        ("a long external id", &[("ExternalId", &id_1225)], "400 InvalidParameter.ExternalId"),
        ("a source identity of RAM's", &[("SourceIdentity", "acs:a")], "400 InvalidParameter.SourceIdentity"),
        ("an external id that nobody asked for", &[("ExternalId", "any/thing")], "200"),
    ];
    for (description, change, expected) in cases {
        let outcome = call(&world, description, assume_role(change)).await;
        let told = if outcome.0 == 200 { "200".to_owned() } else { summary(&outcome) };
        assert_eq!(told, expected, "{description}: {}", outcome.1);
    }
    let told = call(&world, "n", assume_role(&[("DurationSeconds", "1")])).await.1;
    assert_eq!(told["Message"], "The Min/Max value of DurationSeconds is 15min/1hr.");
}

#[tokio::test]
async fn who_may_assume_a_role_is_said_by_key_and_role() {
    let barred = AccessKey::new("LTAI5tBarred", "s");
    let world = World::with(|settings| {
        with_role(settings);
        let policy = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"acs:ram:*:1234567890123456:role/partner"}]}"#;
        let allowed = Permissions::policy(policy).expect("a policy");
        let mut partner = RoleSpec::new("partner", Permissions::of([Action::PutObject]));
        partner.trust = RoleTrust {
            keys: TrustedKeys::Only(vec![owner().id().to_owned(), "LTAI5tPartner".to_owned()]),
            external_id: Some("contract-7".to_owned()),
            ..RoleTrust::default()
        };
        settings.roles.push(partner);
        *settings = settings.clone().with_key(barred.clone(), allowed.clone());
        *settings = settings.clone().with_key(AccessKey::new("LTAI5tPartner", "s"), allowed);
    })
    .await;
    let partner = AccessKey::new("LTAI5tPartner", "s");
    let partner_role = "acs:ram::1234567890123456:role/partner";
    let with_id = [("RoleArn", partner_role), ("ExternalId", "contract-7")];
    let cases: [(&str, AccessKey, Changes<'_>, &str); 7] = [
        ("a key that may all, with the id", owner(), &with_id, "200"),
        ("without the id", owner(), &[("RoleArn", partner_role)], "403 NoPermission"),
        ("with another id", owner(), &[("RoleArn", partner_role), ("ExternalId", "contract-8")], "403 NoPermission"),
        ("a key that may assume just this role", partner.clone(), &with_id, "200"),
        ("the same for another role", partner, &[], "403 NoPermission"),
        ("a key that the role does not trust", barred, &with_id, "403 NoPermission"),
        ("a key that may only upload", uploader(), &[], "403 NoPermission"),
    ];
    for (description, key, change, expected) in cases {
        let mut parameters = rpc_parameters(&world, &key, description);
        parameters.extend(assume_role(change));
        let outcome = answer(post(&world, parameters, &key)).await;
        let told = if outcome.0 == 200 { "200".to_owned() } else { summary(&outcome) };
        assert_eq!(told, expected, "{description}: {}", outcome.1);
    }
}
