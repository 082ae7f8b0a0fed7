//! What OSS refuses, by code.

use chrono::TimeDelta;
use oss_valet::oss::{
    access_key::AccessKey,
    presign::{self, SignedRequest},
    request::{SignableRequest, SignatureVersion},
};

use crate::harness::{BOTH, BUCKET, Form, Refusal, World, header, own, owner, refusal, send, session, uploader};

#[tokio::test]
async fn a_request_without_a_good_signature_is_refused_by_cause() {
    let world = World::new().await;
    world.store("a", "x").await;
    let stranger = AccessKey::new("LTAI5tNobody", "s");
    let impostor = AccessKey::new(owner().id(), "another secret");
    let tokenless = AccessKey::new(session().id(), session().expose_secret());
    let wrong_token = AccessKey::new(session().id(), session().expose_secret()).with_security_token("old");
    let cases = [
        ("an unknown id", stranger, "403 InvalidAccessKeyId"),
        ("a wrong secret", impostor, "403 SignatureDoesNotMatch"),
        ("an STS id without its token", tokenless, "403 InvalidAccessKeyId"),
        ("an STS id with another token", wrong_token, "403 InvalidSecurityToken"),
        ("a credential that may only upload", uploader(), "403 AccessDenied"),
    ];
    for (description, key, expected) in cases {
        for version in BOTH {
            let get = presign::get_object(BUCKET, "a");
            let in_header = refusal(send(world.signed_by(&key, version, get.clone())).await).await;
            assert_eq!(in_header.summary(), expected, "{description}, {version:?} in the header");
            let in_query = refusal(send(world.presigned_by(&key, version, get)).await).await;
            assert_eq!(in_query.summary(), expected, "{description}, {version:?} in the query");
        }
    }
    let anonymous = refusal(send(world.client.get(format!("{}/{BUCKET}/a", world.url))).await).await;
    assert_eq!(anonymous.summary(), "403 AccessDenied");
    assert_eq!(anonymous.document.message, "You have no right to access this object because of bucket acl.");
}

#[tokio::test]
async fn a_refused_signature_shows_what_was_signed() {
    let world = World::new().await;
    let impostor = AccessKey::new(owner().id(), "another secret");
    for version in BOTH {
        let signed = presign::sign_headers(presign::get_object(BUCKET, "a b"), &[], &world.context(version, &impostor));
        let refused = refusal(send(world.request(&signed)).await).await;
        let detail =
            |name: &str| refused.document.details.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone());
        assert_eq!(detail("StringToSign").as_deref(), Some(signed.string_to_sign.as_str()));
        assert_eq!(detail("SignatureProvided").as_deref(), Some(signed.signature.as_str()));
        assert_eq!(detail("CanonicalRequest"), signed.canonical_request);
        assert_eq!(refused.document.ec.as_deref(), Some("0002-00000040"));
    }
}

#[tokio::test]
async fn dates_are_held_against_the_clock() {
    let world = World::new().await;
    world.store("a", "x").await;
    for version in BOTH {
        let get = || presign::get_object(BUCKET, "a");
        let header_signed = presign::sign_headers(get(), &[], &world.context(version, &owner()));
        let presigned = presign::presign(get(), &[], 600, &world.context(version, &owner())).expect("ten minutes");
        let outcome = async |signed: &SignedRequest| {
            let answer = send(world.request(signed)).await;
            if answer.status() == 200 { "200".to_owned() } else { refusal(answer).await.summary() }
        };
        world.clock.advance(TimeDelta::minutes(10));
        assert_eq!(outcome(&presigned).await, "200", "{version:?} at its last second");
        world.clock.advance(TimeDelta::minutes(5));
        assert_eq!(outcome(&header_signed).await, "200", "{version:?} at the edge of the skew");
        assert_eq!(outcome(&presigned).await, "403 AccessDenied", "{version:?} expired");
        world.clock.advance(TimeDelta::seconds(1));
        assert_eq!(outcome(&header_signed).await, "403 RequestTimeTooSkewed", "{version:?}");
        world.clock.advance(TimeDelta::minutes(-15) - TimeDelta::seconds(1));
        assert_eq!(outcome(&header_signed).await, "200", "{version:?} back again");
    }
}

#[tokio::test]
async fn a_v4_scope_must_name_the_buckets_region_and_the_day() {
    let world = World::new().await;
    let key = owner();
    let mut context = world.context(SignatureVersion::V4, &key);
    context.region = "cn-shanghai";
    let signed = presign::sign_headers(presign::get_object(BUCKET, "a"), &[], &context);
    let refused = refusal(send(world.request(&signed)).await).await;
    assert_eq!(refused.document.message, "Invalid signing region in Authorization header.");
    assert_eq!(refused.document.ec.as_deref(), Some("0002-00000226"));
}

#[tokio::test]
async fn head_tells_a_missing_key_from_a_missing_bucket() {
    let world = World::new().await;
    let head = |bucket: &str| send(world.signed(SignatureVersion::V4, presign::head_object(bucket, "none")));
    let missing_key = head(BUCKET).await;
    assert_eq!(header(&missing_key, "x-oss-ec").as_deref(), Some("0026-00000001"));
    let missing_key = refusal(missing_key).await;
    assert_eq!(missing_key.summary(), "404 NoSuchKey");
    assert_eq!(refusal(head("no-such-bucket").await).await.summary(), "404 NoSuchBucket");
}

