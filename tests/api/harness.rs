//! One service with its simulator per test, on free ports, with a clock that only the test moves.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, Once},
};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{EncodingKey, Header};
use oss_valet::{
    app::{Valet, live::Live},
    clock::{Clock, ManualClock},
    entropy::SystemEntropy,
    oss::access_key::AccessKey,
    settings::{ConfigSource, Environment, Settings},
    shutdown::Stops,
    simulator::{Action, BucketSpec, Permissions, RoleSpec, Simulator, SimulatorSettings, StsHandle},
    startup::{Application, Listeners, Parts, Reloaded, Reloader, build_valet},
};
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap, multipart};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{contract, ledger};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const OTHER_ISSUER: &str = "https://other-id.example.com";
pub(crate) const JWT_SECRET: &str = "jwt-secret-of-the-tests-0123456789abcdef";
pub(crate) const OTHER_JWT_SECRET: &str = "other-jwt-secret-of-the-tests-0123456789";
pub(crate) const SEAL_SECRET: &str = "seal-secret-of-the-tests-0123456789abcdef";
pub(crate) const OLD_SEAL_SECRET: &str = "old-seal-secret-of-the-tests-0123456789";
/// May do everything in the simulator, as the owner of the OSS account.
pub(crate) const OWNER: [&str; 2] = ["LTAIowner0000001", "OwnerSecret00000000000000001"];
/// What the service signs with: no PutObjectAcl.
pub(crate) const SIGNER: [&str; 2] = ["LTAIsigner000001", "SignerSecret0000000000000001"];
const SETTINGS: &str = include_str!("settings.toml");

/// The running service.
pub(crate) struct TestApp {
    pub(crate) service: String,
    pub(crate) ops: String,
    pub(crate) simulator: String,
    pub(crate) callback_key_url: String,
    pub(crate) clock: Arc<ManualClock>,
    /// OSS's clock: ours, unless a test sets it apart.
    pub(crate) oss_clock: Arc<OssClock>,
    pub(crate) http: reqwest::Client,
    /// The simulator's STS, from the inside.
    pub(crate) sts: StsHandle,
    /// For stepping the reconciler by hand.
    pub(crate) valet: Arc<Valet>,
    /// As [`Self::valet`], for what goes on through a reload.
    pub(crate) live: Live<Valet>,
    pub(crate) reloader: Arc<Reloader>,
    pub(crate) data: TempDir,
    ledger: String,
    stops: Stops,
    /// The settings, as text.
    pub(crate) toml: String,
    pub(crate) settings: Settings,
    service_task: JoinHandle<()>,
    stop_simulator: CancellationToken,
    simulator_task: JoinHandle<()>,
}

/// A clock that goes as ours does, some time ahead.
pub(crate) struct OssClock {
    ours: Arc<ManualClock>,
    ahead: Mutex<TimeDelta>,
}

impl OssClock {
    pub(crate) fn set_ahead(&self, ahead: TimeDelta) {
        *self.ahead.lock().unwrap() = ahead;
    }
}

