//! The grep: whatever the service does, at whatever level it logs, nothing that it says of itself holds anything that could be used by
//! who reads it.

use std::collections::BTreeMap;

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::world::{World, answer};

const HOOK_SECRET: &str = "whsec_aG9vay1zZWNyZXQtb2YtdGhlLXRlc3RzLTAxMjM0NTY3";
const CONFIGURATION: &str = r#"
[hooks.backend]
url = "{hook}/hook?token=sesame-of-the-hook"
secrets = ["whsec_aG9vay1zZWNyZXQtb2YtdGhlLXRlc3RzLTAxMjM0NTY3"]
on_failure = "accept"
[profiles.document]
hook = "backend"
[telemetry]
otlp_endpoint = "{collector}"
otlp_headers = "authorization: Basic sesame-of-the-collector"
log_filter = "trace"
"#;
/// Members of answers that hold something usable: by its name alone, or in a URL's query.
const USABLE: [&str; 17] = [
    "policy",
    "signature",
    "Signature",
    "x-oss-signature",
    "x-oss-security-token",
    "security_token",
    "SecurityToken",
    "access_key_secret",
    "AccessKeySecret",
    "callback",
    "Callback",
    "callback-var",
    "callback_var",
    "x:seal",
    "ticket",
    "token",
    "x-oss-callback",
];

/// Everything that must not be said, by what it is.
#[derive(Default)]
struct Secrets(BTreeMap<String, String>);

impl Secrets {
    fn add(&mut self, what: impl Into<String>, text: impl Into<String>) {
        // What is shorter occurs by chance.
        let text = text.into();
        if text.len() >= 12 {
            self.0.insert(text, what.into());
        }
    }

    /// Whatever in an answer can be used.
    fn learn(&mut self, what: &str, answer: &Value) {
        match answer {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(text) if USABLE.contains(&name.as_str()) => {
                            self.add(format!("{what}: {name}"), text);
                        }
                        Value::String(text) => self.learn_url(what, text),
                        other => self.learn(what, other),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(what, item)),
            _ => {}
        }
    }

    fn learn_url(&mut self, what: &str, text: &str) {
        let Ok(url) = url::Url::parse(text) else { return };
        for (name, value) in url.query_pairs().filter(|(name, _)| USABLE.contains(&name.as_ref())) {
            self.add(format!("{what}: {name}"), &*value);
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            self.add(format!("{what}: {name}, encoded"), encoded);
        }
    }

    fn assert_not_in(&self, place: &str, text: &str) {
        for (secret, what) in &self.0 {
            let line = text.lines().find(|line| line.contains(secret.as_str())).map(|line| line.replace(secret, "…"));
            assert_eq!(line, None, "{place} holds {what}");
        }
    }
}

async fn grants(world: &World, secrets: &mut Secrets) {
    for method in ["post", "put", "multipart", "sts"] {
        let grant = world.issue(method).await;
        secrets.learn(method, &grant);
        let path = format!("/v1/uploads/{}", grant["id"].as_str().unwrap());
        let (_, renewed) = world.post(&format!("{path}/renew"), json!({})).await;
        secrets.learn(method, &renewed);
        let (_, parts) = world.post(&format!("{path}/parts"), json!({"part_numbers": [1, 2]})).await;
        secrets.learn(method, &parts);
        world.post(&format!("{path}/complete"), json!({})).await;
        answer(world.request(Method::DELETE, &path)).await;
        answer(world.request(Method::DELETE, &path)).await;
    }
    let batch = json!({"uploads": [{"profile": "document"}, {"profile": "avatar", "filename": "a.png"}, {}]});
    let (_, batch) = world.post("/v1/uploads/batch", batch).await;
    secrets.learn("batch", &batch);
}

async fn drop_in_shapes(world: &World, secrets: &mut Secrets) {
    let (_, opened) = world.post("/v1/tickets", json!({"profile": "document"})).await;
    secrets.learn("ticket", &opened);
    let ticket = opened["ticket"].as_str().unwrap();
    secrets.add("what is sealed in the ticket", &ticket.rsplit('.').next().unwrap()[..40]);
    let refused = format!("{}AAAA", &ticket[..ticket.len() - 4]);
    for way in [format!("/compat/t/{ticket}"), format!("/compat/t/{refused}"), "/compat".to_owned()] {
        for shape in
            ["appserver", "appserver/v4", "sts", "companion/s3/params", "nothing", "companion/s3/multipart/x/1"]
        {
            let ask = world.request(Method::GET, &format!("{way}/{shape}?profile=document&filename=a.txt"));
            let (_, answered) = answer(ask).await;
            secrets.learn(shape, &answered);
        }
    }
}

