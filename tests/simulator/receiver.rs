//! A server that callbacks go to: it notes what arrives and answers as told, byte for byte.

use std::sync::{Arc, Mutex};

use oss_valet::oss::callback_signature::CallbackRequest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What a good backend says.
pub(crate) const GOOD_ANSWER: &str = "{\"Status\":\"OK\", \"n\": 1}";

pub(crate) struct Receiver {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<Received>>>,
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// `HTTP/1.1`.
    pub(crate) version: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Receiver {
    /// Answers everything with 200 and [`GOOD_ANSWER`].
    pub(crate) async fn good() -> Self {
        Self::answering(answer("200 OK", &format!("Content-Length: {}\r\n", GOOD_ANSWER.len()), GOOD_ANSWER)).await
    }

    /// Answers everything with these bytes; with none, keeps the connection open and silent.
    pub(crate) async fn answering(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let received = read(&mut stream).await;
                noted.lock().expect("no panic").push(received);
                if answer.is_empty() {
                    silent.push(stream);
                } else {
                    stream.write_all(answer.as_bytes()).await.expect("written");
                    stream.shutdown().await.expect("closed");
                }
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/callback", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.requests.lock().expect("no panic").clone()
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn as_callback(&self) -> CallbackRequest<'_> {
        CallbackRequest {
            raw_path: self.path.as_str().into(),
            raw_query: self.query.as_deref().map(Into::into),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), value.as_bytes().to_vec())).collect(),
            body: self.body.clone().into(),
        }
    }
}

/// A raw HTTP answer.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n{body}")
}

async fn read(stream: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).await.expect("readable");
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(read > 0, "the request ended in its head");
            continue;
        };
        let received = parse(head, body);
        let length = received.header("content-length").expect("a length").parse::<usize>().expect("a number");
        if body.len() >= length {
            return received;
        }
        assert!(read > 0, "the request ended in its body");
    }
}

fn parse(head: &str, body: &str) -> Received {
    let mut lines = head.split("\r\n");
    let mut start = lines.next().expect("a request line").split(' ');
    let method = start.next().expect("a method").to_owned();
    let target = start.next().expect("a target");
    let version = start.next().expect("a version").to_owned();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').expect("a header line");
        (name.to_owned(), value.trim().to_owned())
    });
    Received {
        method,
        version,
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers: headers.collect(),
        body: body.to_owned(),
    }
}
