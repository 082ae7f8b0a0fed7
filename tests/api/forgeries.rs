//! Callbacks that OSS itself signed, made by people who had no right to them: any customer can have OSS sign any body for
//! our URL (P§8), and a user holds the seal of his own grant.

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::{
    app::reconcile::Reconciled,
    clock::Clock,
    oss::{
        access_key::AccessKey,
        callback::{Callback, CallbackBodyType},
        endpoint::{AddressingStyle, Endpoint},
        presign::{SigningContext, presign, put_object, sign_headers},
        request::{SignableRequest, SignatureVersion},
    },
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    forger::{Forger, PATH, body_of, facts, put_aside, with_field, without_field},
    harness::{Answer, OWNER, TestApp, path_of, send, upload},
};

const CONTENT: &[u8] = b"hello";

/// Another customer of OSS: an object of his own, somewhere, with a callback of his own making to our route.
struct Attack<'a> {
    bucket: &'a str,
    key: &'a str,
    content: &'a [u8],
    body: &'a str,
    body_type: CallbackBodyType,
}

impl<'a> Attack<'a> {
    /// From a bucket of the attacker's.
    fn saying(body: &'a str) -> Self {
        let body_type = CallbackBodyType::Form;
        Self { bucket: "somebody-elses", key: "bait", content: CONTENT, body, body_type }
    }

    /// What the attacker, as the uploader, is told.
    async fn launch(&self, app: &TestApp) -> Answer {
        let callback = Callback {
            urls: vec![format!("{}{PATH}", app.service)],
            body: self.body.to_owned(),
            body_type: self.body_type,
            ..Callback::default()
        };
        let mut request = put_object(self.bucket, self.key, vec![]);
        request.query.push(("callback".to_owned(), callback.encode()));
        let url = as_owner(app, |context| presign(request, &[], 600, context).unwrap().url);
        send(app.http.put(url).body(self.content.to_vec())).await
    }

    /// Launches, and fails unless our route refused with this status.
    async fn assert_refused(&self, app: &TestApp, status: u16, why: &str) {
        let answer = self.launch(app).await;
        assert_eq!(answer.status, 203, "{why}: {}", answer.text());
        assert!(answer.text().contains(&format!("Error status : {status}.")), "{why}: {}", answer.text());
    }
}

