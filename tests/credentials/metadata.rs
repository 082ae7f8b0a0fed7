//! A stand-in of the ECS metadata service.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use oss_valet::{
    clock::{Clock, ManualClock},
    credentials::{EcsRamRole, Timeouts},
};
use serde_json::json;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::harness::{http, issued};

pub(crate) const ROLES: &str = "/latest/meta-data/ram/security-credentials/";

/// The running stand-in.
pub(crate) struct Metadata {
    server: MockServer,
    pub(crate) world: Arc<Mutex<World>>,
}

/// What it is like, and what it has done.
pub(crate) struct World {
    clock: Arc<ManualClock>,
    /// Whether it knows tokens.
    pub(crate) has_v2: bool,
    /// Whether it insists on them.
    pub(crate) refuses_v1: bool,
    pub(crate) role: Option<&'static str>,
    pub(crate) code: &'static str,
    tokens: usize,
    /// The newest token is the valid one; none after a restart.
    pub(crate) valid_token: Option<String>,
}

impl Metadata {
    pub(crate) async fn start(clock: &Arc<ManualClock>) -> Self {
        let world = Arc::new(Mutex::new(World {
            clock: clock.clone(),
            has_v2: true,
            refuses_v1: false,
            role: Some("oss-valet"),
            code: "Success",
            tokens: 0,
            valid_token: None,
        }));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Answering(world.clone())).mount(&server).await;
        Self { server, world }
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap());
    }

    pub(crate) fn source(&self, role_name: Option<&str>, allow_v1: bool) -> EcsRamRole {
        EcsRamRole::new(&self.server.uri(), role_name.map(str::to_owned), allow_v1, http(Timeouts::METADATA))
    }

    /// What was sent since the last look: method and path, then the headers that are not every client's.
    pub(crate) async fn take(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        self.server.reset().await;
        Mock::given(any()).respond_with(Answering(self.world.clone())).mount(&self.server).await;
        requests.iter().map(shown).collect()
    }
}

fn shown(request: &Request) -> String {
    let mut text = format!("{} {}", request.method, request.url.path());
    let mut headers: Vec<_> = request.headers.iter().collect();
    headers.retain(|(name, _)| !["host", "user-agent", "accept", "content-length"].contains(&name.as_str()));
    for (name, value) in headers {
        text.extend([" ", name.as_str(), ": ", value.to_str().unwrap()]);
    }
    assert!(request.body.is_empty() && request.url.query().is_none(), "{text}");
    text
}

struct Answering(Arc<Mutex<World>>);

impl Respond for Answering {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.lock().unwrap().answer(request)
    }
}

impl World {
    fn answer(&mut self, request: &Request) -> ResponseTemplate {
        let path = request.url.path();
        if path == "/latest/api/token" {
            return self.answer_token(request);
        }
        let token = request.headers.get("x-aliyun-ecs-metadata-token").map(|value| value.to_str().unwrap());
        let allowed = match token {
            None => !self.refuses_v1,
            Some(token) => self.valid_token.as_deref() == Some(token),
        };
        if !allowed || request.method.as_str() != "GET" {
            return ResponseTemplate::new(if allowed { 405 } else { 403 });
        }
        match (path.strip_prefix(ROLES), self.role) {
            (Some(""), Some(role)) => ResponseTemplate::new(200).set_body_string(format!("{role}\n")),
            (Some(asked), Some(role)) if asked == role => {
                let mut body = issued("ecs", self.clock.now() + TimeDelta::hours(6));
                body["Code"] = json!(self.code);
                body["LastUpdated"] = json!("2026-11-20T23:59:59Z");
                ResponseTemplate::new(200).set_body_json(body)
            }
            _ => ResponseTemplate::new(404),
        }
    }

    fn answer_token(&mut self, request: &Request) -> ResponseTemplate {
        if !self.has_v2 {
            return ResponseTemplate::new(404);
        }
        let ttl = request.headers.get("x-aliyun-ecs-metadata-token-ttl-seconds");
        let ttl = ttl.and_then(|value| value.to_str().unwrap().parse::<u32>().ok());
        if request.method.as_str() != "PUT" || !ttl.is_some_and(|ttl| (1..=21_600).contains(&ttl)) {
            return ResponseTemplate::new(400);
        }
        self.tokens += 1;
        let token = format!("pass-{}", self.tokens);
        self.valid_token = Some(token.clone());
        ResponseTemplate::new(200).set_body_string(token)
    }
}
