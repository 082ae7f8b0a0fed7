//! Tickets: what they open, and what they don't.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use oss_valet::clock::Clock;
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::harness::{Answer, JWT_SECRET, TestApp, path_of, send};

impl TestApp {
    /// A ticket of the user's for one profile.
    pub(crate) async fn ticket(&self, user: &str, profile: &str) -> String {
        let answer = self.post("/v1/tickets", user, &json!({ "profile": profile })).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["ticket"].as_str().unwrap().to_owned()
    }

    /// A request by whoever holds the ticket, without any header.
    pub(crate) async fn enter(&self, method: Method, ticket: &str, path: &str) -> Answer {
        send(self.http.request(method, format!("{}/compat/t/{ticket}/{path}", self.service))).await
    }
}

const PARAMS: &str = "companion/s3/params?filename=a.png&type=image/png";

#[tokio::test]
async fn a_ticket_opens_its_profile_to_its_owner_for_an_hour() {
    let app = TestApp::spawn().await;

    let answer = app.post("/v1/tickets", "u-7", &json!({"profile": "avatar"})).await;

    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["expires_at"], "2026-11-21T01:00:00Z");
    let ticket = answer.json()["ticket"].as_str().unwrap().to_owned();
    assert!(ticket.starts_with("t1.k2."), "the newest secret seals: {ticket}");
    let entered = app.enter(Method::GET, &ticket, PARAMS).await;
    assert_eq!(entered.status, 200, "{}", entered.text());
    assert!(entered.json()["fields"]["key"].as_str().unwrap().starts_with("avatars/u-7/"), "{}", entered.text());

    app.clock.advance(TimeDelta::seconds(3_599));
    assert_eq!(app.enter(Method::GET, &ticket, PARAMS).await.status, 200, "its last second");
    app.clock.advance(TimeDelta::seconds(1));
    app.enter(Method::GET, &ticket, PARAMS).await.assert_refused(401, "unauthorized");
}

#[tokio::test]
async fn only_what_the_caller_may_use_gets_a_ticket() {
    let app = TestApp::spawn().await;
    for profile in ["staff", "nope", "", "avatar\0"] {
        let answer = app.post("/v1/tickets", "u-7", &json!({ "profile": profile })).await;
        answer.assert_refused(403, "profile_not_allowed");
    }
    app.post("/v1/tickets", "u-7", &json!({})).await.assert_refused(422, "missing_field");
    let more = json!({"profile": "avatar", "expires_in": 86_400});
    app.post("/v1/tickets", "u-7", &more).await.assert_refused(422, "unknown_field");
    let long = "u".repeat(129);
    app.post("/v1/tickets", &long, &json!({"profile": "avatar"})).await.assert_refused(422, "user_id_unusable");
    let nobody = send(app.http.post(format!("{}/v1/tickets", app.service)).json(&json!({"profile": "avatar"}))).await;
    nobody.assert_refused(401, "unauthorized");
}

#[tokio::test]
async fn a_ticket_is_good_for_no_other_profile() {
    let app = TestApp::spawn().await;
    let ticket = app.ticket("u-7", "avatar").await;

    let other = app.enter(Method::GET, &ticket, &format!("{PARAMS}&metadata[profile]=document")).await;
    other.assert_refused(403, "profile_not_allowed");
    let own = app.enter(Method::GET, &ticket, &format!("{PARAMS}&metadata[profile]=avatar")).await;
    assert_eq!(own.status, 200, "naming its own is fine: {}", own.text());

    let url = format!("{}/compat/t/{ticket}/companion/s3/multipart", app.service);
    let body = json!({"filename": "a", "type": "a/b", "metadata": {"profile": "film"}});
    send(app.http.post(url).json(&body)).await.assert_refused(403, "profile_not_allowed");
    assert_eq!(app.grant_count().await, 1);
}

