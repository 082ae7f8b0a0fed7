//! PostObject.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use md5::{Digest, Md5};
use oss_valet::oss::{post_policy::Condition, request::SignatureVersion};

use crate::harness::{BOTH, BUCKET, Form, World, header, owner, refusal, send, session, text, uploader};

fn eq(field: &str, value: &str) -> Condition {
    Condition::Eq(field.to_owned(), value.to_owned())
}

#[tokio::test]
async fn a_form_stores_its_file_with_fields_and_metadata() {
    let world = World::new().await;
    for version in BOTH {
        for key in [owner(), session()] {
            let conditions = vec![eq("key", "inbox/hello.txt"), Condition::ContentLengthRange(1, 9)];
            let fields = [
                ("x-oss-meta-album", "wáng"),
                ("Cache-Control", "no-cache"),
                ("success_action_status", "201"),
                ("nobody-pinned-me", "accepted"),
            ];
            let form = Form::signed_by(&key, &world, version, "inbox/hello.txt", conditions, &fields);
            let answer = world.post(&form).await;
            assert_eq!(answer.status(), 201, "{version:?}");
            assert_eq!(header(&answer, "etag").as_deref(), Some("\"25F9E794323B453885F5181F1B624D0B\""));
            let xml = text(answer).await;
            assert!(xml.contains("<Key>inbox/hello.txt</Key>") && xml.contains("<Bucket>dev-media</Bucket>"), "{xml}");
            let head = world.head("inbox/hello.txt").await;
            assert_eq!(header(&head, "content-type").as_deref(), Some("text/plain"));
            assert_eq!(header(&head, "x-oss-meta-album").as_deref(), Some("wáng"));
            assert_eq!(header(&head, "cache-control").as_deref(), Some("no-cache"));
            assert_eq!(header(&head, "content-length").as_deref(), Some("9"));
        }
    }
}

#[tokio::test]
async fn the_answer_without_a_callback_is_the_one_asked_for() {
    let world = World::new().await;
    let cases = [
        ("nothing asked", ("nothing", ""), 204, None),
        ("200", ("success_action_status", "200"), 200, None),
        ("204", ("success_action_status", "204"), 204, None),
        ("anything else", ("success_action_status", "418"), 204, None),
        ("a redirect", ("success_action_redirect", "https://a.test/ok"), 303, Some("https://a.test/ok")),
    ];
    for (description, field, status, location) in cases {
        let form = Form::new(&world, SignatureVersion::V4, "a", vec![], &[field]);
        let answer = world.post(&form).await;
        assert_eq!(answer.status(), status, "{description}");
        assert_eq!(header(&answer, "location").as_deref(), location, "{description}");
        assert_eq!(text(answer).await, "", "{description}");
    }
}

#[tokio::test]
async fn the_content_type_is_the_most_specific_one() {
    let world = World::new().await;
    let cases = [
        ("x-oss-content-type wins", Some("a/1"), Some("a/2"), Some("a/3"), "a/1"),
        ("then the part's", None, Some("a/2"), Some("a/3"), "a/2"),
        ("then the field", None, None, Some("a/3"), "a/3"),
        ("then the default", None, None, None, "application/octet-stream"),
    ];
    for (description, oss, part, field, expected) in cases {
        let mut form = Form::new(&world, SignatureVersion::V4, "a", vec![], &[]);
        form = form.file("a", part, b"x");
        for (name, value) in [("x-oss-content-type", oss), ("Content-Type", field)] {
            if let Some(value) = value {
                form.set(name, value);
            }
        }
        assert_eq!(world.post(&form).await.status(), 204, "{description}");
        assert_eq!(header(&world.head("a").await, "content-type").as_deref(), Some(expected), "{description}");
    }
}

#[tokio::test]
async fn the_content_type_is_checked_on_x_oss_content_type_first() {
    let world = World::new().await;
    let conditions = vec![eq("content-type", "image/png")];
    let mut form = Form::new(&world, SignatureVersion::V4, "a", conditions, &[]).file("a", Some("image/png"), b"x");
    assert_eq!(world.post(&form).await.status(), 204);
    form.set("x-oss-content-type", "text/html");
    let refused = refusal(world.post(&form).await).await;
    assert_eq!(refused.summary(), "403 AccessDenied");
    let expected = r#"Invalid according to Policy: Policy Condition failed: ["eq", "$content-type", "image/png"]"#;
    assert_eq!(refused.document.message, expected);
}

#[tokio::test]
async fn the_file_name_is_put_into_the_key_after_the_policy_was_checked() {
    let world = World::new().await;
    let conditions = vec![eq("key", "up/${filename}")];
    let form = Form::new(&world, SignatureVersion::V4, "up/${filename}", conditions, &[]);
    assert_eq!(world.post(&form.file("../x y.txt", None, b"x")).await.status(), 204);
    assert_eq!(world.keys(BUCKET).await, ["up/../x y.txt"]);
}

