//! What goes wrong on demand, and the log that tells of it.

use oss_valet::oss::{presign, request::SignatureVersion};
use serde_json::{Value, json};

use crate::{
    callbacks::{callback, put_with},
    callbacks_failures::failure,
    harness::{BUCKET, Form, World, header, ok, refusal, send, text},
    receiver::Receiver,
    sts_calls,
};

async fn set(world: &World, rules: Value) {
    ok(world.client.put(format!("{}/-/faults", world.url)).body(rules.to_string())).await;
}

async fn rules_left(world: &World) -> Value {
    let answer = ok(world.client.get(format!("{}/-/faults", world.url))).await;
    serde_json::from_str(&text(answer).await).expect("JSON")
}

async fn log(world: &World) -> Vec<Value> {
    let answer = ok(world.client.get(format!("{}/-/log", world.url))).await;
    serde_json::from_str(&text(answer).await).expect("a list")
}

fn put(world: &World, key: &str) -> reqwest::RequestBuilder {
    world.signed(SignatureVersion::V4, presign::put_object(BUCKET, key, vec![])).body("123456789")
}

#[tokio::test]
async fn a_request_is_refused_in_the_words_asked_for() {
    let world = World::new().await;
    let refuse = json!({"refuse": {"status": 403, "code": "AccessDenied", "message": "Not today."}});
    let cases = [
        (refuse, "403 AccessDenied", "Not today."),
        (json!({"error": {"status": 500}}), "500 InternalError", "We encountered an internal error. Please try again."),
        (
            json!({"error": {"status": 503}}),
            "503 ServiceUnavailable",
            "Thread pool is almost full, please retry later.",
        ),
        (json!("throttle"), "503 TotalQpsLimitExceeded", "Max total qps limit is exceeded."),
    ];
    for (action, summary, message) in cases {
        set(&world, json!([{"on": {"operation": "PutObject", "key_prefix": "up/"}, "do": action}])).await;
        assert_eq!(put(&world, "elsewhere").send().await.expect("an answer").status(), 200);
        let refused = refusal(send(put(&world, "up/a")).await).await;
        assert_eq!((refused.summary().as_str(), refused.document.message.as_str()), (summary, message));
        assert_eq!(send(put(&world, "up/b")).await.status(), 200, "once, and no more");
        assert_eq!(rules_left(&world).await, json!([]));
    }
    assert!(!world.keys(BUCKET).await.contains(&"up/a".to_owned()));
}

#[tokio::test]
async fn a_form_is_known_by_the_key_in_it() {
    let world = World::new().await;
    set(&world, json!([{"on": {"operation": "PostObject", "key_prefix": "up/"}, "times": null, "do": "throttle"}]))
        .await;
    let form = |key| Form::new(&world, SignatureVersion::V4, key, vec![], &[]);
    assert_eq!(world.post(&form("down/a")).await.status(), 204);
    for _ in 0..2 {
        assert_eq!(refusal(world.post(&form("up/a")).await).await.summary(), "503 TotalQpsLimitExceeded");
    }
    ok(world.client.delete(format!("{}/-/faults", world.url))).await;
    assert_eq!(world.post(&form("up/a")).await.status(), 204);
}

#[tokio::test]
async fn a_connection_is_dropped_before_or_after_the_effect() {
    let world = World::new().await;
    for (moment, stored) in [("before", vec![]), ("after", vec!["a"])] {
        set(&world, json!([{"on": {"bucket": BUCKET}, "do": {"drop_connection": moment}}])).await;
        let error = put(&world, "a").send().await.expect_err("no answer");
        assert!(error.is_request(), "{error:?}");
        assert_eq!(world.keys(BUCKET).await, stored, "{moment}");
        assert_eq!(log(&world).await.last().expect("an entry")["dropped"], true);
    }
    assert_eq!(header(&world.head("a").await, "content-length").as_deref(), Some("9"), "the next is served");
}

#[tokio::test]
async fn a_slow_request_is_overtaken() {
    let world = World::new().await;
    set(&world, json!([{"on": {"key_prefix": "slow"}, "do": {"slow": {"milliseconds": 1500}}}])).await;
    let slow = tokio::spawn(put(&world, "slow").send());
    while rules_left(&world).await != json!([]) {
        tokio::task::yield_now().await;
    }
    assert_eq!(send(put(&world, "fast")).await.status(), 200);
    assert_eq!(slow.await.expect("no panic").expect("an answer").status(), 200);
    let order: Vec<_> = log(&world).await.iter().map(|entry| entry["key"].clone()).collect();
    assert_eq!(order, ["fast", "slow"]);
}

