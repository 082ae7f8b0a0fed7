//! What policies let a key or a session do, asked over HTTP: with every version, in header, query and form.

use oss_valet::{
    oss::{
        access_key::AccessKey,
        presign,
        request::{SignableRequest, SignatureVersion},
    },
    simulator::{Action, Permissions, RoleSpec},
};

use crate::harness::{BOTH, BUCKET, Form, Refusal, VERSIONED, World, header, ok, own, refusal, send};

fn limited() -> AccessKey {
    AccessKey::new("LTAI5tLimited", "limited-secret")
}

/// A world in which [`limited`] has this policy.
async fn world_with(policy: &str) -> World {
    let permissions = Permissions::policy(policy).expect("a policy");
    let world = World::with(|settings| *settings = settings.clone().with_key(limited(), permissions)).await;
    for key in ["up/there", "secret/there", "other"] {
        world.store(key, "x").await;
    }
    world
}

/// `200` or `403 AccessDenied 0003-00000001`.
async fn outcome(world: &World, version: SignatureVersion, request: &SignableRequest) -> String {
    let in_header = told(send(world.signed_by(&limited(), version, request.clone()).body("x")).await).await;
    let in_query = told(send(world.presigned_by(&limited(), version, request.clone()).body("x")).await).await;
    assert_eq!(in_header, in_query, "header and query");
    in_header
}

async fn told(response: reqwest::Response) -> String {
    if response.status().is_success() {
        return response.status().as_u16().to_string();
    }
    let refused = refusal(response).await;
    format!("{} {}", refused.summary(), refused.document.ec.unwrap_or_default())
}

#[tokio::test]
async fn each_operation_is_judged_by_action_and_resource() {
    let world = world_with(
        r#"{"Version":"1","Statement":[
            {"Effect":"Allow","Action":["oss:PutObject","oss:GetObject"],"Resource":["acs:oss:*:*:dev-media/up/*","acs:oss:*:*:dev-media/secret/*"]},
            {"Effect":"Allow","Action":"oss:DeleteObject","Resource":"acs:oss:*:*:dev-media/up/there?"},
            {"Effect":"Allow","Action":"oss:GetObject","Resource":"acs:oss:*:*:dev-media/other"},
            {"Effect":"Deny","Action":"oss:Put*","Resource":"acs:oss:*:*:*/secret/*"}]}"#,
    )
    .await;
    let put = |key: &str| presign::put_object(BUCKET, key, vec![]);
    let get = |key: &str| presign::get_object(BUCKET, key);
    let delete = |key: &str| SignableRequest::object("DELETE", BUCKET, key);
    let with_acl = presign::put_object(BUCKET, "up/a", own(&[("x-oss-object-acl", "private")]));
    let implicit = "403 AccessDenied 0003-00000001";
    let explicit = "403 AccessDenied 0003-00000201";
    let cases = [
        ("an upload below its prefix", put("up/a"), "200"),
        ("an upload beside its prefix", put("upper/a"), implicit),
        ("an upload to a denied place", put("secret/a"), explicit),
        ("an ACL", with_acl, implicit),
        ("reading", get("up/there"), "200"),
        ("reading where only writing is denied", get("secret/there"), "200"),
        ("reading exactly this key", get("other"), "200"),
        ("reading a longer key", get("other2"), implicit),
        ("a HEAD, which is a GET", presign::head_object(BUCKET, "other"), "200"),
        ("deleting a key one character longer", delete("up/there1"), "204"),
        ("deleting another key", delete("up/there"), implicit),
        ("another bucket", presign::put_object(VERSIONED, "up/a", vec![]), implicit),
        ("beginning a multipart upload", presign::initiate_multipart_upload(BUCKET, "up/m", vec![]), "200"),
        ("beginning one elsewhere", presign::initiate_multipart_upload(BUCKET, "m", vec![]), implicit),
    ];
    for (description, request, expected) in cases {
        for version in BOTH {
            // The versioned bucket is elsewhere; V4 would be refused for its region first.
            if request.bucket.as_deref() == Some(VERSIONED) && version == SignatureVersion::V4 {
                continue;
            }
            assert_eq!(outcome(&world, version, &request).await, expected, "{description}, {version:?}");
        }
    }
    for version in BOTH {
        let mut form = Form::signed_by(&limited(), &world, version, "up/form", vec![], &[]);
        form.set("success_action_status", "200");
        assert_eq!(told(world.post(&form).await).await, "200");
        for (key, expected) in [("form", implicit), ("secret/form", explicit)] {
            let form = Form::signed_by(&limited(), &world, version, key, vec![], &[]);
            assert_eq!(told(world.post(&form).await).await, expected, "{version:?} {key}");
        }
        let acl = Form::signed_by(&limited(), &world, version, "up/f", vec![], &[("x-oss-object-acl", "private")]);
        assert_eq!(told(world.post(&acl).await).await, implicit, "an ACL in a form");
        // The key that counts is the one that the file's name has completed.
        let expanded = Form::signed_by(&limited(), &world, version, "${filename}", vec![], &[]);
        let expanded = expanded.file("secret/x", Some("text/plain"), b"x");
        assert_eq!(told(world.post(&expanded).await).await, explicit);
    }
}

