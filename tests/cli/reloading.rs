//! The real process, told by a real SIGHUP, and left to find out for itself.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
};

use serde_json::Value;

use crate::{
    dev::BINARY,
    harness::{Beside, curl, settings, write_config},
};

const SMALL: &str =
    "\n[profiles.small]\nbucket = \"media\"\nkey = \"small/{user_id}/{id}.{ext}\"\nmax_size = \"1 KiB\"\n";

/// A `serve` whose log is read as it is written; killed when dropped.
struct Serving {
    child: Child,
    log: BufReader<ChildStderr>,
    service: String,
}

impl Serving {
    fn start(beside: &Beside) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--json", "--env", "development", "--config"]).arg(beside.config.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let ready: Value = serde_json::from_str(&ready).unwrap();
        Self { child, log, service: ready["service"].as_str().unwrap().to_owned() }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// The next line that says this.
    fn wait_for(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "the log ends before: {message}");
            let line: Value = serde_json::from_str(&line).unwrap_or_default();
            if line["message"] == message {
                return line;
            }
        }
    }

    fn profiles(&self, token: &str) -> Vec<String> {
        let url = format!("{}/v1/profiles", self.service);
        let listed = curl(&["-H", &format!("Authorization: Bearer {token}"), &url]).json();
        listed["profiles"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_hangup_or_a_changed_file_puts_the_configuration_in_force_and_a_bad_one_is_refused() {
    let beside = Beside::start();
    let base = settings(&beside.dev, beside.data.path(), &beside.data.path().join("other.db"));
    let watched = |every: &str| base.replace("[server]", &format!("[server]\nwatch_interval = {every:?}"));
    let write = |settings: &str| write_config(beside.config.path(), settings);
    write(&watched("0s"));
    let mut serving = Serving::start(&beside);
    let token = beside.valet("token", &["--user", "u-9"]).ok().trim().to_owned();
    assert_eq!(serving.profiles(&token), ["document"]);

    write(&(watched("0s") + &SMALL.replace("1 KiB", "1 kib")));
    serving.signal("-HUP");
    let fault = serving.wait_for("the configuration is refused");
    assert!(fault["error.cause"].as_str().unwrap().contains("development.toml: profiles.small.max_size: "), "{fault}");
    serving.wait_for("the old configuration stays in force");
    assert_eq!(serving.profiles(&token), ["document"]);

    write(&(watched("1s") + SMALL + "[telemetry]\nlog_format = \"json\"\nlog_filter = \"info,actix_server=warn\"\n"));
    serving.signal("-HUP");
    let told = serving.wait_for("another configuration is in force");
    let changed = told["settings.changed"].as_str().unwrap();
    for key in ["profiles.small.key", "server.watch_interval", "telemetry.log_filter"] {
        assert!(changed.contains(key), "{changed}");
    }
    assert_eq!(serving.profiles(&token), ["document", "small"]);

    write(&watched("1s").replace("listen = \"127.0.0.1:0\"\nops", "listen = \"127.0.0.1:1\"\nops"));
    serving.wait_for("another configuration is in force");
    let waiting = serving.wait_for("these settings wait for a restart");
    assert_eq!(waiting["settings.waiting"], "server.listen");
    assert_eq!(serving.profiles(&token), ["document"]);

    serving.signal("-TERM");
    assert_eq!(serving.child.wait().unwrap().code(), Some(0));
}
