//! `POST /v1/uploads`: every refusal that a well-formed request can meet.

use serde_json::{Value, json};

use crate::harness::TestApp;

#[tokio::test]
async fn each_refusal_has_its_code_and_field_and_records_nothing() {
    let app = TestApp::spawn().await;
    let document = |more: Value| merged(json!({"profile": "document"}), more);
    let long = "x".repeat(257);
    for (why, body, status, code, field) in [
        ("an unknown profile", json!({"profile": "nope"}), 403, "profile_not_allowed", ""),
        ("a profile for others", json!({"profile": "staff"}), 403, "profile_not_allowed", ""),
        ("another user", document(json!({"user_id": "u-8"})), 403, "forbidden", ""),
        ("no profile", json!({"filename": "a.txt"}), 422, "missing_field", "profile"),
        ("a field too many", document(json!({"key": "mine"})), 422, "unknown_field", "key"),
        ("too large", document(json!({"size": 1024 * 1024 + 1})), 422, "size_too_large", "size"),
        ("much too large", document(json!({"size": u64::MAX})), 422, "size_too_large", "size"),
        ("too small", json!({"profile": "strict", "size": 9}), 422, "size_too_small", "size"),
        (
            "another type",
            json!({"profile": "avatar", "content_type": "text/html"}),
            422,
            "content_type_not_allowed",
            "content_type",
        ),
        (
            "another type by name",
            json!({"profile": "avatar", "filename": "a.html"}),
            422,
            "content_type_not_allowed",
            "content_type",
        ),
        (
            "no type to be had",
            json!({"profile": "avatar", "filename": "a"}),
            422,
            "content_type_not_allowed",
            "content_type",
        ),
        ("no media type", document(json!({"content_type": "png"})), 422, "content_type_not_allowed", "content_type"),
        (
            "a header in a type",
            document(json!({"content_type": "image/png\r\nx-oss-object-acl: public-read"})),
            422,
            "content_type_not_allowed",
            "content_type",
        ),
        ("an unlisted variable", document(json!({"vars": {"mood": "1"}})), 422, "unknown_variable", "vars.mood"),
        ("one of ours", document(json!({"vars": {"upload_id": "1"}})), 422, "unknown_variable", "vars.upload_id"),
        ("a long value", document(json!({"vars": {"album": long}})), 422, "invalid_variable", "vars.album"),
        (
            "a line break in a value",
            document(json!({"vars": {"album": "a\nb"}})),
            422,
            "invalid_variable",
            "vars.album",
        ),
        ("a variable that the key needs", json!({"profile": "album"}), 422, "missing_field", "vars.album"),
        (
            "an empty one that the key needs",
            json!({"profile": "album", "vars": {"album": ""}}),
            422,
            "missing_field",
            "vars.album",
        ),
        ("an empty file name", document(json!({"filename": ""})), 422, "invalid_filename", "filename"),
        (
            "a method of other profiles",
            json!({"profile": "strict", "method": "post"}),
            422,
            "method_not_allowed_by_profile",
            "method",
        ),
        ("no method at all", document(json!({"method": "fax"})), 422, "method_not_allowed_by_profile", "method"),
        ("a method in capitals", document(json!({"method": "POST"})), 422, "method_not_allowed_by_profile", "method"),
    ] {
        let answer = app.post("/v1/uploads", "u-7", &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{why}: {}", answer.text());
        let problem = answer.json();
        if field.is_empty() {
            assert_eq!(problem.get("errors"), None, "{why}: {problem}");
        } else {
            assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{why}: {problem}");
            assert_eq!(problem["errors"][0]["field"], field, "{why}: {problem}");
            assert_eq!(problem["errors"][0]["code"], code, "{why}: {problem}");
            assert!(problem["errors"][0]["message"].is_string(), "{why}: {problem}");
        }
    }
    assert_eq!(app.grant_count().await, 0);
}

#[tokio::test]
async fn limits_are_inclusive() {
    let app = TestApp::spawn().await;
    let value = "x".repeat(256);
    for body in [
        json!({"profile": "document", "size": 1024 * 1024, "vars": {"album": value, "note": value}}),
        json!({"profile": "document", "size": 0}),
        json!({"profile": "strict", "size": 10}),
        json!({"profile": "strict", "size": 100}),
        json!({"profile": "document", "filename": format!("{}.txt", "x".repeat(251))}),
    ] {
        assert_eq!(app.issue("u-7", body).await["state"], "issued");
    }
}

#[tokio::test]
async fn all_faults_are_told_at_once_and_the_first_names_the_problem() {
    let app = TestApp::spawn().await;
    let body = json!({
        "profile": "avatar", "filename": "a\u{0}.html", "content_type": "text/html", "size": 0, "method": "multipart",
        "vars": {"album": "1", "note": "2"},
    });
    let answer = app.post("/v1/uploads", "u-7", &body).await;

    answer.assert_refused(422, "invalid_filename");
    assert_eq!(
        faults(&answer.json()),
        [
            ("filename", "invalid_filename"),
            ("content_type", "content_type_not_allowed"),
            ("size", "size_too_small"),
            ("method", "method_not_allowed_by_profile"),
            ("vars.album", "unknown_variable"),
            ("vars.note", "unknown_variable"),
        ]
    );

    let body = json!({"file_name": "a", "key": "b"});
    let answer = app.post("/v1/uploads", "u-7", &body).await;
    answer.assert_refused(422, "unknown_field");
    let expected = [("file_name", "unknown_field"), ("key", "unknown_field"), ("profile", "missing_field")];
    assert_eq!(faults(&answer.json()), expected);

    let body = json!({"profile": "document", "method": "fax", "size": 1_u64 << 40});
    let answer = app.post("/v1/uploads", "u-7", &body).await;
    let expected = [("size", "size_too_large"), ("method", "method_not_allowed_by_profile")];
    assert_eq!(faults(&answer.json()), expected, "a method that does not exist hides no other fault");
    assert_eq!(app.grant_count().await, 0);
}

fn faults(problem: &Value) -> Vec<(&str, &str)> {
    let faults = problem["errors"].as_array().unwrap().iter();
    faults.map(|fault| (fault["field"].as_str().unwrap(), fault["code"].as_str().unwrap())).collect()
}

fn merged(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("an object is needed: {more}") };
    body.as_object_mut().unwrap().extend(more);
    body
}