#[tokio::test]
async fn a_named_version_needs_a_permission_of_its_own() {
    let reader = AccessKey::new("LTAI5tReader", "s");
    let historian = AccessKey::new("LTAI5tHistorian", "s");
    let world = World::with(|settings| {
        let plain = Permissions::of([Action::GetObject, Action::DeleteObject]);
        let both = [Action::GetObjectVersion, Action::DeleteObjectVersion];
        let more = plain.clone().and(&Permissions::of(both));
        *settings = settings.clone().with_key(reader.clone(), plain).with_key(historian.clone(), more);
    })
    .await;
    let put = presign::put_object(VERSIONED, "a", vec![]);
    let version = header(&ok(world.signed(SignatureVersion::V1, put).body("x")).await, "x-oss-version-id");
    let version = version.expect("a version");
    for (method, success) in [("GET", "200"), ("DELETE", "204")] {
        let mut named = SignableRequest::object(method, VERSIONED, "a");
        named.query.push(("versionId".to_owned(), version.clone()));
        let asked = |key| world.signed_by(key, SignatureVersion::V1, named.clone());
        let refused = refusal(send(asked(&reader)).await).await;
        assert_eq!(detail(&refused, "AuthAction"), format!("oss:{}ObjectVersion", title(method)));
        assert_eq!(told(send(asked(&historian)).await).await, success, "{method}");
    }
}

fn title(method: &str) -> &str {
    if method == "GET" { "Get" } else { "Delete" }
}

fn detail(refused: &Refusal, name: &str) -> String {
    let found = refused.document.access_denied.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_denial_says_who_may_not_do_what_by_which_policy() {
    let world = World::with(|settings| {
        let role = RoleSpec::new("uploads", Permissions::of([Action::PutObject]));
        *settings = settings.clone().with_role(role).with_key(limited(), Permissions::all().without(Action::GetObject));
    })
    .await;
    let narrow =
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:dev-media/u1/*"}]}"#;
    let hour = chrono::TimeDelta::hours(1);
    let session = world.sts.issue("uploads", "alice", hour, Some(narrow)).await.expect("a session");
    let put = |key: &str| presign::put_object(BUCKET, key, vec![]);
    let cases = [
        (
            limited(),
            presign::get_object(BUCKET, "a"),
            ["AccountLevelIdentityBasedPolicy", "SubUser", "LTAI5tLimited", "ExplicitDeny", "oss:GetObject"],
            "Access denied by bucket policy.",
        ),
        (
            session.clone(),
            presign::get_object(BUCKET, "u1/a"),
            ["AccountLevelIdentityBasedPolicy", "AssumedRoleUser", "uploads:alice", "ImplicitDeny", "oss:GetObject"],
            "You have no right to access this object because of bucket acl.",
        ),
        (
            session.clone(),
            put("u2/a"),
            ["SessionPolicy", "AssumedRoleUser", "uploads:alice", "ImplicitDeny", "oss:PutObject"],
            "Access denied by authorizer's policy.",
        ),
    ];
    for (key, request, expected, message) in cases {
        let refused = refusal(send(world.signed_by(&key, SignatureVersion::V4, request).body("x")).await).await;
        let names = ["PolicyType", "AuthPrincipalType", "AuthPrincipalDisplayName", "NoPermissionType", "AuthAction"];
        assert_eq!(names.map(|name| detail(&refused, name)), expected.map(str::to_owned));
        assert_eq!(refused.document.message, message);
        assert_eq!(detail(&refused, "AuthPrincipalOwnerId"), "1234567890123456");
    }
    ok(world.signed_by(&session, SignatureVersion::V4, put("u1/a")).body("x")).await;
}

#[tokio::test]
async fn a_listing_is_judged_by_its_prefix() {
    let world = world_with(
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:ListObjects","Resource":"acs:oss:*:*:dev-media",
            "Condition":{"StringLike":{"oss:Prefix":["up/*"]},"StringEquals":{"oss:Delimiter":"/"}}}]}"#,
    )
    .await;
    let list = |parameters: &[(&str, &str)]| {
        let mut request = SignableRequest::object("GET", BUCKET, "");
        request.query = own(parameters);
        request
    };
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[("list-type", "2"), ("prefix", "up/"), ("delimiter", "/")], "200"),
        (&[("prefix", "up/th"), ("delimiter", "/")], "200"),
        (&[("list-type", "2"), ("prefix", "up/")], "403 AccessDenied 0003-00000001"),
        (&[("list-type", "2"), ("prefix", "secret/"), ("delimiter", "/")], "403 AccessDenied 0003-00000001"),
        (&[("list-type", "2"), ("prefix", ""), ("delimiter", "/")], "403 AccessDenied 0003-00000001"),
        (&[("delimiter", "/")], "403 AccessDenied 0003-00000001"),
    ];
    for (parameters, expected) in cases {
        for version in BOTH {
            let request = world.signed_by(&limited(), version, list(parameters));
            assert_eq!(told(send(request).await).await, expected, "{parameters:?}, {version:?}");
        }
    }
}