fn as_owner<T>(app: &TestApp, sign: impl FnOnce(&SigningContext<'_>) -> T) -> T {
    let endpoint = Endpoint::parse(&app.simulator, AddressingStyle::Path).unwrap();
    let key = AccessKey::new(OWNER[0], OWNER[1]);
    let version = SignatureVersion::V4;
    sign(&SigningContext {
        version,
        endpoint: &endpoint,
        region: "cn-hangzhou",
        key: &key,
        signing_key: None,
        now: app.clock.now(),
    })
}

/// Everything that the ledger holds.
async fn ledger(app: &TestApp) -> Vec<Vec<Vec<Option<String>>>> {
    vec![
        app.query_ledger("SELECT hex(id), state, reason, next_check_at FROM grants ORDER BY id").await,
        app.query_ledger("SELECT seq, hex(grant_id), size, etag, source FROM completions ORDER BY seq").await,
        app.query_ledger("SELECT seq, payload FROM events ORDER BY seq").await,
    ]
}

async fn event_types(app: &TestApp) -> Vec<String> {
    let short = |event: Value| event["type"].as_str().unwrap().replace("com.oss-valet.upload.", "");
    app.events().await.into_iter().map(short).collect()
}

#[tokio::test]
async fn a_callback_that_another_customer_had_oss_sign_moves_nothing() {
    let app = TestApp::spawn().await;
    let victim = app.issue("u-7", json!({"profile": "document", "filename": "a.txt"})).await;
    let attackers = app.issue("u-8", json!({"profile": "document", "filename": "a.txt"})).await;
    let body = body_of(&victim, &facts(&victim, CONTENT));
    let own_seal = attackers["callback"]["vars"]["x:seal"].as_str().unwrap();
    let without_seal = without_field(&body, "x:seal");
    let own_body = body_of(&attackers, &facts(&attackers, CONTENT));
    let as_json = json!({
        "bucket": victim["bucket"], "object": victim["key"], "etag": "5D41402ABC4B2A76B9719D911017C592", "size": 5,
        "x:user_id": "u-7", "x:upload_id": victim["id"], "x:seal": own_seal,
    })
    .to_string();
    let before = ledger(&app).await;
    for (why, body) in [
        ("the victim's grant without its seal", without_seal.clone()),
        ("the victim's grant with the attacker's seal", with_field(&body, "x:seal", own_seal)),
        (
            "the victim's grant with an invented seal",
            with_field(&body, "x:seal", "v1.k2.thr5c0.AAAAAAAAAAAAAAAAAAAAAA"),
        ),
        ("the attacker's grant for the victim", with_field(&own_body, "x:user_id", "u-7")),
        ("the attacker's seal for the victim's key", with_field(&own_body, "object", victim["key"].as_str().unwrap())),
        ("the attacker's seal for his own bucket", with_field(&own_body, "bucket", "somebody-elses")),
        ("the victim's leaked seal, with nothing behind it", body.clone()),
        ("the attacker's own seal, with nothing behind it", own_body.clone()),
    ] {
        Attack::saying(&body).assert_refused(&app, 403, why).await;
        assert_eq!(ledger(&app).await, before, "{why}");
    }
    let attack = Attack { body_type: CallbackBodyType::Json, ..Attack::saying(&as_json) };
    attack.assert_refused(&app, 403, "as JSON").await;
    // In the same bucket, beside the victim's key.
    let beside = Attack { bucket: "app-media", key: "documents/u-7/beside", ..Attack::saying(&body) };
    beside.assert_refused(&app, 403, "another key of the same bucket").await;
    assert_eq!(ledger(&app).await, before);
    // An object is there now, and a leaked seal tells another size: what counts is what is there.
    put_aside(&app, &victim, b"something else").await;
    Attack::saying(&body).assert_refused(&app, 403, "a leaked seal, and another object").await;
    assert_eq!(ledger(&app).await, before);
    assert_eq!(app.show(&victim).await["state"], "issued");
}

#[tokio::test]
async fn a_genuine_callback_replayed_word_for_word_is_answered_as_before_and_changes_nothing() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt", "vars": {"album": "42"}})).await;
    let genuine = upload(&app, &grant, CONTENT).await;
    assert_eq!(genuine.status, 200, "{}", genuine.text());
    let before = ledger(&app).await;
    let body = body_of(&grant, &facts(&grant, CONTENT));
    for later in [TimeDelta::zero(), TimeDelta::hours(1), TimeDelta::days(30)] {
        app.clock.advance(later);
        let replayed = Attack::saying(&body).launch(&app).await;
        assert_eq!((replayed.status.as_u16(), replayed.text()), (200, genuine.text()), "{later}");
        assert_eq!(ledger(&app).await, before, "{later}");
    }
    assert_eq!(event_types(&app).await, ["completed"]);
}

#[tokio::test]
async fn a_user_cannot_invent_a_completion_of_his_own_grant_unless_the_profile_trusts_him() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "avatar", "content_type": "image/png"})).await;
    let invented = with_field(&body_of(&grant, &facts(&grant, CONTENT)), "size", "4242");
    Attack::saying(&invented).assert_refused(&app, 403, "nothing uploaded").await;
    assert_eq!(app.show(&grant).await["state"], "issued");
    assert!(app.events().await.is_empty());

    let trusted = app.issue("u-7", json!({"profile": "trusting", "filename": "a.txt"})).await;
    let invented = body_of(&trusted, &facts(&trusted, CONTENT));
    let answer = Attack::saying(&with_field(&invented, "size", "1000")).launch(&app).await;
    assert_eq!((answer.status.as_u16(), answer.json()["size"].clone()), (200, json!(1000)), "confirm = \"off\"");
    assert_eq!(app.show(&trusted).await["completion"]["size"], 1000);

    // The limits hold even there.
    let limited = app.issue("u-7", json!({"profile": "trusting", "filename": "a.txt"})).await;
    let invented = body_of(&limited, &facts(&limited, CONTENT));
    Attack::saying(&with_field(&invented, "size", "1025")).assert_refused(&app, 422, "larger than allowed").await;
    assert_eq!(app.show(&limited).await["state"], "rejected");
}

