//! Whoever changes a signed thing is refused.

use base64::{Engine, engine::general_purpose::STANDARD};
use oss_valet::oss::{
    post_policy::Condition,
    presign,
    request::{SignableRequest, SignatureVersion},
};
use reqwest::Url;

use crate::harness::{BOTH, BUCKET, Form, World, own, owner, refusal, send, session};

/// To port 1, where nobody listens: the object is stored all the same.
const CALLBACK: &str = "eyJjYWxsYmFja1VybCI6Imh0dHA6Ly8xMjcuMC4wLjE6MS8iLCJjYWxsYmFja0JvZHkiOiJhIn0=";
const OTHER_CALLBACK: &str = "eyJjYWxsYmFja1VybCI6Imh0dHA6Ly8xMjcuMC4wLjE6MS94IiwiY2FsbGJhY2tCb2R5IjoiYSJ9";

/// A signed PUT, taken apart so that one thing can be changed.
#[derive(Clone)]
struct Parts {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Parts {
    fn query(mut self, name: &str, value: &str) -> Self {
        self.query.retain(|(known, _)| known != name);
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    fn header(mut self, name: &str, value: Option<&str>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    async fn outcome(&self, world: &World) -> String {
        let mut url = Url::parse(&format!("{}{}", world.url, self.path)).expect("a URL");
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let method = reqwest::Method::from_bytes(self.method.as_bytes()).expect("a method");
        let request = self
            .headers
            .iter()
            .fold(world.client.request(method, url), |request, (name, value)| request.header(name, value));
        let answer = send(request.body("x")).await;
        if answer.status().is_success() { "200".to_owned() } else { refusal(answer).await.summary() }
    }
}

fn signable() -> SignableRequest {
    let headers = own(&[
        ("Content-Type", "image/png"),
        ("x-oss-callback", CALLBACK),
        ("x-oss-forbid-overwrite", "false"),
        ("x-oss-meta-a", "1"),
    ]);
    presign::put_object(BUCKET, "inbox/a.png", headers)
}

/// One change each; what is said is what was done to the request.
fn changes(parts: &Parts) -> Vec<(&'static str, Parts)> {
    let elsewhere = |path: &str| Parts { path: path.to_owned(), ..parts.clone() };
    vec![
        ("another key", elsewhere("/dev-media/inbox/b.png")),
        ("a longer key", elsewhere("/dev-media/inbox/a.png/x")),
        ("the same key in another case", elsewhere("/dev-media/inbox/A.png")),
        ("another bucket", elsewhere("/dev-archive/inbox/a.png")),
        ("another method", Parts { method: "DELETE".to_owned(), ..parts.clone() }),
        ("another content type", parts.clone().header("Content-Type", Some("text/html"))),
        ("no content type", parts.clone().header("Content-Type", None)),
        ("a content MD5", parts.clone().header("Content-MD5", Some("nd/UvICpXPHqzhdDHs9thQ=="))),
        ("another callback", parts.clone().header("x-oss-callback", Some(OTHER_CALLBACK))),
        ("no callback", parts.clone().header("x-oss-callback", None)),
        ("a callback variable", parts.clone().header("x-oss-callback-var", Some("eyJ4OmEiOiIxIn0="))),
        ("another forbid-overwrite", parts.clone().header("x-oss-forbid-overwrite", Some("true"))),
        ("other metadata", parts.clone().header("x-oss-meta-a", Some("2"))),
        ("more metadata", parts.clone().header("x-oss-meta-b", Some("2"))),
        ("an ACL", parts.clone().header("x-oss-object-acl", Some("public-read"))),
        ("a storage class", parts.clone().header("x-oss-storage-class", Some("IA"))),
    ]
}

#[tokio::test]
async fn a_changed_url_or_header_is_refused() {
    let world = World::new().await;
    for key in [owner(), session()] {
        for version in BOTH {
            let context = world.context(version, &key);
            let signed = presign::presign(signable(), &[], 600, &context).expect("ten minutes");
            let parts = Parts {
                method: signed.method,
                path: "/dev-media/inbox/a.png".to_owned(),
                query: signed.query,
                headers: signed.headers,
            };
            assert_eq!(parts.outcome(&world).await, "200", "{version:?} untouched");
            let mut all = changes(&parts);
            all.push(("a query parameter", parts.clone().query("callback", CALLBACK)));
            all.push(("a sub-resource", parts.clone().query("symlink", "")));
            for (name, value) in &parts.query {
                let mut changed: Vec<char> = value.chars().collect();
                let first = changed[0];
                changed[0] = if first == '9' { '8' } else { '9' };
                let changed: String = changed.into_iter().collect();
                all.push(("a changed parameter", parts.clone().query(name, &changed)));
            }
            for (description, changed) in all {
                let outcome = changed.outcome(&world).await;
                assert!(outcome.starts_with('4'), "{version:?}, {description}: {outcome}");
            }
        }
    }
}

#[tokio::test]
async fn a_changed_request_signed_in_the_header_is_refused() {
    let world = World::new().await;
    for version in BOTH {
        let signed = presign::sign_headers(signable(), &[], &world.context(version, &owner()));
        let parts = Parts {
            method: signed.method,
            path: "/dev-media/inbox/a.png".to_owned(),
            query: vec![],
            headers: signed.headers.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")).collect(),
        };
        assert_eq!(parts.outcome(&world).await, "200", "{version:?} untouched");
        let mut all = changes(&parts);
        let date = if version == SignatureVersion::V4 { "20260101T000100Z" } else { "Thu, 01 Jan 2026 00:01:00 GMT" };
        all.push(("another x-oss-date", parts.clone().header("x-oss-date", Some(date))));
        all.push(("a token", parts.clone().header("x-oss-security-token", Some("TOKEN+/="))));
        for (description, changed) in all {
            let outcome = changed.outcome(&world).await;
            assert!(outcome.starts_with('4'), "{version:?}, {description}: {outcome}");
        }
    }
}

#[tokio::test]
async fn a_changed_form_is_refused() {
    let world = World::new().await;
    for version in BOTH {
        let pinned = [
            ("x-oss-content-type", "image/png"),
            ("callback", CALLBACK),
            ("x:sid", "s-0001"),
            ("x-oss-forbid-overwrite", "false"),
            ("success_action_status", "200"),
            ("x-oss-meta-a", "1"),
        ];
        let mut conditions: Vec<_> =
            pinned.iter().map(|(name, value)| Condition::Eq((*name).to_owned(), (*value).to_owned())).collect();
        conditions.push(Condition::Eq("key".to_owned(), "inbox/a".to_owned()));
        conditions.push(Condition::NotIn("x-oss-object-acl".to_owned(), vec!["public-read".to_owned()]));
        let form = Form::new(&world, version, "inbox/a", conditions, &pinned);
        assert_eq!(world.post(&form).await.status(), 203, "{version:?} untouched");
        let mut changes = vec![("an ACL".to_owned(), with(&form, "x-oss-object-acl", "public-read"))];
        for (name, _) in pinned.iter().chain(&[("key", "")]) {
            changes.push((format!("another {name}"), with(&form, name, "other")));
            changes.push((format!("no {name}"), form.clone().without(name)));
        }
        let policy = form.fields.iter().find(|(name, _)| name == "policy").map(|(_, value)| value.clone());
        let policy = String::from_utf8(STANDARD.decode(policy.expect("a policy")).expect("Base64")).expect("UTF-8");
        for (what, changed) in [
            ("another key in the policy", policy.replace("inbox/a", "inbox/b")),
            ("a longer life", policy.replace("2026", "2027")),
            ("a blank more", format!("{policy} ")),
        ] {
            changes.push((what.to_owned(), with(&form, "policy", &STANDARD.encode(changed))));
        }
        let own: Vec<String> = form.fields.iter().map(|(name, _)| name.clone()).collect();
        for name in own.iter().filter(|name| name.contains("ignature") || name.contains("redential")) {
            changes.push((format!("another {name}"), with(&form, name, "0000")));
        }
        for (description, changed) in changes {
            let refused = refusal(world.post(&changed).await).await;
            assert!(refused.status.is_client_error(), "{version:?}, {description}: {refused:?}");
        }
    }
}

fn with(form: &Form, name: &str, value: &str) -> Form {
    let mut changed = form.clone();
    changed.set(name, value);
    changed
}
