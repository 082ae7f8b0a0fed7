//! What several suites of the end-user API need beside the harness.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use jsonwebtoken::{EncodingKey, Header};
use oss_valet::clock::Clock;
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};

use crate::harness::{Answer, OTHER_ISSUER, OTHER_JWT_SECRET, TestApp, path_of, send};

/// The scope of a machine caller that issues for others.
pub(crate) const ISSUE_FOR: &str = "uploads:issue-for";
/// The scope of a caller that reads everybody's grants.
pub(crate) const READ_ANY: &str = "uploads:read-any";
/// The head of a PNG of 2 by 3 pixels: enough for whoever asks for its size.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x02\0\0\0\0\0\0\0";

impl TestApp {
    /// A request to the service with this token.
    pub(crate) fn request_by(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.service)).bearer_auth(token)
    }

    /// POST of JSON with this token.
    pub(crate) async fn post_by(&self, path: &str, token: &str, body: &Value) -> Answer {
        send(self.request_by(Method::POST, path, token).json(body)).await
    }

    /// GET with this token.
    pub(crate) async fn get_by(&self, path: &str, token: &str) -> Answer {
        send(self.request_by(Method::GET, path, token)).await
    }

    /// POST of bytes that may be anything, as JSON.
    pub(crate) async fn post_raw(&self, path: &str, user: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path, user).header(header::CONTENT_TYPE, "application/json");
        send(request.body(body)).await
    }

    /// A good token of the second issuer.
    pub(crate) fn token_of_other_issuer(&self, user: &str) -> String {
        let claims = json!({
            "iss": OTHER_ISSUER, "aud": "uploads", "sub": user,
            "exp": (self.clock.now() + TimeDelta::hours(48)).timestamp(),
        });
        let key = EncodingKey::from_secret(OTHER_JWT_SECRET.as_bytes());
        jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
    }

    /// How many grants the ledger holds.
    pub(crate) async fn grant_count(&self) -> usize {
        self.query_ledger("SELECT user_id FROM grants").await.len()
    }

    /// What can be done with a grant: `complete`, `renew`.
    pub(crate) async fn act(&self, grant: &Value, verb: &str) -> Answer {
        let owner = grant["user_id"].as_str().unwrap();
        self.post(&format!("{}/{verb}", path_of(grant)), owner, &json!({})).await
    }

    /// Puts an object in place behind the service's back: no callback comes of it.
    pub(crate) async fn put_object(&self, grant: &Value, content_type: &str, bytes: &[u8]) {
        let (bucket, key) = (grant["bucket"].as_str().unwrap(), grant["key"].as_str().unwrap());
        let url = format!("{}/-/objects/{bucket}/{key}", self.simulator);
        let request = self.http.put(url).header(header::CONTENT_TYPE, content_type).body(bytes.to_vec());
        let answer = send(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Whether the grant's object is in OSS.
    pub(crate) async fn object_exists(&self, grant: &Value) -> bool {
        let objects = self.objects(grant["bucket"].as_str().unwrap()).await;
        objects.to_string().contains(&format!("\"{}\"", grant["key"].as_str().unwrap()))
    }
}

/// Base64 of JSON, as callbacks, their variables and policies travel.
pub(crate) fn decode_json(base64: &Value) -> Value {
    serde_json::from_slice(&STANDARD.decode(base64.as_str().unwrap()).unwrap()).unwrap()
}

/// A form's policy: every condition by field name, and what is not about one field.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub(crate) expiration: String,
    /// `{"name": "value"}`.
    pub(crate) simple: BTreeMap<String, String>,
    /// `["eq", "$name", "value"]`.
    pub(crate) eq: BTreeMap<String, String>,
    pub(crate) length_range: Vec<[u64; 2]>,
}

impl Policy {
    /// Of a grant's form; fails on any condition of another kind, and on one field pinned twice.
    pub(crate) fn of(grant: &Value) -> Self {
        let json = decode_json(&grant["request"]["fields"]["policy"]);
        let mut policy = Self { expiration: json["expiration"].as_str().unwrap().to_owned(), ..Self::default() };
        // `$` begins a variable in the policy language, unless it is escaped.
        let literal = |value: &Value| value.as_str().unwrap().replace("\\$", "$");
        for condition in json["conditions"].as_array().unwrap() {
            let known = match condition {
                Value::Object(simple) => {
                    assert_eq!(simple.len(), 1, "{condition}");
                    let (name, value) = simple.iter().next().unwrap();
                    policy.simple.insert(name.clone(), literal(value))
                }
                Value::Array(parts) if parts[0] == "eq" => {
                    let name = parts[1].as_str().unwrap().strip_prefix('$').unwrap();
                    policy.eq.insert(name.to_owned(), literal(&parts[2]))
                }
                Value::Array(parts) if parts[0] == "content-length-range" => {
                    policy.length_range.push([parts[1].as_u64().unwrap(), parts[2].as_u64().unwrap()]);
                    None
                }
                other => panic!("a condition that nobody asked for: {other}"),
            };
            assert_eq!(known, None, "pinned twice: {condition}");
        }
        policy
    }
}
