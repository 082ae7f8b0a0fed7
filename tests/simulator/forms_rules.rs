//! The rules of a PostObject form: what counts, what is ignored, and its limits (P§3.1, P§3.2, P§3.5).

use oss_valet::oss::{
    callback::Callback,
    post_policy::Condition,
    presign,
    request::{SignableRequest, SignatureVersion},
};

use crate::{
    harness::{BOTH, BUCKET, Form, World, header, owner, refusal, send, text},
    receiver::{GOOD_ANSWER, Receiver},
};

fn form(world: &World, fields: &[(&str, &str)]) -> Form {
    Form::new(world, SignatureVersion::V4, "a", vec![], fields)
}

#[tokio::test]
async fn signatures_in_header_and_url_count_for_nothing() {
    let world = World::new().await;
    for version in BOTH {
        let (content_type, body) = Form::new(&world, version, "a", vec![], &[]).encode();
        let target = SignableRequest::object("POST", BUCKET, "");
        let url = presign::presign(target, &[], 600, &world.context(version, &owner())).expect("signed").url;
        for (url, authorization) in [
            (url.replace("ignature=", "ignature=0"), "OSS nobody:wrong"),
            (world.url.clone() + "/dev-media/", "rubbish"),
        ] {
            let request = world.client.post(url).header("content-type", &content_type);
            let answer = send(request.header("authorization", authorization).body(body.clone())).await;
            assert_eq!(answer.status(), 204, "{version:?} {authorization}");
        }
    }
}

#[tokio::test]
async fn a_second_file_is_passed_by_like_all_that_follows_the_first() {
    let world = World::new().await;
    let (content_type, body) = form(&world, &[]).encode();
    let body = String::from_utf8(body).expect("text");
    let boundary = content_type.split("boundary=").nth(1).expect("a boundary").to_owned();
    let last = format!("--{boundary}--\r\n");
    let second = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b\"\r\n\r\nx\r\n");
    let body = body.replace(&last, &(second + &last));
    let request = world.client.post(format!("{}/{BUCKET}", world.url)).header("content-type", &content_type);
    assert_eq!(send(request.body(body)).await.status(), 204);
    assert_eq!(world.keys(BUCKET).await, ["a"]);
    assert_eq!(header(&world.head("a").await, "content-length").as_deref(), Some("9"));
}

#[tokio::test]
async fn field_names_are_read_in_any_case() {
    let world = World::new().await;
    let mut upper = form(&world, &[]);
    for (name, _) in &mut upper.fields {
        *name = name.to_ascii_uppercase();
    }
    assert_eq!(world.post(&upper).await.status(), 204);
    assert_eq!(world.keys(BUCKET).await, ["a"]);
}

#[tokio::test]
async fn names_values_and_all_fields_together_are_limited() {
    let world = World::new().await;
    let long_name = "n".repeat(8 * 1024 + 1);
    let cases = [
        (vec![("n".repeat(8 * 1024), "v".to_owned())], None),
        (vec![(long_name, "v".to_owned())], Some("Your name of form field is too long.")),
        (vec![("n".to_owned(), "v".repeat(4 * 1024))], None),
        (vec![("n".to_owned(), "v".repeat(4 * 1024 + 1))], Some("Your field item in the form is too long.")),
        (
            (0..520).map(|n| (format!("n{n}"), "v".repeat(4 * 1024))).collect(),
            Some("Your POST request fields preceding the upload file were too large."),
        ),
    ];
    for (fields, message) in cases {
        let mut form = form(&world, &[]);
        form.fields.extend(fields);
        let answer = world.post(&form).await;
        match message {
            None => assert_eq!(answer.status(), 204),
            Some(message) => {
                let refused = refusal(answer).await;
                let code =
                    if form.fields.len() > 500 { "MaxPOSTPreDataLengthExceededError" } else { "FieldItemTooLong" };
                assert_eq!(refused.summary(), format!("400 {code}"));
                assert_eq!(refused.document.message, message);
            }
        }
    }
}

