//! `serve` and `healthcheck`: starting, being asked, stopping.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
};

use serde_json::json;

use crate::{
    dev::{BINARY, Running},
    harness::{Beside, settings, valet, write_config},
};

/// A `serve` with a ledger of its own.
fn serve(beside: &Beside) -> Running {
    let ledger = beside.data.path().join("other.db");
    write_config(beside.config.path(), &settings(&beside.dev, beside.data.path(), &ledger));
    let mut command = Command::new(BINARY);
    command.args(["serve", "--json", "--env", "development", "--config"]).arg(beside.config.path());
    Running::start(command)
}

fn authority(url: &str) -> &str {
    url.trim_start_matches("http://")
}

#[test]
fn healthcheck_succeeds_against_a_live_service_and_fails_against_a_dead_one() {
    let beside = Beside::start();
    let live = authority(beside.dev.text("ops")).to_owned();
    let done = valet(&["healthcheck", "--ops", &live]);
    assert_eq!((done.code, done.stdout.trim()), (0, "200"), "{done:?}");
    // Bound, so that nobody else takes the port; but nobody answers HTTP there.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let closing = std::thread::spawn(move || drop(silent.accept().unwrap()));
    let done = valet(&["healthcheck", "--ops", &address]);
    assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{done:?}");
    assert!(done.stderr.contains(&address), "{done:?}");
    closing.join().unwrap();
    // The public port is no operations port.
    let done = valet(&["healthcheck", "--ops", authority(beside.dev.text("service"))]);
    assert_eq!((done.code, done.stdout.trim()), (1, "404"), "{done:?}");
}

#[test]
fn serve_finishes_what_it_has_begun_when_asked_to_stop() {
    let beside = Beside::start();
    let serving = serve(&beside);
    let mut names: Vec<_> = serving.ready.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["ops", "service"]);
    let token = beside.valet("token", &["--user", "u-9"]).ok();
    let host = authority(serving.text("service")).to_owned();
    let body = json!({"profile": "document", "filename": "a.txt"}).to_string();
    let mut connection = TcpStream::connect(&host).unwrap();
    // 100 Continue comes when the request is being worked on: only then is the stop asked for.
    let head = format!(
        "POST /v1/uploads HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        token.trim(),
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    let mut answers = BufReader::new(connection.try_clone().unwrap());
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "HTTP/1.1 100 Continue");

    let stopping = std::thread::spawn(|| serving.terminate());
    connection.write_all(body.as_bytes()).unwrap();
    let mut rest = String::new();
    answers.read_to_string(&mut rest).unwrap();

    assert!(rest.trim_start().starts_with("HTTP/1.1 201 "), "{rest}");
    let (status, printed) = stopping.join().unwrap();
    assert_eq!((status.code(), printed.as_str()), (Some(0), ""));
    assert!(TcpStream::connect(&host).is_err(), "nobody listens any more");
}