async fn refusals(world: &World, secrets: &mut Secrets) {
    let token = world.dev.text("token");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let reversed: String = signature.chars().rev().collect();
    for token in [format!("{signed}.{reversed}"), format!("{token}x"), "sesame-is-no-token".to_owned()] {
        let ask = world.http.get(format!("{}/v1/profiles", world.dev.text("service"))).bearer_auth(&token);
        assert_eq!(answer(ask).await.0, 401);
        secrets.add("a token that is refused", token);
    }
    for (name, body) in
        [("forged", "bucket=b&x:seal=v1.dev.sesame.of-the-forger"), ("empty", ""), ("no form", "\u{1b}")]
    {
        let forged =
            world.http.post(format!("{}/v1/callbacks/oss?token=sesame-of-the-query", world.dev.text("service")));
        let forged = forged
            .header(header::AUTHORIZATION, "c2VzYW1lLW9mLXRoZS1mb3JnZXI=")
            .header("x-oss-pub-key-url", "aHR0cDovL2dvc3NwdWJsaWMuYWxpY2RuLmNvbS9jYWxsYmFja19wdWJfa2V5X3YxLnBlbQ==")
            .body(body);
        assert!(answer(forged).await.0 >= 400, "{name}");
    }
    secrets.add("a forger's signature", "c2VzYW1lLW9mLXRoZS1mb3JnZXI=");
    secrets.add("a forger's seal", "v1.dev.sesame.of-the-forger");
    secrets.add("a query", "sesame-of-the-query");
}

#[tokio::test]
async fn nothing_that_the_service_says_of_itself_can_be_used_by_who_reads_it() {
    let world = World::start_with(CONFIGURATION, &[]);
    let mut secrets = Secrets::default();
    secrets.learn("what dev prints", &world.dev.ready);
    secrets.add("the token's signature", world.dev.text("token").rsplit('.').next().unwrap());
    for (name, value) in world.own_secrets().as_object().unwrap() {
        if !name.ends_with("_id") {
            secrets.add(name, value.as_str().unwrap());
        }
    }
    for (what, text) in [
        ("the hook's secret", HOOK_SECRET),
        ("the hook's URL", "sesame-of-the-hook"),
        ("the collector's header", "sesame-of-the-collector"),
    ] {
        secrets.add(what, text);
    }

    let grant = world.issue("post").await;
    secrets.learn("the first grant", &grant);
    assert_eq!(world.upload(&grant).await.0, 200);
    world.sink.wait_for(1);
    grants(&world, &mut secrets).await;
    drop_in_shapes(&world, &mut secrets).await;
    refusals(&world, &mut secrets).await;
    world.break_head(500).await;
    let deferred = world.issue("post").await;
    secrets.learn("a grant that OSS knows nothing of", &deferred);
    world.upload(&deferred).await;
    // Refused, and taken.
    world.reconfigure("[hooks.backend]\nurl = \"http://sesame-of-the-fault:pass@127.0.0.1/\"\n");
    secrets.add("what a faulty setting holds", "sesame-of-the-fault");
    world.reconfigure(&CONFIGURATION.replace("on_failure = \"accept\"", "on_failure = \"reject\""));
    for posts in [world.sink.received(), world.hook.received()] {
        assert!(!posts.is_empty(), "somebody was told");
        for post in posts {
            secrets.add("a webhook's signature", post.header("webhook-signature").unwrap());
        }
    }
    let ended = world.end();

    assert!(secrets.0.len() > 60, "this test has found what to look for: {}", secrets.0.len());
    assert!(ended.output.contains("\"level\":\"TRACE\""), "everything is logged");
    assert!(ended.output.contains("callback refused") && ended.output.contains("request failed"));
    secrets.assert_not_in("the output", &ended.output);
    let spans = ended.collector.spans();
    assert!(spans.len() > 20);
    let told: Vec<String> = spans.iter().map(|span| format!("{span:?}")).collect();
    secrets.assert_not_in("a span", &told.join("\n"));
}
