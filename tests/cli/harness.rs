//! Running commands, and a configuration beside a running `dev`.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::dev::{BINARY, Running};

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// Its standard output, when it succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let stdout = self.ok();
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
    }
}

/// Runs the binary under test.
pub(crate) fn valet(args: &[&str]) -> Done {
    valet_reading(args, "")
}

/// Runs the binary under test with this on its standard input.
pub(crate) fn valet_reading(args: &[&str], input: &str) -> Done {
    run(Command::new(BINARY).args(args).env_remove("OSS_VALET_ENV"), input)
}

/// Runs curl.
pub(crate) fn curl(args: &[&str]) -> Done {
    need_curl();
    run(Command::new("curl").args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "30"]).args(args), "")
}

/// Runs a script in a POSIX shell, in a folder.
pub(crate) fn shell(script: &str, folder: &Path) -> Done {
    need_curl();
    run(Command::new("sh").args(["-c", script]).current_dir(folder).env("no_proxy", "*"), "")
}

fn need_curl() {
    let found = Command::new("curl").arg("--version").stdout(Stdio::null()).status();
    assert!(found.is_ok_and(|status| status.success()), "this test needs curl: install it, and run again");
}

fn run(command: &mut Command, input: &str) -> Done {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Who does not read its input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A `dev`, and a configuration folder that means the same ledger, bucket and secrets.
pub(crate) struct Beside {
    pub(crate) dev: Running,
    pub(crate) data: TempDir,
    pub(crate) config: TempDir,
}

impl Beside {
    pub(crate) fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let dev = Running::dev(data.path());
        let config = tempfile::tempdir().unwrap();
        let ledger = data.path().join("ledger.db");
        write_config(config.path(), &settings(&dev, data.path(), &ledger));
        Self { dev, data, config }
    }

    /// Runs a command with this configuration.
    pub(crate) fn valet(&self, command: &str, args: &[&str]) -> Done {
        valet(&[&[command, "--config", self.config.path().to_str().unwrap(), "--env", "development"], args].concat())
    }

    /// GET from the running service, with a token.
    pub(crate) fn get(&self, path: &str, token: &str) -> Value {
        let url = format!("{}{path}", self.dev.text("service"));
        curl(&["-H", &format!("Authorization: Bearer {token}"), &url]).json()
    }
}

pub(crate) fn write_config(folder: &Path, settings: &str) {
    fs::write(folder.join("development.toml"), settings).unwrap();
}

/// What `serve` and the small commands need to work beside a `dev`, with a ledger of their own or with its.
pub(crate) fn settings(dev: &Running, data: &Path, ledger: &Path) -> String {
    let secrets: Value = serde_json::from_str(&fs::read_to_string(data.join("dev-secrets.json")).unwrap()).unwrap();
    let secret = |name: &str| secrets[name].as_str().unwrap().to_owned();
    let [service, simulator] = ["service", "simulator"].map(|name| dev.text(name));
    let pem = fs::read_to_string(data.join("oss/callback_pub_key_v1.pem")).unwrap();
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
ops_listen = "127.0.0.1:0"
public_url = "{service}"
workers = 1
drain_delay = "0s"
[auth]
algorithms = ["HS256"]
[[auth.issuers]]
issuer = "oss-valet-dev"
hmac_secret = "{}"
[buckets.media]
bucket = "dev-media"
region = "cn-hangzhou"
endpoint = "{simulator}"
path_style = true
credentials = "simulator"
[credentials.simulator]
kind = "static"
access_key_id = "{}"
access_key_secret = "{}"
[profiles.document]
bucket = "media"
key = "documents/{{user_id}}/{{id}}.{{ext}}"
methods = ["post", "put"]
max_size = "1 MiB"
vars = ["album"]
headers = {{ "Content-Disposition" = "attachment" }}
[profiles.staff]
bucket = "media"
key = "staff/{{user_id}}/{{id}}.{{ext}}"
max_size = "1 MiB"
scope = "uploads:staff"
[callback]
public_urls = ["{service}/v1/callbacks/oss"]
[[callback.trusted_keys]]
url = "{simulator}/callback_pub_key_v1.pem"
pem = '''
{pem}'''
[[callback.seal_secrets]]
kid = "dev"
secret = "{}"
[store]
url = "sqlite://{}"
"#,
        secret("jwt_secret"),
        secret("valet_key_id"),
        secret("valet_key_secret"),
        secret("seal_secret"),
        ledger.display(),
    )
}
