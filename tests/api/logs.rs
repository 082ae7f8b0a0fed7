//! What the log must never hold, however much is logged: whatever could be used by somebody who reads it.

use std::{fs, path::Path, process::Command};

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::{
    dev::{BINARY, Running},
    harness::{http_client, send},
};

/// `dev` with every event of every library logged to a file.
fn dev_logging_all(data: &Path, log: &Path) -> Running {
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec "$0" "$@" 2>"$LOG""#, BINARY, "dev", "--json", "--data"]).arg(data);
    command.args(["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--simulator-listen", "127.0.0.1:0"]);
    command.env("LOG", log).env("OSS_VALET__TELEMETRY__LOG_FILTER", "trace");
    Running::start(command)
}

#[tokio::test]
async fn tickets_and_tokens_are_in_no_log_line_and_no_header() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let dev = dev_logging_all(&folder.path().join("data"), &log);
    let (service, token) = (dev.text("service").to_owned(), dev.text("token").to_owned());
    let http = http_client();
    let open = http.post(format!("{service}/v1/tickets")).bearer_auth(&token);
    let opened: Value = send(open.json(&json!({"profile": "document"}))).await.json();
    let ticket = opened["ticket"].as_str().unwrap();
    // One that is refused tells as much about its neighbours as one that is taken.
    let refused = format!("{}AAAA", &ticket[..ticket.len() - 4]);
    let mut statuses = Vec::new();
    for ticket in [ticket, &refused] {
        let base = format!("{service}/compat/t/{ticket}");
        let begin = http.post(format!("{base}/companion/s3/multipart")).json(&json!({"filename": "a.txt"}));
        let begun: Value = send(begin).await.json();
        let transfer = format!("multipart/{}", begun["uploadId"].as_str().unwrap_or("0"));
        let key = begun["key"].as_str().unwrap_or("k").to_owned();
        for (method, path) in [
            (Method::GET, "companion/s3/params?filename=a.txt".to_owned()),
            (Method::GET, "companion/s3/params?filename=..".to_owned()),
            (Method::GET, format!("companion/s3/{transfer}/1?key={key}")),
            (Method::GET, format!("companion/s3/{transfer}/10001?key={key}")),
            (Method::DELETE, format!("companion/s3/{transfer}?key={key}")),
            (Method::PATCH, format!("companion/s3/{transfer}?key={key}")),
            (Method::OPTIONS, "companion/s3/multipart".to_owned()),
            (Method::GET, "nothing/of/this/kind".to_owned()),
            (Method::GET, String::new()),
            (Method::GET, "%zz//%00".to_owned()),
        ] {
            let request =
                http.request(method, format!("{base}/{path}")).header(header::ORIGIN, "https://app.example.com");
            let answer = send(request).await;
            for (name, value) in &answer.headers {
                assert!(!value.to_str().unwrap().contains("t1.dev."), "{path}: {name}: {value:?}");
            }
            statuses.push(answer.status.as_u16());
        }
        // No HTTP at all, and a body that breaks off.
        let mut raw = std::net::TcpStream::connect(service.trim_start_matches("http://")).unwrap();
        let broken = format!("POST /compat/t/{ticket}/companion/s3/multipart HTTP/9.9\r\n\r\n");
        std::io::Write::write_all(&mut raw, broken.as_bytes()).unwrap();
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut raw, &mut rest).unwrap();
    }
    for status in [200, 401, 404, 405, 422] {
        assert!(statuses.contains(&status), "{status} is among {statuses:?}");
    }
    let (ended, _) = dev.terminate();
    assert!(ended.success(), "{ended}");

    let log = fs::read_to_string(&log).unwrap();

    assert!(log.contains("TRACE") && log.contains("request.id"), "everything is logged");
    for (what, secret) in [
        // Both tickets begin with it.
        ("what is sealed in the ticket", &ticket.rsplit('.').next().unwrap()[..40]),
        ("the token", &token),
        ("the token's signature", token.rsplit('.').next().unwrap()),
    ] {
        let line = log.lines().find(|line| line.contains(secret)).map(|line| line.replace(secret, "…"));
        assert_eq!(line, None, "{what} is in the log");
    }
}
