//! `dev`: the first minute with the service.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::{
    dev::{BINARY, Running},
    harness::{curl, valet},
};

/// The line's names, in its order.
const NAMES: [&str; 9] =
    ["service", "ops", "simulator", "demo", "bucket", "region", "access_key_id", "access_key_secret", "token"];

#[test]
fn one_line_of_json_says_where_everything_is() {
    let data = tempfile::tempdir().unwrap();
    let dev = Running::dev(data.path());
    let mut names: Vec<&str> = dev.ready.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = NAMES;
    expected.sort_unstable();
    assert_eq!(names, expected);
    for name in ["service", "ops", "simulator"] {
        let url = dev.text(name);
        assert!(url.starts_with("http://127.0.0.1:") && !url.ends_with('/'), "{name}: {url}");
    }
    assert_eq!((dev.text("bucket"), dev.text("region")), ("dev-media", "cn-hangzhou"));
    assert_eq!(dev.text("demo"), format!("{}/demo#token={}", dev.text("service"), dev.text("token")));
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{http_code}", dev.text("demo")]).ok(), "200");
    let ready = format!("{}/readyz", dev.text("ops"));
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{http_code}", &ready]).ok(), "200");
    let (status, rest) = dev.terminate();
    assert!(status.success(), "{status}");
    assert_eq!(rest, "", "one line, and nothing after it");
}

#[test]
fn plain_curl_uploads_with_what_the_service_answers() {
    let data = tempfile::tempdir().unwrap();
    let dev = Running::dev(data.path());
    let file = data.path().join("me.png");
    fs::write(&file, b"not much of a picture").unwrap();
    let authorization = format!("Authorization: Bearer {}", dev.text("token"));
    let ask = json!({"profile": "avatar", "filename": "me.png", "size": 21}).to_string();
    let uploads = format!("{}/v1/uploads", dev.text("service"));
    let grant = curl(&["-H", &authorization, "-H", "Content-Type: application/json", "-d", &ask, &uploads]).json();

    let mut args = Vec::new();
    for (name, value) in grant["request"]["fields"].as_object().unwrap() {
        args.extend(["-F".to_owned(), format!("{name}={}", value.as_str().unwrap())]);
    }
    args.extend(["-F".to_owned(), format!("file=@{}", file.display())]);
    args.push(grant["request"]["url"].as_str().unwrap().to_owned());
    let told = curl(&args.iter().map(String::as_str).collect::<Vec<_>>()).json();

    assert_eq!((&told["state"], &told["id"], &told["size"]), (&json!("completed"), &grant["id"], &json!(21)), "{told}");
    let shown = curl(&["-H", &authorization, &format!("{uploads}/{}", grant["id"].as_str().unwrap())]).json();
    assert_eq!(shown["completion"]["source"], "callback", "{shown}");
}

#[test]
fn what_dev_keeps_in_its_folder_is_there_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let mut first = Running::dev(data.path());
    let before: Vec<Value> = ["access_key_id", "access_key_secret"].map(|name| first.ready[name].clone()).into();
    let old_token = format!("Authorization: Bearer {}", first.text("token"));
    first.kill();
    let second = Running::dev(data.path());
    let after: Vec<Value> = ["access_key_id", "access_key_secret"].map(|name| second.ready[name].clone()).into();
    assert_eq!(before, after);
    let profiles = curl(&["-H", &old_token, &format!("{}/v1/profiles", second.text("service"))]).json();
    assert!(profiles.to_string().contains("avatar"), "{profiles}");
}

#[test]
fn a_taken_port_is_named() {
    let data = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    let args = ["dev", "--json", "--ops-listen", free, "--simulator-listen", free, "--listen", &address, "--data"];
    let done = valet(&[&args[..], &[data.path().to_str().unwrap()]].concat());
    assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{done:?}");
    assert!(done.stderr.contains(&address), "{}", done.stderr);
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_nothing_on_stdout() {
    for args in [&["dev", "--listen", "here"][..], &["no-such-command"], &[]] {
        let output = Command::new(BINARY).args(args).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
    }
}

#[test]
fn grants_by_sts_need_no_setting_up() {
    let data = tempfile::tempdir().unwrap();
    let dev = Running::dev(data.path());
    let authorization = format!("Authorization: Bearer {}", dev.text("token"));
    let uploads = format!("{}/v1/uploads", dev.text("service"));
    let ask = |profile: &str, method: &str| {
        let ask = json!({"profile": profile, "filename": "a.mp4", "method": method}).to_string();
        curl(&["-H", &authorization, "-H", "Content-Type: application/json", "-d", &ask, &uploads]).json()
    };
    for profile in ["document", "video"] {
        let grant = ask(profile, "sts");
        let field = |name: &str| grant["credentials"][name].as_str().unwrap_or_else(|| panic!("{grant}")).to_owned();
        assert_eq!(grant["request"], Value::Null);
        assert!(field("access_key_id").starts_with("STS."), "{grant}");
        assert!(!field("security_token").is_empty() && field("access_key_secret") != dev.text("access_key_secret"));
    }
    let form = ask("document", "post");
    assert!(form["request"]["fields"].get("x-oss-security-token").is_none(), "forms are signed by a key: {form}");
}