impl Clock for OssClock {
    fn now(&self) -> DateTime<Utc> {
        self.ours.now() + *self.ahead.lock().unwrap()
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl TestApp {
    /// With the settings of `settings.toml`.
    pub(crate) async fn spawn() -> Self {
        Self::spawn_with(|settings| settings).await
    }

    /// With settings changed by the test, as text.
    pub(crate) async fn spawn_with(change: impl FnOnce(String) -> String) -> Self {
        Self::spawn_over(|_| (), change).await
    }

    /// With an OSS changed by the test, too.
    pub(crate) async fn spawn_over(
        change_oss: impl FnOnce(&mut SimulatorSettings),
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let data = tempfile::tempdir().unwrap();
        let ledger = ledger::fresh(data.path()).await;
        Self::spawn_at(data, ledger, change_oss, change).await
    }

    /// With the ledger at that URL.
    pub(crate) async fn spawn_at(
        data: TempDir,
        ledger: String,
        change_oss: impl FnOnce(&mut SimulatorSettings),
        change: impl FnOnce(String) -> String,
    ) -> Self {
        install_provider();
        // A whole second: what HTTP dates can say.
        let clock = Arc::new(ManualClock::at(DateTime::from_timestamp(1_795_219_200, 0).unwrap()));
        let oss_clock = Arc::new(OssClock { ours: clock.clone(), ahead: Mutex::new(TimeDelta::zero()) });
        let mut oss_settings = simulator_settings(&data, oss_clock.clone());
        change_oss(&mut oss_settings);
        let simulator = Simulator::bind(oss_settings).unwrap();
        let listeners = free_ports();
        let toml = change(fill_in(&simulator, &listeners, &ledger));
        let settings = Settings::from_toml_str("development", "tests/api/settings.toml", &toml).unwrap();
        let stops = Stops::default();
        let application = Application::build(&settings, parts(&clock, listeners), stops.clone()).await.unwrap();
        let stop_simulator = CancellationToken::new();
        Self {
            service: application.service_url().to_owned(),
            ops: application.ops_url().to_owned(),
            simulator: simulator.url(),
            callback_key_url: simulator.callback_key_url(),
            sts: simulator.sts(),
            clock,
            oss_clock,
            http: http_client(),
            valet: application.valet().current(),
            live: application.valet(),
            reloader: application.reloader(),
            data,
            ledger,
            stops,
            toml,
            settings,
            service_task: tokio::spawn(async move { application.run().await.unwrap() }),
            stop_simulator: stop_simulator.clone(),
            simulator_task: tokio::spawn(async move { simulator.run(stop_simulator).await.unwrap() }),
        }
    }

    /// Ends the service and starts it again over the same ledger, at other ports.
    pub(crate) async fn restart(&mut self) {
        self.stops.soft.cancel();
        (&mut self.service_task).await.unwrap();
        self.stops = Stops::default();
        let parts = parts(&self.clock, free_ports());
        let application = Application::build(&self.settings, parts, self.stops.clone()).await.unwrap();
        application.service_url().clone_into(&mut self.service);
        application.ops_url().clone_into(&mut self.ops);
        self.live = application.valet();
        self.reloader = application.reloader();
        self.valet = self.live.current();
        self.service_task = tokio::spawn(async move { application.run().await.unwrap() });
    }

    /// The use cases of another replica: the same settings, the same ledger, the same clock.
    pub(crate) async fn replica(&self) -> Valet {
        build_valet(&self.settings, &parts(&self.clock, free_ports())).await.unwrap()
    }

    /// As [`Self::restart`], with settings changed by the test.
    pub(crate) async fn restart_with(&mut self, change: impl FnOnce(String) -> String) {
        self.toml = change(self.toml.clone());
        self.settings = Settings::from_toml_str("development", "tests/api/settings.toml", &self.toml).unwrap();
        self.restart().await;
    }

    /// Puts these settings in force while the service runs.
    pub(crate) async fn reload(&self, toml: &str) -> Reloaded {
        let source = ConfigSource {
            dir: None,
            env: "development".to_owned(),
            environment: Environment::default(),
            built_in: Some(("tests/api/settings.toml".to_owned(), toml.to_owned())),
        };
        self.reloader.reload(&source).await.0
    }

    /// Takes OSS away: from now on nobody listens there.
    pub(crate) async fn stop_simulator(&mut self) {
        self.stop_simulator.cancel();
        (&mut self.simulator_task).await.unwrap();
    }

    /// Asks the service to stop: from now on it drains.
    pub(crate) fn drain(&self) {
        self.stops.soft.cancel();
    }

    /// A good token for the user.
    pub(crate) fn token(&self, user: &str) -> String {
        self.token_with(user, &[])
    }

    /// A good token with scopes.
    pub(crate) fn token_with(&self, user: &str, scopes: &[&str]) -> String {
        Self::sign_token(&json!({
            "iss": ISSUER, "aud": "uploads", "sub": user, "scope": scopes.join(" "),
            "exp": (self.clock.now() + TimeDelta::hours(48)).timestamp(),
        }))
    }

    /// A token with these claims, signed with the first issuer's secret.
    pub(crate) fn sign_token(claims: &Value) -> String {
        let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
        jsonwebtoken::encode(&Header::default(), claims, &key).unwrap()
    }

    /// A request to the service by a user; send it with [`send`].
    pub(crate) fn request(&self, method: Method, path: &str, user: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.service)).bearer_auth(self.token(user))
    }

    /// GET by a user.
    pub(crate) async fn get(&self, path: &str, user: &str) -> Answer {
        send(self.request(Method::GET, path, user)).await
    }