#[tokio::test]
async fn a_ticket_opens_nothing_under_v1_and_no_other_ticket() {
    let app = TestApp::spawn().await;
    let ticket = app.ticket("u-7", "avatar").await;
    let grant = app.issue("u-7", json!({"profile": "avatar", "filename": "a.png"})).await;
    for (method, path) in [
        (Method::GET, "/v1/uploads".to_owned()),
        (Method::POST, "/v1/uploads".to_owned()),
        (Method::POST, "/v1/tickets".to_owned()),
        (Method::GET, path_of(&grant)),
        (Method::DELETE, path_of(&grant)),
    ] {
        let body = json!({"profile": "avatar"});
        let as_bearer = app.request_by(method.clone(), &path, &ticket).json(&body);
        send(as_bearer).await.assert_refused(401, "unauthorized");
        let in_path = app.enter(method, &ticket, path.trim_start_matches('/')).await;
        assert_eq!(in_path.status, 404, "{path}: {}", in_path.text());
    }
    let as_bearer = app.get_by(&format!("/compat/{PARAMS}&metadata[profile]=avatar"), &ticket).await;
    as_bearer.assert_refused(401, "unauthorized");
}

#[tokio::test]
async fn a_jwt_is_no_ticket_and_none_beside_a_ticket_counts() {
    let app = TestApp::spawn().await;
    let token = app.token("u-7");
    app.enter(Method::GET, &token, PARAMS).await.assert_refused(401, "unauthorized");

    let ticket = app.ticket("u-7", "avatar").await;
    let url = |ticket: &str| format!("{}/compat/t/{ticket}/{PARAMS}", app.service);
    let both = send(app.http.get(url(&ticket)).bearer_auth(app.token("u-8"))).await;
    assert!(both.json()["fields"]["key"].as_str().unwrap().starts_with("avatars/u-7/"), "the ticket's user");
    let bad_ticket = send(app.http.get(url("t1.k2.AAAA")).bearer_auth(&token)).await;
    bad_ticket.assert_refused(401, "unauthorized");
}

#[tokio::test]
async fn a_forged_cut_off_or_foreign_ticket_is_refused_without_saying_why() {
    let app = TestApp::spawn().await;
    let good = app.ticket("u-7", "avatar").await;
    let body = good.rsplit('.').next().unwrap();
    let mut sealed = URL_SAFE_NO_PAD.decode(body).unwrap();
    *sealed.last_mut().unwrap() ^= 1;
    let changed = URL_SAFE_NO_PAD.encode(&sealed);
    let foreign =
        TestApp::spawn_with(|settings| settings.replace("seal-secret-of-the-tests", "another-service's-secret"));
    let foreign = foreign.await.ticket("u-7", "avatar").await;
    let mut details = Vec::new();
    for (what, ticket) in [
        ("one bit changed", format!("t1.k2.{changed}")),
        ("cut off", good[..good.len() - 8].to_owned()),
        ("no ciphertext at all", "t1.k2.".to_owned()),
        ("the other kid", good.replacen("k2", "k1", 1)),
        ("a kid that nobody knows", good.replacen("k2", "k9", 1)),
        ("another version", good.replacen("t1", "t2", 1)),
        ("of another service", foreign),
        ("no ticket", "nonsense".to_owned()),
        ("far too long", "t".repeat(5_000)),
        ("a dot too many", format!("{good}.")),
    ] {
        let refused = app.enter(Method::GET, &ticket, PARAMS).await;
        refused.assert_refused(401, "unauthorized");
        assert!(refused.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""), "{what}");
        assert!(!refused.text().contains(&ticket), "{what}: {}", refused.text());
        details.push(refused.json()["detail"].clone());
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    assert_eq!(app.grant_count().await, 0);
}

#[tokio::test]
async fn tickets_of_an_older_secret_are_good_until_it_is_taken_away() {
    let mut app = TestApp::spawn_with(|settings| {
        let secrets = settings.find("[[callback.seal_secrets]]").unwrap();
        let store = settings.find("[store]").unwrap();
        let only_old =
            "[[callback.seal_secrets]]\nkid = \"k1\"\nsecret = \"old-seal-secret-of-the-tests-0123456789\"\n";
        format!("{}{only_old}\n{}", &settings[..secrets], &settings[store..])
    })
    .await;
    let ticket = app.ticket("u-7", "avatar").await;
    assert!(ticket.starts_with("t1.k1."), "{ticket}");
    app.restart_with(|settings| {
        let both = "[[callback.seal_secrets]]\nkid = \"k2\"\nsecret = \"a-new-secret-of-the-tests-0123456789abc\"\n\n[[callback.seal_secrets]]";
        settings.replacen("[[callback.seal_secrets]]", both, 1)
    })
    .await;
    assert_eq!(app.enter(Method::GET, &ticket, PARAMS).await.status, 200);
    assert!(app.ticket("u-7", "avatar").await.starts_with("t1.k2."));
    app.restart_with(|settings| settings.replace("kid = \"k1\"", "kid = \"k0\"")).await;
    app.enter(Method::GET, &ticket, PARAMS).await.assert_refused(401, "unauthorized");
}

