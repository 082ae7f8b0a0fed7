//! `check --online`: everything as it should be, and then each thing wrong once.

mod settings;
mod wrong;

use std::{fs, sync::Arc};

use oss_valet::{
    clock::{Clock, SystemClock},
    oss::access_key::AccessKey,
    simulator::{Action, BucketSpec, CorsRule, LifecycleRule, Permissions, Simulator, SimulatorSettings},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::harness::{Done, curl, valet, write_config};

const SECRET: &str = "ValetSecret00000000000000001";
const SETTINGS: &str = r#"
[server]
cors_origins = ["https://app.example.com", "https://admin.example.com"]
[auth]
algorithms = ["HS256"]
[[auth.issuers]]
issuer = "tests"
audience = "uploads"
hmac_secret = "jwt-secret-of-the-tests-0123456789abcdef"
[buckets.media]
bucket = "app-media"
region = "cn-hangzhou"
endpoint = "SIMULATOR"
credentials = "signer"
confirm_credentials = "reader"
[credentials.signer]
kind = "static"
access_key_id = "LTAIsigner"
access_key_secret = "ValetSecret00000000000000001"
[credentials.reader]
kind = "static"
access_key_id = "LTAIreader"
access_key_secret = "ValetSecret00000000000000001"
[profiles.avatar]
bucket = "media"
key = "avatars/{user_id}/{id}.{ext}"
methods = ["post", "put"]
max_size = "1 MiB"
[profiles.video]
bucket = "media"
key = "videos/{user_id}/{id}.{ext}"
methods = ["multipart"]
max_size = "1 GiB"
[callback]
public_urls = ["https://uploads.example.com/v1/callbacks/oss"]
[[callback.seal_secrets]]
kid = "k1"
secret = "seal-secret-of-the-tests-0123456789abcdef"
[store]
url = "sqlite://LEDGER"
"#;

/// What OSS is like.
struct Oss {
    bucket: BucketSpec,
    signer: Permissions,
    reader: Permissions,
    clock: Arc<dyn Clock>,
}

impl Oss {
    /// As `check` wants it; CORS says just what is needed.
    fn fine() -> Self {
        let texts = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect();
        let bucket = BucketSpec {
            cors: vec![CorsRule {
                allowed_origins: texts(&["https://*.example.com"]),
                allowed_methods: texts(&["POST", "PUT"]),
                allowed_headers: texts(&["Content-Type", "x-oss-*"]),
                expose_headers: texts(&["etag", "x-oss-request-id"]),
                max_age_seconds: None,
            }],
            lifecycle: vec![LifecycleRule::abort_multipart_uploads_after(7)],
            ..BucketSpec::new("app-media", "cn-hangzhou")
        };
        let look = [
            Action::GetObject,
            Action::GetBucketInfo,
            Action::GetBucketCors,
            Action::GetBucketLifecycle,
            Action::GetBucketVersioning,
        ];
        let signer = Permissions::of([Action::PutObject]);
        Self { bucket, signer, reader: Permissions::of(look), clock: Arc::new(SystemClock) }
    }

    fn cors(mut self, change: impl FnOnce(&mut CorsRule)) -> Self {
        change(&mut self.bucket.cors[0]);
        self
    }

    fn bucket(mut self, change: impl FnOnce(&mut BucketSpec)) -> Self {
        change(&mut self.bucket);
        self
    }

    fn readers(mut self, change: impl FnOnce(Permissions) -> Permissions) -> Self {
        self.reader = change(self.reader);
        self
    }
}

/// A simulator that runs, and a configuration that means it.
struct World {
    url: String,
    data: TempDir,
    config: TempDir,
    settings: String,
    stop: CancellationToken,
}

impl World {
    fn start(oss: Oss) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let [data, config] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let key = |id| AccessKey::new(id, SECRET);
        let listen = "127.0.0.1:0".parse().unwrap();
        let simulator = SimulatorSettings::new(listen, data.path().join("oss"), oss.clock)
            .with_bucket(oss.bucket)
            .with_key(key("LTAIsigner"), oss.signer)
            .with_key(key("LTAIreader"), oss.reader);
        fs::create_dir(data.path().join("oss")).unwrap();
        let simulator = Simulator::bind(simulator).unwrap();
        let url = simulator.url();
        let stop = CancellationToken::new();
        tokio::spawn(simulator.run(stop.clone()));
        let ledger = data.path().join("ledger.db");
        let settings = SETTINGS.replace("SIMULATOR", &url).replace("LEDGER", ledger.to_str().unwrap());
        let world = Self { url, data, config, settings, stop };
        world.write(&world.settings);
        world.run("migrate", &[]).ok();
        world
    }

    fn write(&self, settings: &str) {
        write_config(self.config.path(), settings);
    }

    fn run(&self, command: &str, args: &[&str]) -> Done {
        let config = self.config.path().to_str().unwrap();
        valet(&[&[command, "--config", config, "--env", "development"], args].concat())
    }

    fn check(&self) -> Checked {
        let done = self.run("check", &["--online", "--json"]);
        let report: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
        assert!(!done.stdout.contains(SECRET) && !done.stderr.contains(SECRET), "a secret was printed");
        Checked { code: done.code, report }
    }

    /// Sets what goes wrong.
    fn faults(&self, rules: &Value) {
        curl(&["-f", "-X", "PUT", "-d", &rules.to_string(), &format!("{}/-/faults", self.url)]).ok();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Checked {
    code: i32,
    report: Value,
}

impl Checked {
    /// `(check, key, message)` of what was found online at this level.
    fn at(&self, level: &str) -> Vec<(&str, &str, &str)> {
        let findings = self.report["findings"].as_array().unwrap();
        let online = findings.iter().filter(|finding| finding["level"] == level && finding["check"] != "configuration");
        let texts = |finding| ["check", "key", "message"].map(|name| text(finding, name));
        online.map(texts).map(|[check, key, message]| (check, key, message)).collect()
    }

    /// That one thing is wrong, and nothing else.
    #[track_caller]
    fn is_only(&self, why: &str, level: &str, check: &str, key: &str, word: &str) {
        for other in ["fault", "warning", "unknown"] {
            let found = self.at(other);
            if other == level {
                let told = !found.is_empty()
                    && found.iter().all(|found| found.0 == check && found.1 == key && found.2.contains(word));
                assert!(told, "{why}: {found:#?}");
            } else {
                assert_eq!(found, [], "{why}");
            }
        }
        assert_eq!(self.code, i32::from(level == "fault"), "{why}");
    }
}

fn text<'a>(finding: &'a Value, name: &str) -> &'a str {
    finding[name].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_as_it_should_be_is_told_so_and_nothing_is_written_to_it() {
    let world = World::start(Oss::fine());
    let checked = world.check();
    assert_eq!((checked.code, &checked.report["ok"]), (0, &json!(true)), "{:#}", checked.report);
    for level in ["fault", "warning", "unknown"] {
        assert_eq!(checked.at(level), [], "{level}");
    }
    let fine = checked.at("ok");
    for (check, key) in [
        ("credentials", "credentials.signer"),
        ("credentials", "credentials.reader"),
        ("store", "store.url"),
        ("clock", ""),
        ("head", "buckets.media.confirm_credentials"),
        ("object_acl", "buckets.media.credentials"),
        ("region", "buckets.media.region"),
        ("cors", "buckets.media.bucket"),
        ("versioning", "buckets.media.bucket"),
        ("lifecycle", "buckets.media.bucket"),
    ] {
        assert!(fine.iter().any(|found| (found.0, found.1) == (check, key)), "no {check} in {fine:#?}");
    }
    let log = curl(&[&format!("{}/-/log", world.url)]).json();
    let log = log.as_array().unwrap();
    let asked: Vec<_> = log.iter().map(|request| request["operation"].as_str().unwrap()).collect();
    assert!(asked.contains(&"PutObjectACL"), "{asked:?}");
    let kept = curl(&[&format!("{}/-/objects/app-media", world.url)]).json();
    assert_eq!(kept, json!([]));
    // A line each, for people.
    let lines = world.run("check", &["--online"]).ok();
    assert!(
        lines.lines().any(|line| line.starts_with("ok       cors: ") && line.contains("development.toml")),
        "{lines}"
    );
    assert!(lines.ends_with("faults: 0, warnings: 1\n"), "{lines}");
    // Without it nothing is asked.
    assert!(!world.run("check", &[]).ok().contains("cors: "));
}
