//! `events`: looking into the outbox beside a running `dev`, and sending again.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    dev::Running,
    harness::{Beside, Done, settings, shell, write_config},
};

/// A failed test's end, no working one's wait.
const PATIENCE: Duration = Duration::from_mins(1);

/// Answers these statuses one after the other, and then always 204; passes on the heads of what it gets.
fn receiver(statuses: &'static [u16]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/events?tenant=7", listener.local_addr().unwrap());
    let (told, heads) = mpsc::channel();
    thread::spawn(move || {
        let mut statuses = statuses.iter().copied().chain(std::iter::repeat(204));
        for stream in listener.incoming() {
            let request = answer(stream.unwrap(), statuses.next().unwrap());
            if told.send(request).is_err() {
                break;
            }
        }
    });
    (url, heads)
}

/// One request, one answer, one connection.
fn answer(mut stream: TcpStream, status: u16) -> String {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    while !request.ends_with("}}") {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "an event ends so: {request}");
        request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    stream.write_all(format!("HTTP/1.1 {status} Told\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    request
}

fn header<'r>(request: &'r str, name: &str) -> &'r str {
    let found = request.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    found.unwrap_or_else(|| panic!("no {name} in {request}"))
}

/// A `dev` with that sink, and a configuration folder beside it that knows it, too.
fn start(url: &str) -> Beside {
    let data = tempfile::tempdir().unwrap();
    let dev = Running::dev_with(data.path(), &["--sink", url]);
    let config = tempfile::tempdir().unwrap();
    let secret = dev.text("sink_secret");
    let sink = format!("\n[[sinks]]\nname = \"dev\"\nurl = {url:?}\nsecrets = [{secret:?}]\nallow_private = true\n");
    write_config(config.path(), &(settings(&dev, data.path(), &data.path().join("ledger.db")) + &sink));
    Beside { dev, data, config }
}

fn upload(beside: &Beside) -> Value {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), b"hello").unwrap();
    let args = ["--profile", "document", "--user", "u-9", "--filename", "a.txt", "--curl"];
    let command = beside.valet("grant", &args).ok();
    shell(&format!("{} --silent", command.trim_end()), folder.path()).json()
}

fn events(beside: &Beside, args: &[&str]) -> Done {
    beside.valet("events", args)
}

#[test]
fn a_sink_that_is_gone_is_shown_and_gets_its_event_when_it_is_enabled() {
    let (url, heads) = receiver(&[410]);
    let beside = start(&url);
    let told = upload(&beside);
    let first = heads.recv_timeout(PATIENCE).unwrap();
    let id = header(&first, "webhook-id").to_owned();

    let shown = events(&beside, &["show", &id]).json();
    assert_eq!((&shown["id"], &shown["upload_id"]), (&json!(id), &told["id"]), "{shown}");
    assert_eq!(shown["event"]["type"], "com.oss-valet.upload.completed");
    assert_eq!(shown["event"]["data"]["user_id"], "u-9");
    assert_eq!(shown["deliveries"][0]["sink"], "dev");
    // Asked to stop, the service writes down what is under way.
    let Beside { dev, data, config } = beside;
    assert!(dev.terminate().0.success());
    let dev = Running::dev_with(data.path(), &["--sink", &url]);
    let beside = Beside { dev, data, config };

    let sinks = events(&beside, &["sinks", "--json"]).json();
    let sink = &sinks["sinks"][0];
    assert_eq!((&sink["name"], &sink["pending"], &sink["configured"]), (&json!("dev"), &json!(1), &json!(true)));
    assert_eq!(sink["disabled_reason"], "it answered 410", "{sinks}");
    let list = events(&beside, &["list", "--state", "pending"]);
    assert!(list.stdout.contains(&id) && list.stdout.contains("dev: pending, attempts: 1"), "{list:?}");
    assert!(list.stderr.contains("DISABLED"), "{list:?}");

    let done = events(&beside, &["enable", "dev"]).ok();
    assert!(done.contains("gets its events again"), "{done}");
    let second = heads.recv_timeout(PATIENCE).unwrap();
    assert_eq!(header(&second, "webhook-id"), id);
    let again = events(&beside, &["enable", "dev"]);
    assert_eq!((again.code, again.stdout.as_str()), (1, ""), "{again:?}");
}

#[test]
fn a_delivered_event_is_replayed_under_its_id() {
    let (url, heads) = receiver(&[]);
    let beside = start(&url);
    upload(&beside);
    let id = header(&heads.recv_timeout(PATIENCE).unwrap(), "webhook-id").to_owned();
    let Beside { dev, data, config } = beside;
    assert!(dev.terminate().0.success());
    let dev = Running::dev_with(data.path(), &["--sink", &url]);
    let beside = Beside { dev, data, config };

    let listed = events(&beside, &["list", "--state", "delivered", "--sink", "dev", "--json"]).json();
    assert_eq!(listed["events"].as_array().unwrap().len(), 1, "{listed}");
    let event = &listed["events"][0];
    assert_eq!((&event["id"], &event["deliveries"][0]["state"]), (&json!(id), &json!("delivered")), "{listed}");
    assert_eq!(event["deliveries"][0]["attempts"], 1);
    assert!(event["deliveries"][0]["settled_at"].is_string() && event["event"].is_null(), "{listed}");

    assert_eq!(events(&beside, &["replay", &id]).ok(), "deliveries pending again: 1\n");
    assert_eq!(header(&heads.recv_timeout(PATIENCE).unwrap(), "webhook-id"), id);
    assert_eq!(events(&beside, &["replay", "--dead"]).ok(), "deliveries pending again: 0\n");
    for (args, complaint) in [
        (&["replay", &id, "01930000-0000-7000-8000-000000000000"][..], "nothing is replayed"),
        (&["replay", &id, "--sink", "nobody"], "no sink is called `nobody`; there are: dev"),
        (&["replay", "--dead", "--sink", "nobody"], "no sink is called `nobody`"),
        (&["enable", "nobody"], "no sink is called `nobody`"),
        (&["show", "01930000-0000-7000-8000-000000000000"], "there is no event"),
    ] {
        let refused = events(&beside, args);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
        assert!(refused.stderr.contains(complaint), "{refused:?}");
    }
    for wrong in [&["replay"][..], &["replay", &id, "--dead"], &["list", "--state", "lost"], &["list", "--limit", "0"]]
    {
        assert_eq!(events(&beside, wrong).code, 2, "{wrong:?}");
    }
}