#[tokio::test]
async fn a_profile_or_scope_that_is_taken_away_ends_its_tickets_at_once() {
    let mut app = TestApp::spawn().await;
    let avatar = app.ticket("u-7", "avatar").await;
    let token = app.token_with("u-7", &["uploads:staff", "uploads:issue-for", "uploads:read-any"]);
    let answer = app.post_by("/v1/tickets", &token, &json!({"profile": "staff"})).await;
    let staff = answer.json()["ticket"].as_str().unwrap().to_owned();
    assert_eq!(app.enter(Method::GET, &staff, PARAMS).await.status, 200, "it carries the scope");

    app.restart_with(|settings| {
        settings.replace("[profiles.avatar]", "[profiles.renamed]").replace("\"uploads:staff\"", "\"uploads:boss\"")
    })
    .await;

    app.enter(Method::GET, &avatar, PARAMS).await.assert_refused(403, "profile_not_allowed");
    app.enter(Method::GET, &staff, PARAMS).await.assert_refused(403, "profile_not_allowed");
}

#[tokio::test]
async fn a_ticket_stays_short_however_many_scopes_its_owner_has() {
    let app = TestApp::spawn().await;
    let scopes: Vec<_> = (0..200).map(|number| format!("some-other-service:{number}")).collect();
    let mut scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
    scopes.push("uploads:staff");
    let token = app.token_with("u-7", &scopes);

    let answer = app.post_by("/v1/tickets", &token, &json!({"profile": "staff"})).await;

    let ticket = answer.json()["ticket"].as_str().unwrap().to_owned();
    assert!(ticket.len() < 300, "{}", ticket.len());
    assert_eq!(app.enter(Method::GET, &ticket, PARAMS).await.status, 200);
    let subject = "s".repeat(3_000);
    let claims = json!({
        "iss": crate::harness::ISSUER, "aud": "uploads", "sub": subject,
        "exp": (app.clock.now() + TimeDelta::hours(1)).timestamp(),
    });
    let answer = app.post_by("/v1/tickets", &TestApp::sign_token(&claims), &json!({"profile": "avatar"})).await;
    answer.assert_refused(422, "user_id_unusable");
}

#[tokio::test]
async fn two_tickets_are_never_alike_and_show_nothing() {
    let app = TestApp::spawn().await;
    let (one, two) = (app.ticket("u-7", "avatar").await, app.ticket("u-7", "avatar").await);
    assert_ne!(one, two);
    let sealed = URL_SAFE_NO_PAD.decode(one.rsplit('.').next().unwrap()).unwrap();
    for word in ["u-7", "avatar", "id.example.com", JWT_SECRET] {
        assert!(!sealed.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_enter_by_both_ways() {
    let app = TestApp::spawn().await;
    let ticket = app.ticket("u-7", "avatar").await;
    for path in [format!("/compat/t/{ticket}/{PARAMS}"), format!("/compat/{PARAMS}&metadata[profile]=avatar")] {
        for (origin, allowed) in
            [("https://app.example.com", "https://app.example.com"), ("https://evil.example.com", "")]
        {
            let url = format!("{}{path}", app.service);
            let preflight = app.http.request(Method::OPTIONS, &url).header(header::ORIGIN, origin);
            let preflight = preflight
                .header(header::ACCESS_CONTROL_REQUEST_METHOD, "DELETE")
                .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization, content-type");
            assert_eq!(send(preflight).await.header("access-control-allow-origin"), allowed, "{path}");
            let called = app.http.get(&url).bearer_auth(app.token("u-7")).header(header::ORIGIN, origin);
            assert_eq!(send(called).await.header("access-control-allow-origin"), allowed, "{path}");
        }
    }
    let refused = app.http.get(format!("{}/compat/t/nonsense/{PARAMS}", app.service));
    let refused = send(refused.header(header::ORIGIN, "https://app.example.com")).await;
    assert_eq!(refused.header("access-control-allow-origin"), "https://app.example.com", "errors can be read too");
    let nothing: Value = app.enter(Method::GET, &ticket, "nothing").await.json();
    assert_eq!(nothing["code"], "not_found");
}