#[tokio::test]
async fn callbacks_go_wrong_in_every_way() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let actions = [
        json!("drop"),
        json!("throttle"),
        json!("lose_answer"),
        json!("duplicate"),
        json!({"delay": {"milliseconds": 1}}),
    ];
    let rules: Vec<_> = actions.iter().map(|action| json!({"on": {"operation": "Callback"}, "do": action})).collect();
    set(&world, json!(rules)).await;
    let callback = callback(&receiver.url());
    assert!(failure(&world, &callback, "x").await.document.message.starts_with("Error status : -1."));
    let throttled = failure(&world, &callback, "x").await.document;
    assert_eq!(
        (throttled.message.as_str(), throttled.ec.as_deref()),
        ("Too many callback requests.", Some("0007-00000201"))
    );
    assert_eq!(receiver.requests().len(), 0, "neither was sent");
    let lost = failure(&world, &callback, "x").await.document;
    assert_eq!((lost.message.as_str(), lost.ec.as_deref()), ("Cost too long time.", Some("0007-00000202")));
    assert_eq!(receiver.requests().len(), 1, "this one was");
    for (sent, description) in [(3, "twice"), (4, "late"), (5, "the list is used up")] {
        assert_eq!(put_with(&world, &callback, "x").await.status(), 200);
        assert_eq!(receiver.requests().len(), sent, "{description}");
    }
}

#[tokio::test]
async fn sts_has_its_faults_too() {
    let world = sts_calls::world().await;
    let rules = [json!("throttle"), json!({"error": {"status": 500}}), json!({"drop_connection": "before"})];
    let rules: Vec<_> = rules.iter().map(|action| json!({"on": {"operation": "AssumeRole"}, "do": action})).collect();
    set(&world, json!(rules)).await;
    for (nonce, status, code) in [("n1", 400, "Throttling.User"), ("n2", 500, "InternalError")] {
        let (answered, body) = sts_calls::call(&world, nonce, sts_calls::assume_role(&[])).await;
        assert_eq!((answered.as_u16(), body["Code"].as_str()), (status, Some(code)));
    }
    let unsigned = world.client.post(format!("{}/?Action=AssumeRole&Version=2015-04-01", world.url));
    unsigned.send().await.expect_err("no answer");
    let (answered, _) = sts_calls::call(&world, "n3", sts_calls::assume_role(&[])).await;
    assert_eq!(answered, 200);
    let told: Vec<_> =
        log(&world).await.iter().map(|entry| format!("{} {}", entry["operation"], entry["code"])).collect();
    let expected = [r#""Throttling.User""#, r#""InternalError""#, r#""ServiceUnavailable""#, "null"];
    assert_eq!(told, expected.map(|code| format!("\"AssumeRole\" {code}")));
}

#[tokio::test]
async fn nonsense_is_refused() {
    let world = World::new().await;
    for body in ["", "{}", r#"[{"do":"explode"}]"#, r#"[{"do":"drop"}]"#] {
        let answer = send(world.client.put(format!("{}/-/faults", world.url)).body(body)).await;
        assert_eq!(refusal(answer).await.summary(), "400 InvalidArgument", "{body}");
    }
}

#[tokio::test]
async fn the_log_tells_what_happened() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    send(put(&world, "plain")).await;
    put_with(&world, &callback(&receiver.url()), "x").await;
    put_with(&world, &callback("http://127.0.0.1:1/"), "x").await;
    world.post(&Form::new(&world, SignatureVersion::V4, "form", vec![], &[])).await;
    world.head("none").await;
    let told: Vec<_> = log(&world)
        .await
        .iter()
        .map(|entry| {
            let fields = ["operation", "bucket", "key", "status", "code", "callback"];
            fields.map(|name| entry[name].as_str().map_or_else(|| entry[name].to_string(), str::to_owned)).join(" ")
        })
        .collect();
    let unreachable = "Error status : -1. OSS can not connect to your callbackUrl, please check it.";
    assert_eq!(
        told,
        [
            "PutObject dev-media plain 200 null null",
            "PutObject dev-media called 200 null OK",
            &format!("PutObject dev-media called 203 CallbackFailed {unreachable}"),
            "PostObject dev-media form 204 null null",
            "HeadObject dev-media none 404 NoSuchKey null",
        ]
    );
    ok(world.client.delete(format!("{}/-/log", world.url))).await;
    assert_eq!(log(&world).await, Vec::<Value>::new(), "its own surface is not in it");
}
