//! The real binary with everything it may talk to, and its log in a file.

use std::{fs, process::Command};

use reqwest::{Method, RequestBuilder, multipart};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    dev::{BINARY, Running},
    receiver::Receiver,
};

/// `oss-valet dev`, a collector and a sink.
pub(crate) struct World {
    pub(crate) dev: Running,
    pub(crate) collector: Receiver,
    pub(crate) sink: Receiver,
    pub(crate) hook: Receiver,
    pub(crate) http: reqwest::Client,
    folder: TempDir,
}

/// What is left when it has ended.
pub(crate) struct Ended {
    /// All that was written on stderr, and on stdout after the line of `--json`.
    pub(crate) output: String,
    pub(crate) collector: Receiver,
}

impl World {
    /// With these environment variables, after `OSS_VALET__`; `{collector}` is filled in.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_with("", variables)
    }

    /// And with a configuration file, in which `{collector}` and `{hook}` are.
    pub(crate) fn start_with(toml: &str, variables: &[(&str, &str)]) -> Self {
        // Another test may have been faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let [collector, sink, hook] = [Receiver::start(), Receiver::start(), Receiver::start()];
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" "$@" 2>"$LOG""#, BINARY, "dev", "--json", "--sink", &sink.url]);
        command.args(["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--simulator-listen", "127.0.0.1:0"]);
        command.arg("--data").arg(folder.path().join("data")).arg("--config").arg(folder.path());
        // Spans are sent soon.
        command.env("OTEL_BSP_SCHEDULE_DELAY", "50");
        command.env("LOG", folder.path().join("log")).env("OSS_VALET__TELEMETRY__LOG_FORMAT", "json");
        for (name, value) in variables {
            command.env(format!("OSS_VALET__{name}"), value.replace("{collector}", &collector.url));
        }
        let toml = toml.replace("{collector}", &collector.url).replace("{hook}", &hook.url);
        fs::write(folder.path().join("development.toml"), toml).unwrap();
        let dev = Running::start(command);
        Self { dev, collector, sink, hook, http: reqwest::Client::builder().no_proxy().build().unwrap(), folder }
    }

    /// Another configuration file; told of by SIGHUP.
    pub(crate) fn reconfigure(&self, toml: &str) {
        let toml = toml.replace("{collector}", &self.collector.url).replace("{hook}", &self.hook.url);
        fs::write(self.folder.path().join("development.toml"), toml).unwrap();
        self.dev.signal("-HUP");
    }

    /// What `dev` has made up.
    pub(crate) fn own_secrets(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.folder.path().join("data/dev-secrets.json")).unwrap()).unwrap()
    }

    /// As the user of the development token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.dev.text("service"))).bearer_auth(self.dev.text("token"))
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    /// A grant for a document.
    pub(crate) async fn issue(&self, method: &str) -> Value {
        let ask = json!({"profile": "document", "method": method, "filename": "a.txt", "vars": {"album": "42"}});
        let (status, grant) = self.post("/v1/uploads", ask).await;
        assert_eq!(status, 201, "{grant}");
        grant
    }

    /// Sends the file under a form; OSS calls back. What OSS says.
    pub(crate) async fn upload(&self, grant: &Value) -> (u16, Value) {
        let fields = grant["request"]["fields"].as_object().unwrap();
        let form = fields.iter().fold(multipart::Form::new(), |form, (name, value)| {
            form.text(name.clone(), value.as_str().unwrap().to_owned())
        });
        let form = form.part("file", multipart::Part::bytes(b"hello".as_slice()).file_name("a.txt"));
        answer(self.http.post(grant["request"]["url"].as_str().unwrap()).multipart(form)).await
    }

    /// Puts the object in place behind the service's back.
    pub(crate) async fn put_object(&self, grant: &Value) {
        let (bucket, key) = (grant["bucket"].as_str().unwrap(), grant["key"].as_str().unwrap());
        let url = format!("{}/-/objects/{bucket}/{key}", self.dev.text("simulator"));
        let put = self.http.put(url).header("content-type", grant["content_type"].as_str().unwrap()).body("hello");
        assert_eq!(answer(put).await.0, 200);
    }

    /// From now on OSS answers HEAD so.
    pub(crate) async fn break_head(&self, status: u16) {
        let refuse = json!({"status": status, "code": "InternalError", "message": "Not today."});
        let fault = json!([{"on": {"operation": "HeadObject"}, "times": null, "do": {"refuse": refuse}}]);
        let put = self.http.put(format!("{}/-/faults", self.dev.text("simulator"))).json(&fault);
        assert!(answer(put).await.0 < 300);
    }

    /// Ends it, and sees that it ends well.
    pub(crate) fn end(self) -> Ended {
        let (status, printed) = self.dev.terminate();
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        assert!(status.success(), "{status}: {log}");
        Ended { output: log + &printed, collector: self.collector }
    }
}

impl Ended {
    /// The log, line by line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.output.lines().map(read).collect()
    }

    /// The audit lines of this action.
    pub(crate) fn audit(&self, action: &str) -> Vec<Value> {
        let is_it = |line: &Value| line["target"] == "audit" && line["audit.action"] == action;
        self.lines().into_iter().filter(is_it).collect()
    }
}

/// Status and body, JSON or text.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
