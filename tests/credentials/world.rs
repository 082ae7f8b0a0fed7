//! A service whose credentials come from the simulator's STS: by `AssumeRole`, and by a pod's token.

use std::{
    net::TcpListener,
    path::Path,
    sync::{Arc, Once},
};

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oss_valet::{
    app::Valet,
    clock::Clock,
    entropy::SystemEntropy,
    oss::access_key::AccessKey,
    settings::{Environment, Settings},
    shutdown::Stops,
    simulator::{
        Action, BucketSpec, OidcProviderSpec, Permissions, RoleSpec, RoleTrust, Simulator, SimulatorSettings,
        StsHandle, TrustedKeys,
    },
    startup::{Application, Listeners, Parts},
};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use reqwest::{StatusCode, multipart};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const JWT_SECRET: &str = "jwt-secret-of-the-tests-0123456789abcdef";
/// May assume the role, and nothing else.
const CALLER: [&str; 2] = ["LTAIcaller000001", "CallerSecret0000000000000001"];
/// May read, and nothing else.
const READER: [&str; 2] = ["LTAIreader000001", "ReaderSecret0000000000000001"];
const ISSUER: &str = "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c1";
const SUBJECT: &str = "system:serviceaccount:uploads:oss-valet";
const SETTINGS: &str = include_str!("world.toml");

/// Service and simulator, running.
pub(crate) struct World {
    pub(crate) service: String,
    pub(crate) ops: String,
    pub(crate) valet: Arc<Valet>,
    pub(crate) sts: StsHandle,
    pub(crate) http: reqwest::Client,
    clock: Arc<dyn Clock>,
    pod_key: EncodingKey,
    data: TempDir,
    stops: Stops,
    stop_simulator: CancellationToken,
    running: Option<JoinHandle<()>>,
}

/// How to start it.
pub(crate) struct Plan {
    /// Service and simulator agree on the time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether renewal and reconciling run by themselves.
    pub(crate) background: bool,
}

impl World {
    /// With the settings of `world.toml`, changed by `change`.
    pub(crate) async fn start(plan: Plan, change: impl FnOnce(String) -> String) -> Self {
        install_provider();
        let data = tempfile::tempdir().unwrap();
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let simulator = Simulator::bind(simulator_settings(data.path(), &plan, &pair)).unwrap();
        let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
        let listeners = Listeners { public: bind(), ops: bind() };
        let toml = change(fill_in(&simulator, &listeners, data.path()));
        let settings = Settings::from_toml_str("development", "world.toml", &toml).unwrap();
        let parts = Parts {
            clock: plan.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            environment: Environment::default(),
            static_answer: None,
            reconcile: plan.background,
            listeners: Some(listeners),
            telemetry: None,
        };
        let stops = Stops::default();
        let application = Application::build(&settings, parts, stops.clone()).await.unwrap();
        let stop_simulator = CancellationToken::new();
        let mut world = Self {
            service: application.service_url().to_owned(),
            ops: application.ops_url().to_owned(),
            valet: application.valet().current(),
            sts: simulator.sts(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            clock: plan.clock,
            pod_key: EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap(),
            data,
            stops,
            stop_simulator: stop_simulator.clone(),
            running: None,
        };
        world.replace_pod_token(TimeDelta::hours(1));
        tokio::spawn(async move { simulator.run(stop_simulator).await.unwrap() });
        world.running = Some(tokio::spawn(async move { application.run().await.unwrap() }));
        world
    }

    /// Puts a fresh token where Kubernetes would.
    pub(crate) fn replace_pod_token(&self, life: TimeDelta) {
        let now = self.clock.now();
        let claims = json!({
            "iss": ISSUER, "sub": SUBJECT, "aud": ["sts.aliyuncs.com"],
            "iat": now.timestamp(), "nbf": now.timestamp(), "exp": (now + life).timestamp(),
        });
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.pod_key).unwrap();
        // As Kubernetes does: whole or not at all.
        let path = self.data.path().join("token");
        std::fs::write(path.with_extension("next"), token).unwrap();
        std::fs::rename(path.with_extension("next"), path).unwrap();
    }