#[tokio::test]
async fn the_expanded_key_must_be_one() {
    let world = World::new().await;
    let form = Form::new(&world, SignatureVersion::V4, "${filename}", vec![], &[]);
    let long = "k".repeat(1024);
    let cases = [
        ("", "The Object name can not be empty."),
        ("/a", "The specified object is not valid."),
        (long.as_str(), "The Length of Object name must be less than 1024."),
    ];
    for (name, message) in cases {
        let refused = refusal(world.post(&form.clone().file(name, None, b"x")).await).await;
        assert_eq!((refused.summary().as_str(), refused.document.message.as_str()), ("400 InvalidObjectName", message));
    }
    assert_eq!(world.post(&form.file("k".repeat(1023).as_str(), None, b"x")).await.status(), 204);
}

#[tokio::test]
async fn the_callbacks_answer_goes_before_status_and_redirect() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let order = Callback { urls: vec![receiver.url()], body: "a".to_owned(), ..Callback::default() }.encode();
    for (name, value) in [("success_action_status", "201"), ("success_action_redirect", "https://a.test/")] {
        let answer = world.post(&form(&world, &[("callback", &order), (name, value)])).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (200, None), "{name}");
        assert_eq!(text(answer).await, GOOD_ANSWER);
    }
}

#[tokio::test]
async fn a_redirect_is_for_success_alone() {
    let world = World::new().await;
    let url = "https://a.test/ok?from=form";
    let fields = [("success_action_redirect", url), ("success_action_status", "201")];
    let form = Form::new(&world, SignatureVersion::V4, "a", vec![Condition::ContentLengthRange(1, 9)], &fields);
    let answer = world.post(&form).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "location").as_deref()), (303, Some(url)));
    let answer = world.post(&form.file("a", None, b"1234567890")).await;
    assert_eq!(header(&answer, "location"), None);
    assert_eq!(refusal(answer).await.summary(), "400 EntityTooLarge");
}

#[tokio::test]
async fn an_incomplete_signature_is_told_by_what_is_missing() {
    let world = World::new().await;
    let cases = [
        ("OSSAccessKeyId", "Post request accessKeyId is empty."),
        ("Signature", "Post request signature is empty."),
        (
            "policy",
            "The bucket POST must contain the specified 'policy'. If it is specified, please check the order of the fields",
        ),
    ];
    for (name, message) in cases {
        let form = Form::new(&world, SignatureVersion::V1, "a", vec![], &[]).without(name);
        let refused = refusal(world.post(&form).await).await;
        assert_eq!((refused.summary().as_str(), refused.document.message.as_str()), ("400 InvalidArgument", message));
    }
}

#[tokio::test]
async fn forms_may_be_addressed_by_the_buckets_own_host() {
    let world = World::new().await;
    let (content_type, body) = form(&world, &[("success_action_status", "201")]).encode();
    let request =
        world.client.post(format!("{}/", world.url)).header("host", format!("{BUCKET}.oss-cn-hangzhou.aliyuncs.com"));
    let answer = send(request.header("content-type", content_type).body(body)).await;
    assert_eq!(answer.status(), 201);
    let xml = text(answer).await;
    assert!(xml.contains(&format!("<Location>http://{BUCKET}.oss-cn-hangzhou.aliyuncs.com/a</Location>")), "{xml}");
}

#[tokio::test]
async fn an_unpinned_field_is_accepted_and_a_pinned_one_is_needed() {
    let world = World::new().await;
    for version in BOTH {
        let conditions = vec![Condition::Eq("x:sid".to_owned(), "1".to_owned())];
        let form = Form::new(&world, version, "a", conditions, &[("x:sid", "1"), ("unpinned", "x")]);
        assert_eq!(world.post(&form).await.status(), 204);
        let mut other = form.clone();
        other.set("x:sid", "2");
        for broken in [form.without("x:sid"), other] {
            let refused = refusal(world.post(&broken).await).await;
            assert_eq!(refused.summary(), "403 AccessDenied");
            let message = r#"Invalid according to Policy: Policy Condition failed: ["eq", "$x:sid", "1"]"#;
            assert_eq!(refused.document.message, message);
        }
    }
}