#[tokio::test]
async fn a_symlink_at_the_granted_key_is_no_upload() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt"})).await;
    let key = grant["key"].as_str().unwrap();
    let secret = json!({"bucket": "app-media", "key": "documents/u-8/secret.txt", "content_type": "text/plain"});
    put_aside(&app, &secret, CONTENT).await;
    let request = SignableRequest {
        headers: vec![("x-oss-symlink-target".to_owned(), "documents%2Fu-8%2Fsecret.txt".to_owned())],
        query: vec![("symlink".to_owned(), String::new())],
        ..SignableRequest::object("PUT", "app-media", key)
    };
    let signed = as_owner(&app, |context| sign_headers(request, &[], context));
    let mut put = app.http.request(Method::PUT, &signed.url);
    for (name, value) in signed.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        put = put.header(name, value);
    }
    let linked = send(put).await;
    assert_eq!(linked.status, 200, "{}", linked.text());

    // Its HEAD tells the target's size and ETag, so that the claim would be confirmed but for its type.
    let body = body_of(&grant, &facts(&grant, CONTENT));
    Attack::saying(&body).assert_refused(&app, 403, "a symlink").await;

    let complete = app.post(&format!("{}/complete", path_of(&grant)), "u-7", &json!({})).await;
    complete.assert_refused(409, "not_uploaded");
    app.clock.advance(TimeDelta::days(1));
    assert_eq!(app.valet.reconcile_due(app.clock.now()).await.unwrap(), Reconciled::Grants(1));
    assert_eq!(app.show(&grant).await["state"], "issued", "there is something, so it is not absent either");
    assert!(app.query_ledger("SELECT seq FROM completions").await.is_empty());
    assert!(app.events().await.is_empty());
}

#[tokio::test]
async fn an_upload_that_breaks_its_limits_is_rejected_told_once_and_removed_where_the_profile_says_so() {
    for (why, profile, len, reason, kept) in [
        ("too large, delete", "strict", 101, "size_too_large", false),
        ("too small, delete", "strict", 9, "size_too_small", false),
        ("too large, keep", "old", 1024 * 1024 + 1, "size_too_large", true),
    ] {
        let app = TestApp::spawn().await;
        let grant = app.issue("u-7", json!({"profile": profile, "method": "put", "filename": "a.txt"})).await;
        let content = vec![b'x'; len];

        let answer = upload(&app, &grant, &content).await;

        assert_eq!(answer.status, 203, "{why}: {}", answer.text());
        assert!(answer.text().contains("Error status : 422."), "{why}: {}", answer.text());
        let shown = app.show(&grant).await;
        assert_eq!((&shown["state"], &shown["reason"]), (&json!("rejected"), &json!(reason)), "{why}: {shown}");
        let objects = app.objects(grant["bucket"].as_str().unwrap()).await;
        assert_eq!(objects.as_array().unwrap().len(), usize::from(kept), "{why}: {objects}");
        let events = app.events().await;
        assert_eq!(event_types(&app).await, ["rejected"], "{why}");
        assert_eq!(events[0]["data"]["reason"], reason, "{why}");
        assert_eq!(events[0]["data"]["size"], len, "{why}");
        let before = ledger(&app).await;
        let repeated = Attack::saying(&body_of(&grant, &facts(&grant, &content))).launch(&app).await;
        assert_eq!(repeated.status, 203, "{why}: {}", repeated.text());
        let complete = app.post(&format!("{}/complete", path_of(&grant)), "u-7", &json!({})).await;
        assert!(complete.status.is_client_error(), "{why}: {}", complete.text());
        assert_eq!(ledger(&app).await, before, "{why}: rejected once");
    }
}

#[tokio::test]
async fn an_upload_within_its_limits_to_the_byte_is_completed() {
    let app = TestApp::spawn().await;
    for len in [10, 100] {
        let grant = app.issue("u-7", json!({"profile": "strict", "filename": "a.txt"})).await;
        let answer = upload(&app, &grant, &vec![b'x'; len]).await;
        assert_eq!(answer.status, 200, "{len}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_object_that_changed_after_its_completion_is_told_once_and_the_completion_stands() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt"})).await;
    let genuine = upload(&app, &grant, CONTENT).await;
    assert_eq!(genuine.status, 200, "{}", genuine.text());
    put_aside(&app, &grant, b"changed!").await;
    let changed = body_of(&grant, &facts(&grant, b"changed!"));
    for attempt in ["first", "second"] {
        Attack::saying(&changed).assert_refused(&app, 409, attempt).await;
        assert_eq!(event_types(&app).await, ["completed", "changed"], "{attempt}");
    }
    let events = app.events().await;
    assert_eq!(events[1]["data"]["size"], 8);
    // A claim that is neither what was recorded nor what is there brings the change to light, but no second time.
    let before = ledger(&app).await;
    Attack::saying(&body_of(&grant, &facts(&grant, b"never there"))).assert_refused(&app, 403, "neither").await;
    // The completion is a fact of the past: the original callback is still answered with it.
    let replayed = Attack::saying(&body_of(&grant, &facts(&grant, CONTENT))).launch(&app).await;
    assert_eq!((replayed.status.as_u16(), replayed.text()), (200, genuine.text()));
    assert_eq!(ledger(&app).await, before);
    assert_eq!(app.show(&grant).await["completion"]["size"], 5, "the first one stands");
}

