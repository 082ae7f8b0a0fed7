//! Requests as they stand on the wire, taken apart so that any one thing can be changed, and sent byte for byte: no
//! HTTP client in between that tidies up.

use std::time::Duration;

use oss_valet::oss::{
    encoding::{PATH, push_encoded, push_query},
    presign::SignedRequest,
    xml::ErrorDocument,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A simulator that does not answer by then never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wire {
    pub(super) method: String,
    /// As in the request line: percent-encoded.
    pub(super) path: String,
    /// Decoded.
    pub(super) query: Vec<(String, String)>,
    /// Goes behind the query as it is.
    pub(super) query_tail: String,
    pub(super) headers: Vec<(String, String)>,
    /// Goes behind the headers as it is: whole lines.
    pub(super) header_tail: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Wire {
    /// A signed request, addressed in path style.
    pub(super) fn of(signed: SignedRequest, bucket: &str, key: &str, body: &[u8]) -> Self {
        Self {
            method: signed.method,
            path: object_path(bucket, key),
            query: signed.query,
            query_tail: String::new(),
            headers: signed.headers,
            header_tail: vec![],
            body: body.to_vec(),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn with_method(&self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self.clone() }
    }

    pub(super) fn with_path(&self, bucket: &str, key: &str) -> Self {
        Self { path: object_path(bucket, key), ..self.clone() }
    }

    /// The header with another value in its old place, or at the end; `None` takes it away.
    pub(super) fn with_header(&self, name: &str, value: Option<&str>) -> Self {
        let mut changed = self.clone();
        set(&mut changed.headers, value, name, |known| known.eq_ignore_ascii_case(name));
        changed
    }

    /// One more header of that name, behind all others.
    pub(super) fn with_more_header(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.headers.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// As [`Wire::with_header`], for a query parameter.
    pub(super) fn with_query(&self, name: &str, value: Option<&str>) -> Self {
        let mut changed = self.clone();
        set(&mut changed.query, value, name, |known| known == name);
        changed
    }

    /// One more query parameter of that name, behind all others.
    pub(super) fn with_more_query(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.query.push((name.to_owned(), value.to_owned()));
        changed
    }

    fn bytes(&self, authority: &str) -> Vec<u8> {
        let mut target = self.path.clone();
        if !self.query.is_empty() || !self.query_tail.is_empty() {
            target.push('?');
            push_query(&mut target, &self.query);
            target.push_str(&self.query_tail);
        }
        let mut head = format!("{} {target} HTTP/1.1\r\n", self.method);
        let own = [("Host", authority.to_owned()), ("Content-Length", self.body.len().to_string())];
        let own = own.into_iter().filter(|(name, _)| self.header(name).is_none());
        for (name, value) in own.chain(self.headers.iter().map(|(name, value)| (name.as_str(), value.clone()))) {
            head.extend([name, ": ", value.as_str(), "\r\n"]);
        }
        [head.as_bytes(), &self.header_tail, b"Connection: close\r\n\r\n", &self.body].concat()
    }

    /// Sends to `authority` (`127.0.0.1:PORT`) and reads the answer to its end.
    pub(super) async fn send(&self, authority: &str) -> Answer {
        let mut connection = TcpStream::connect(authority).await.expect("a connection");
        connection.write_all(&self.bytes(authority)).await.expect("the request is taken");
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer)).await;
        read.unwrap_or_else(|_| panic!("no answer to {}", String::from_utf8_lossy(&self.bytes(authority))))
            .expect("an answer");
        Answer::read(&String::from_utf8(answer).expect("UTF-8"))
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned()));
        Self { status: status.expect("a status"), headers: headers.collect(), body: body.to_owned() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// `403 AccessDenied` and the EC; `200` for what was accepted.
    pub(super) fn summary(&self) -> (String, Option<String>) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        if self.is_success() {
            return (self.status.to_string(), None);
        }
        let in_header = self.header("x-oss-err").map(|xml| STANDARD.decode(xml).expect("Base64"));
        let xml = in_header.map_or_else(|| self.body.clone(), |xml| String::from_utf8(xml).expect("UTF-8"));
        let document = ErrorDocument::parse(&xml).unwrap_or_else(|| panic!("no error document: {self:?}"));
        assert_eq!(self.header("x-oss-ec"), document.ec.as_deref(), "the header says what the document says");
        (format!("{} {}", self.status, document.code), document.ec)
    }
}

fn object_path(bucket: &str, key: &str) -> String {
    let mut path = format!("/{bucket}/");
    push_encoded(&mut path, key, PATH);
    path
}

fn set(list: &mut Vec<(String, String)>, value: Option<&str>, name: &str, is_it: impl Fn(&str) -> bool) {
    let place = list.iter().position(|(known, _)| is_it(known));
    match (place, value) {
        (Some(place), Some(value)) => value.clone_into(&mut list[place].1),
        (None, Some(value)) => list.push((name.to_owned(), value.to_owned())),
        (_, None) => list.retain(|(known, _)| !is_it(known)),
    }
}

/// Which byte of a text is changed.
#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    First,
    Middle,
    Last,
}

/// `text` with one byte changed, into another of its kind; a text without a byte gets one.
pub(super) fn one_byte(text: &str, at: At) -> String {
    if text.is_empty() {
        return "x".to_owned();
    }
    let mut bytes = text.as_bytes().to_vec();
    let place = match at {
        At::First => 0,
        At::Middle => bytes.len() / 2,
        At::Last => bytes.len() - 1,
    };
    bytes[place] = match bytes[place] {
        b'0'..=b'8' | b'a'..=b'y' | b'A'..=b'Y' => bytes[place] + 1,
        b'9' => b'8',
        b'z' => b'y',
        b'Z' => b'Y',
        _ => b'x',
    };
    String::from_utf8(bytes).expect("an ASCII byte in an ASCII place")
}