    /// POST of JSON by a user.
    pub(crate) async fn post(&self, path: &str, user: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path, user).json(body)).await
    }

    /// DELETE by a user.
    pub(crate) async fn delete(&self, path: &str, user: &str) -> Answer {
        send(self.request(Method::DELETE, path, user)).await
    }

    /// Issues a grant that must be granted.
    pub(crate) async fn issue(&self, user: &str, body: Value) -> Value {
        let answer = self.post("/v1/uploads", user, &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// The grant as its owner sees it now.
    pub(crate) async fn show(&self, grant: &Value) -> Value {
        let answer = self.get(&path_of(grant), grant["user_id"].as_str().unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The simulator's list of a bucket's objects: keys with their versions.
    pub(crate) async fn objects(&self, bucket: &str) -> Value {
        send(self.http.get(format!("{}/-/objects/{bucket}", self.simulator))).await.json()
    }

    /// What happens to the next callbacks, in order: `drop`, `throttle`, `lose_answer`, `duplicate`.
    pub(crate) async fn set_callback_faults(&self, faults: &[&str]) {
        let rule = |fault: &&str| json!({"on": {"operation": "Callback"}, "do": fault});
        self.set_faults(faults.iter().map(rule).collect()).await;
    }

    /// What goes wrong in OSS from now on.
    pub(crate) async fn set_faults(&self, rules: Vec<Value>) {
        let answer = send(self.http.put(format!("{}/-/faults", self.simulator)).json(&rules)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Every row of a query on the ledger, each column as text, read beside the running service.
    pub(crate) async fn query_ledger(&self, sql: &'static str) -> Vec<Vec<Option<String>>> {
        ledger::query(&self.ledger, sql).await
    }

    /// The ledger's events, oldest first: the whole CloudEvents documents.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let rows = self.query_ledger("SELECT payload FROM events ORDER BY seq").await;
        rows.into_iter().map(|row| serde_json::from_str(row[0].as_deref().unwrap()).unwrap()).collect()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stops.soft.cancel();
        self.stops.hard.cancel();
        self.stop_simulator.cancel();
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// The problem's code; checks that it is a problem document, with the same status and the id of the header.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16(), "{problem}");
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{problem}");
        for member in ["type", "title", "detail"] {
            assert!(problem[member].is_string(), "{member} in {problem}");
        }
        problem["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// Fails unless the answer is this refusal.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.code().as_str()), (status, code), "{}", self.text());
    }
}

/// A client that follows no redirect.
pub(crate) fn http_client() -> reqwest::Client {
    install_provider();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

/// Sends, and reads the whole answer, which must be one that is documented.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response = client.execute(request).await.unwrap();
    let answer = Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    };
    contract::hold(&method, &path, &answer);
    answer
}

/// `/v1/uploads/{id}`.
pub(crate) fn path_of(grant: &Value) -> String {
    format!("/v1/uploads/{}", grant["id"].as_str().unwrap())
}

/// The grant's form fields, in order.
pub(crate) fn fields_of(grant: &Value) -> Vec<(String, String)> {
    pairs(&grant["request"]["fields"])
}

/// A JSON object of strings as pairs.
pub(crate) fn pairs(object: &Value) -> Vec<(String, String)> {
    object.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// Sends a form with these fields and the file last, as a browser does.
pub(crate) async fn send_form(app: &TestApp, url: &str, fields: &[(String, String)], file: &[u8]) -> Answer {
    let mut form = multipart::Form::new();
    for (name, value) in fields {
        form = form.text(name.clone(), value.clone());
    }
    let part = multipart::Part::bytes(file.to_vec()).file_name("file.bin").mime_str("text/html").unwrap();
    send(app.http.post(url).multipart(form.part("file", part))).await
}

/// Uploads under a grant exactly as its `request` says.
pub(crate) async fn upload(app: &TestApp, grant: &Value, file: &[u8]) -> Answer {
    let request = &grant["request"];
    let url = request["url"].as_str().unwrap();
    if request["method"] == "POST" {
        return send_form(app, url, &fields_of(grant), file).await;
    }
    let mut put = app.http.put(url).body(file.to_vec());
    for (name, value) in pairs(&request["headers"]) {
        put = put.header(name, value);
    }
    send(put).await
}

fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
}

pub(crate) fn free_ports() -> Listeners {
    let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
    Listeners { public: bind(), ops: bind() }
}

pub(crate) fn parts(clock: &Arc<ManualClock>, listeners: Listeners) -> Parts {
    Parts {
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy),
        environment: Environment::from_pairs::<String, String>([]),
        static_answer: None,
        reconcile: false,
        listeners: Some(listeners),
        telemetry: None,
    }
}

fn simulator_settings(data: &TempDir, clock: Arc<dyn Clock>) -> SimulatorSettings {
    let key = |[id, secret]: [&str; 2]| AccessKey::new(id, secret);
    SimulatorSettings::new("127.0.0.1:0".parse().unwrap(), data.path().join("oss"), clock)
        .with_bucket(BucketSpec::new("app-media", "cn-hangzhou"))
        .with_bucket(BucketSpec::new("app-old", "cn-hangzhou"))
        .with_bucket(BucketSpec::new("somebody-elses", "cn-hangzhou"))
        .with_key(key(OWNER), Permissions::all())
        .with_key(key(SIGNER), Permissions::all().without(Action::PutObjectAcl))
        // It may do everything, so that what a session may not do is its own policy's doing.
        .with_role(RoleSpec::new("uploads", Permissions::all()))
}

fn fill_in(simulator: &Simulator, listeners: &Listeners, ledger: &str) -> String {
    let mut settings = SETTINGS.to_owned();
    for (name, value) in [
        ("service", format!("http://{}", listeners.public.local_addr().unwrap())),
        ("simulator", simulator.url()),
        ("jwt_secret", JWT_SECRET.to_owned()),
        ("other_jwt_secret", OTHER_JWT_SECRET.to_owned()),
        ("seal_secret", SEAL_SECRET.to_owned()),
        ("old_seal_secret", OLD_SEAL_SECRET.to_owned()),
        ("signer_id", SIGNER[0].to_owned()),
        ("signer_secret", SIGNER[1].to_owned()),
        ("callback_key_url", simulator.callback_key_url()),
        ("callback_key_pem", simulator.callback_public_key_pem()),
        ("ledger", ledger.to_owned()),
    ] {
        settings = settings.replace(&format!("{{{name}}}"), &value);
    }
    settings
}