#[tokio::test]
async fn fields_after_the_file_are_ignored() {
    let world = World::new().await;
    let mut form = Form::new(&world, SignatureVersion::V4, "a", vec![], &[]);
    form.trailing =
        vec![("x-oss-content-type".to_owned(), "text/html".to_owned()), ("submit".to_owned(), "x".repeat(100_000))];
    assert_eq!(world.post(&form).await.status(), 204);
    assert_eq!(header(&world.head("a").await, "content-type").as_deref(), Some("text/plain"));
    let key = form.clone().without("key");
    form = Form { trailing: vec![("key".to_owned(), "late".to_owned())], ..key };
    let refused = refusal(world.post(&form).await).await;
    let message =
        "The bucket POST must contain the specified 'key'. If it is specified, please check the order of the fields";
    assert_eq!(refused.document.message, message);
}

#[tokio::test]
async fn the_length_range_is_inclusive_and_nothing_outside_of_it_is_stored() {
    let world = World::new().await;
    let cases = [(9, 9, None), (1, 8, Some("EntityTooLarge")), (10, 20, Some("EntityTooSmall"))];
    for (min, max, code) in cases {
        for version in BOTH {
            let form = Form::new(&world, version, "a", vec![Condition::ContentLengthRange(min, max)], &[]);
            let answer = world.post(&form).await;
            match code {
                None => {
                    assert_eq!(answer.status(), 204);
                    world.client.delete(format!("{}/-/objects/{BUCKET}/a", world.url)).send().await.expect("deleted");
                }
                Some(code) => assert_eq!(refusal(answer).await.summary(), format!("400 {code}")),
            }
            assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
        }
    }
    assert_eq!(world.content_files(), 0, "no content stays behind");
}

#[tokio::test]
async fn a_large_file_is_refused_while_it_arrives() {
    let world = World::new().await;
    let form = Form::new(&world, SignatureVersion::V4, "a", vec![Condition::ContentLengthRange(1, 1024)], &[]);
    let refused = refusal(world.post(&form.file("big", None, &vec![7; 16 * 1024 * 1024])).await).await;
    assert_eq!(refused.summary(), "400 EntityTooLarge");
    assert_eq!(world.content_files(), 0);
}

#[tokio::test]
async fn the_md5_of_the_whole_form_is_checked() {
    let world = World::new().await;
    let (content_type, body) = Form::new(&world, SignatureVersion::V4, "a", vec![], &[]).encode();
    let post = |md5: String| {
        let request = world.client.post(format!("{}/{BUCKET}", world.url));
        request.header("content-type", &content_type).header("content-md5", md5).body(body.clone())
    };
    let refused = refusal(send(post(STANDARD.encode([0; 16]))).await).await;
    assert_eq!(refused.summary(), "400 InvalidDigest");
    assert_eq!(refusal(send(post("short".to_owned())).await).await.summary(), "400 InvalidDigest");
    assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
    assert_eq!(send(post(STANDARD.encode(Md5::digest(&body)))).await.status(), 204);
}

#[tokio::test]
async fn a_form_lives_as_long_as_its_policy_and_seven_days_at_most() {
    let world = World::new().await;
    let form = Form::new(&world, SignatureVersion::V4, "a", vec![], &[]);
    world.clock.advance(TimeDelta::minutes(-16));
    assert_eq!(refusal(world.post(&form).await).await.summary(), "403 RequestTimeTooSkewed");
    world.clock.advance(TimeDelta::minutes(16 + 59));
    assert_eq!(world.post(&form).await.status(), 204, "still good, though older than the skew");
    world.clock.advance(TimeDelta::minutes(1));
    let refused = refusal(world.post(&form).await).await;
    assert_eq!(refused.document.message, "Invalid according to Policy: Policy expired.");
}

#[tokio::test]
async fn an_acl_needs_its_own_permission() {
    let world = World::new().await;
    for version in BOTH {
        let plain = Form::signed_by(&uploader(), &world, version, "a", vec![], &[]);
        assert_eq!(world.post(&plain).await.status(), 204);
        let mut with_acl = plain.clone();
        with_acl.set("x-oss-object-acl", "public-read");
        assert_eq!(refusal(world.post(&with_acl).await).await.summary(), "403 AccessDenied", "{version:?}");
        let (content_type, body) = plain.encode();
        let request = world.client.post(format!("{}/{BUCKET}", world.url)).header("content-type", content_type);
        let answer = send(request.header("x-oss-object-acl", "public-read").body(body)).await;
        assert_eq!(refusal(answer).await.summary(), "403 AccessDenied", "in a header, {version:?}");
        let mut owners = Form::new(&world, version, "a", vec![], &[]);
        owners.set("x-oss-object-acl", "public-read");
        assert_eq!(world.post(&owners).await.status(), 204);
    }
}

#[tokio::test]
async fn forbid_overwrite_protects_what_is_there() {
    let world = World::new().await;
    let form = Form::new(&world, SignatureVersion::V4, "a", vec![], &[("x-oss-forbid-overwrite", "true")]);
    assert_eq!(world.post(&form).await.status(), 204);
    let refused = refusal(world.post(&form.file("b", None, b"other")).await).await;
    assert_eq!(refused.summary(), "409 FileAlreadyExists");
    assert_eq!(header(&world.head("a").await, "content-length").as_deref(), Some("9"));
}