#[tokio::test]
async fn puts_are_refused_by_cause() {
    let world = World::new().await;
    world.store("there", "x").await;
    let put = |key: &str, headers: &[(&str, &str)]| presign::put_object(BUCKET, key, own(headers));
    let long = "k".repeat(1024);
    let meta = "m".repeat(9000);
    let copy = put("a", &[("x-oss-copy-source", "/b/k")]);
    let cases = [
        ("an ACL that does not exist", put("a", &[("x-oss-object-acl", "secret")]), "400 InvalidArgument"),
        ("a wrong MD5", put("a", &[("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")]), "400 InvalidDigest"),
        ("no MD5", put("a", &[("Content-MD5", "?")]), "400 InvalidDigest"),
        ("a protected object", put("there", &[("x-oss-forbid-overwrite", "true")]), "409 FileAlreadyExists"),
        ("a key too long", put(&long, &[]), "400 InvalidObjectName"),
        ("a key with a leading slash", put("/a", &[]), "400 InvalidObjectName"),
        ("too much metadata", put("a", &[("x-oss-meta-a", &meta)]), "400 InvalidArgument"),
        ("a copy from nowhere", copy, "404 NoSuchBucket"),
        ("another bucket", presign::put_object("other", "a", vec![]), "404 NoSuchBucket"),
        ("a strange method", SignableRequest::object("PATCH", BUCKET, "a"), "405 MethodNotAllowed"),
        ("a POST to an object", SignableRequest::object("POST", BUCKET, "a"), "405 MethodNotAllowed"),
    ];
    for (description, request, expected) in cases {
        for version in BOTH {
            let refused = refusal(send(world.signed(version, request.clone()).body("hello")).await).await;
            assert_eq!(refused.summary(), expected, "{description}, {version:?}");
        }
    }
    assert_eq!(world.keys(BUCKET).await, ["there"]);
    for version in BOTH {
        let request = put("a", &[("x-oss-object-acl", "private")]);
        let refused = refusal(send(world.signed_by(&uploader(), version, request).body("x")).await).await;
        assert_eq!(refused.summary(), "403 AccessDenied", "an ACL without PutObjectAcl");
    }
}

#[tokio::test]
async fn a_request_signed_twice_is_refused() {
    let world = World::new().await;
    let get = presign::get_object(BUCKET, "a");
    let request = world.presigned_by(&owner(), SignatureVersion::V4, get).header("authorization", "OSS a:b");
    assert_eq!(refusal(send(request).await).await.summary(), "400 InvalidArgument");
}

async fn form_refusal(world: &World, form: &Form) -> Refusal {
    refusal(world.post(form).await).await
}

#[tokio::test]
async fn forms_are_refused_by_cause() {
    let world = World::new().await;
    for version in BOTH {
        let good = || Form::new(&world, version, "a", vec![], &[]);
        let names: &[&str] = match version {
            SignatureVersion::V1 => &["OSSAccessKeyId", "policy", "Signature"],
            SignatureVersion::V4 => {
                &["x-oss-signature-version", "x-oss-credential", "x-oss-date", "policy", "x-oss-signature"]
            }
        };
        for name in names {
            let refused = form_refusal(&world, &good().without(name)).await;
            assert_eq!(refused.summary(), "400 InvalidArgument", "{version:?} without {name}");
        }
        let anonymous = names.iter().fold(good(), |form, name| form.without(name));
        assert_eq!(form_refusal(&world, &anonymous).await.summary(), "403 AccessDenied", "anonymous");
        let no_file = Form { file: None, ..good() };
        assert_eq!(form_refusal(&world, &no_file).await.summary(), "400 IncorrectNumberOfFilesInPOSTRequest");
        let mut long = good();
        long.set("x-oss-meta-a", &"x".repeat(4097));
        assert_eq!(form_refusal(&world, &long).await.summary(), "400 FieldItemTooLong");
        let no_key = form_refusal(&world, &good().without("key")).await;
        assert_eq!(no_key.summary(), "400 InvalidArgument");
        let stranger = AccessKey::new("LTAI5tNobody", "s");
        let form = Form::signed_by(&stranger, &world, version, "a", vec![], &[]);
        assert_eq!(form_refusal(&world, &form).await.summary(), "403 InvalidAccessKeyId");
        let tokenless = Form::signed_by(&session(), &world, version, "a", vec![], &[]).without("x-oss-security-token");
        assert_eq!(form_refusal(&world, &tokenless).await.summary(), "403 InvalidAccessKeyId");
    }
    assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let world = World::new().await;
    let cases = [
        ("another type", "text/plain", "hello", "400 RequestIsNotMultiPartContent"),
        ("no boundary", "multipart/form-data", "hello", "400 MalformedPOSTRequest"),
        ("no parts", "multipart/form-data; boundary=b", "hello", "400 MalformedPOSTRequest"),
        (
            "a part that does not end",
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nvalue",
            "400 MalformedPOSTRequest",
        ),
    ];
    for (description, content_type, body, expected) in cases {
        let request = world.client.post(format!("{}/{BUCKET}", world.url)).header("content-type", content_type);
        assert_eq!(refusal(send(request.body(body)).await).await.summary(), expected, "{description}");
    }
}