    /// A grant, or why not.
    pub(crate) async fn issue(&self, profile: &str, method: &str) -> Result<Value, String> {
        let claims = json!({
            "iss": "dev", "aud": "uploads", "sub": "u-7",
            "exp": (self.clock.now() + TimeDelta::days(2)).timestamp(),
        });
        let token = jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes()))
            .unwrap();
        let body = json!({"profile": profile, "method": method, "filename": "a.txt"});
        let sent = self.http.post(format!("{}/v1/uploads", self.service)).bearer_auth(token).json(&body).send().await;
        answer_of(sent, StatusCode::CREATED).await
    }

    /// Uploads under a grant; what OSS answers is what our callback said.
    pub(crate) async fn upload(&self, grant: &Value) -> Result<Value, String> {
        let request = &grant["request"];
        let url = request["url"].as_str().ok_or_else(|| grant.to_string())?;
        let texts = |object: &Value| -> Vec<(String, String)> {
            object.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect()
        };
        let sent = if request["method"] == "POST" {
            let mut form = multipart::Form::new();
            for (name, value) in texts(&request["fields"]) {
                form = form.text(name, value);
            }
            self.http.post(url).multipart(form.part("file", multipart::Part::bytes(b"hello".to_vec()))).send()
        } else {
            let mut put = self.http.put(url).body("hello");
            for (name, value) in texts(&request["headers"]) {
                put = put.header(name, value);
            }
            put.send()
        };
        answer_of(sent.await, StatusCode::OK).await
    }

    /// Issues and uploads, up to the recorded completion.
    pub(crate) async fn bring(&self, profile: &str, method: &str) -> Result<(), String> {
        let grant = self.issue(profile, method).await?;
        let told = self.upload(&grant).await?;
        if told["state"] == "completed" && told["id"] == grant["id"] { Ok(()) } else { Err(told.to_string()) }
    }

    /// Status and body of `/readyz`.
    pub(crate) async fn ready(&self) -> (u16, Value) {
        let response = self.http.get(format!("{}/readyz", self.ops)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Asks the service to stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.stops.soft.cancel();
        self.running.take().unwrap().await.unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stops.soft.cancel();
        self.stops.hard.cancel();
        self.stop_simulator.cancel();
    }
}

async fn answer_of(sent: reqwest::Result<reqwest::Response>, expected: StatusCode) -> Result<Value, String> {
    let response = sent.map_err(|error| error.to_string())?;
    let status = response.status();
    let text = response.text().await.map_err(|error| error.to_string())?;
    if status != expected {
        return Err(format!("{status}: {text}"));
    }
    serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
}

fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

fn simulator_settings(data: &Path, plan: &Plan, pod_key: &KeyPair) -> SimulatorSettings {
    let key = |[id, secret]: [&str; 2]| AccessKey::new(id, secret);
    let may_assume = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],"Resource":["*"]}]}"#;
    // What signs may only write; the pod's role confirms too.
    let signer = RoleSpec {
        trust: RoleTrust {
            keys: TrustedKeys::Only(vec![CALLER[0].to_owned()]),
            external_id: Some("partner-1".to_owned()),
            ..RoleTrust::default()
        },
        ..RoleSpec::new("signer", Permissions::of([Action::PutObject]))
    };
    let pod = RoleSpec {
        trust: RoleTrust {
            keys: TrustedKeys::Only(Vec::new()),
            oidc_providers: vec!["ack-rrsa-c1".to_owned()],
            oidc_subject: Some(SUBJECT.to_owned()),
            ..RoleTrust::default()
        },
        ..RoleSpec::new("pod", Permissions::of([Action::PutObject, Action::GetObject]))
    };
    let mut settings = SimulatorSettings::new("127.0.0.1:0".parse().unwrap(), data.join("oss"), plan.clock.clone())
        .with_bucket(BucketSpec::new("app-media", "cn-hangzhou"))
        .with_bucket(BucketSpec::new("app-pod", "cn-hangzhou"))
        .with_key(key(CALLER), Permissions::policy(may_assume).unwrap())
        .with_key(key(READER), Permissions::of([Action::GetObject]))
        .with_role(signer)
        .with_role(pod);
    settings.oidc_providers.push(OidcProviderSpec {
        name: "ack-rrsa-c1".to_owned(),
        issuer: ISSUER.to_owned(),
        audiences: vec!["sts.aliyuncs.com".to_owned()],
        public_key_pem: pod_key.public_key_pem(),
    });
    settings
}

fn fill_in(simulator: &Simulator, listeners: &Listeners, data: &Path) -> String {
    let mut settings = SETTINGS.to_owned();
    for (name, value) in [
        ("service", format!("http://{}", listeners.public.local_addr().unwrap())),
        ("simulator", simulator.url()),
        ("jwt_secret", JWT_SECRET.to_owned()),
        ("caller_id", CALLER[0].to_owned()),
        ("caller_secret", CALLER[1].to_owned()),
        ("reader_id", READER[0].to_owned()),
        ("reader_secret", READER[1].to_owned()),
        ("token_file", data.join("token").display().to_string()),
        ("callback_key_url", simulator.callback_key_url()),
        ("callback_key_pem", simulator.callback_public_key_pem()),
        ("ledger", data.join("ledger.db").display().to_string()),
    ] {
        settings = settings.replace(&format!("{{{name}}}"), &value);
    }
    settings
}