#[tokio::test]
async fn a_later_grant_for_the_same_key_replaces_the_object_but_not_the_earlier_completion() {
    let app = TestApp::spawn().await;
    let first = app.issue("u-7", json!({"profile": "portrait", "filename": "a.png"})).await;
    let second = app.issue("u-7", json!({"profile": "portrait", "filename": "a.png"})).await;
    assert_eq!(first["key"], second["key"]);
    let told = upload(&app, &first, b"one").await;
    assert_eq!(told.status, 200, "{}", told.text());
    assert_eq!(upload(&app, &second, b"second").await.status, 200);
    let replayed = Attack::saying(&body_of(&first, &facts(&first, b"one"))).launch(&app).await;
    assert_eq!(replayed.text(), told.text());
    // The first grant's seal does not let its holder claim the second one's object.
    let claimed = Attack::saying(&body_of(&first, &facts(&first, b"second"))).launch(&app).await;
    assert_eq!(claimed.text(), told.text(), "no change of the first grant's");
    assert_eq!(event_types(&app).await, ["completed", "completed"]);
    assert_eq!(app.show(&second).await["completion"]["size"], 6);
}

#[tokio::test]
async fn an_unconfirmed_object_that_a_later_grant_replaced_is_superseded_and_stays() {
    let app = TestApp::spawn().await;
    let first = app.issue("u-7", json!({"profile": "portrait", "filename": "a.png"})).await;
    let second = app.issue("u-7", json!({"profile": "portrait", "filename": "a.png"})).await;
    app.set_callback_faults(&["drop"]).await;
    assert_eq!(upload(&app, &first, b"one").await.status, 203);
    assert_eq!(upload(&app, &second, b"second").await.status, 200);

    Attack::saying(&body_of(&first, &facts(&first, b"one"))).assert_refused(&app, 422, "superseded").await;

    let shown = app.show(&first).await;
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("rejected"), &json!("superseded")), "{shown}");
    assert_eq!(app.show(&second).await["state"], "completed");
    assert_eq!(event_types(&app).await, ["completed", "rejected"]);
    let objects = app.objects("app-media").await;
    assert_eq!(objects[0]["versions"][0]["kind"]["normal"]["size"], 6, "{objects}");
}

#[tokio::test]
async fn twenty_callbacks_at_once_are_one_completion_one_event_and_twenty_same_answers() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt"})).await;
    put_aside(&app, &grant, CONTENT).await;
    let callback = forger.callback(body_of(&grant, &facts(&grant, CONTENT)));

    let answers = join_all((0..20).map(|_| callback.send(&app))).await;

    for answer in &answers {
        assert_eq!((answer.status.as_u16(), answer.text()), (200, answers[0].text()));
    }
    assert_eq!(app.query_ledger("SELECT seq FROM completions").await.len(), 1);
    assert_eq!(event_types(&app).await, ["completed"]);
}

#[tokio::test]
async fn twenty_callbacks_at_once_of_a_breach_are_one_rejection() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = app.issue("u-7", json!({"profile": "old", "method": "put", "filename": "a.txt"})).await;
    let content = vec![b'x'; 1024 * 1024 + 1];
    put_aside(&app, &grant, &content).await;
    let callback = forger.callback(body_of(&grant, &facts(&grant, &content)));
    for answer in join_all((0..20).map(|_| callback.send(&app))).await {
        answer.assert_refused(422, "callback_violates_grant");
    }
    assert_eq!(event_types(&app).await, ["rejected"]);
}

#[tokio::test]
async fn a_callback_that_oss_sends_twice_is_one_completion() {
    let app = TestApp::spawn().await;
    for method in ["post", "put"] {
        app.set_callback_faults(&["duplicate"]).await;
        let grant = app.issue("u-7", json!({"profile": "document", "method": method, "filename": "a.txt"})).await;
        let answer = upload(&app, &grant, CONTENT).await;
        assert_eq!((answer.status.as_u16(), answer.json()["id"].clone()), (200, grant["id"].clone()), "{method}");
    }
    assert_eq!(app.query_ledger("SELECT seq FROM completions").await.len(), 2);
    assert_eq!(event_types(&app).await, ["completed", "completed"]);
}
