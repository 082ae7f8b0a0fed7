//! What was captured: the bytes of one HTTP request, or one case of the callback vectors. Pure.

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::oss::callback_signature::CallbackRequest;

/// One captured request, nothing normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Capture {
    pub(super) raw_path: String,
    pub(super) raw_query: Option<String>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Bytes,
}

/// One case of `callbacks.json`.
#[derive(Deserialize)]
struct Case {
    target: Option<String>,
    raw_path: Option<String>,
    raw_query: Option<String>,
    headers: Value,
    body_base64: Option<String>,
    body_text: Option<String>,
}

impl Capture {
    /// A JSON object is a case; all else is HTTP.
    pub(super) fn parse(input: &[u8]) -> anyhow::Result<Self> {
        if input.trim_ascii_start().starts_with(b"{") { Self::from_case(input) } else { Self::from_http(input) }
    }

    /// As the service sees it.
    pub(super) fn request(&self) -> CallbackRequest<'_> {
        CallbackRequest {
            raw_path: self.raw_path.as_str().into(),
            raw_query: self.raw_query.as_deref().map(Into::into),
            headers: self.headers.clone(),
            body: self.body.clone(),
        }
    }

    /// The first value of a header, as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    fn from_case(input: &[u8]) -> anyhow::Result<Self> {
        let case: Case = serde_json::from_slice(input).context("not one case of the callback vectors")?;
        let (raw_path, raw_query) = match (case.target, case.raw_path) {
            (Some(target), _) => split_target(&target),
            (None, Some(path)) => (path, case.raw_query),
            (None, None) => bail!("the case has neither `target` nor `raw_path`"),
        };
        let body = match (case.body_base64, case.body_text) {
            (Some(base64), _) => STANDARD.decode(base64).context("`body_base64` is not Base64")?,
            (None, Some(text)) => text.into_bytes(),
            (None, None) => Vec::new(),
        };
        Ok(Self { raw_path, raw_query, headers: case_headers(&case.headers)?, body: body.into() })
    }

    fn from_http(input: &[u8]) -> anyhow::Result<Self> {
        let mut lines = Lines(input);
        // Some tools put an empty line in front.
        let request_line =
            std::iter::from_fn(|| lines.next()).find(|line| !line.is_empty()).context("the input is empty")?;
        let request_line = std::str::from_utf8(request_line).context("the request line is not UTF-8")?;
        let mut words = request_line.split(' ').filter(|word| !word.is_empty());
        let (Some(_method), Some(target)) = (words.next(), words.next()) else {
            bail!("the first line is no request line: {request_line:?}");
        };
        let (raw_path, raw_query) = split_target(target);
        let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
        for line in std::iter::from_fn(|| lines.next()).take_while(|line| !line.is_empty()) {
            match (line[0], headers.last_mut()) {
                (b' ' | b'\t', Some((_, value))) => {
                    value.push(b' ');
                    value.extend_from_slice(line.trim_ascii());
                }
                _ => headers.push(header_line(line)?),
            }
        }
        let mut capture = Self { raw_path, raw_query, headers, body: Bytes::new() };
        capture.body = capture.cut_body(lines.0);
        Ok(capture)
    }

    /// As many bytes as `Content-Length` says, all where it says nothing or more than there is.
    fn cut_body(&self, rest: &[u8]) -> Bytes {
        let len = self.header("content-length").and_then(|len| len.trim().parse::<usize>().ok());
        Bytes::copy_from_slice(&rest[..len.unwrap_or(rest.len()).min(rest.len())])
    }
}

/// Lines that end in LF or CRLF; what is left over stays in `.0`.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|byte| *byte == b'\n').unwrap_or(self.0.len());
        let line = &self.0[..end];
        self.0 = &self.0[(end + 1).min(self.0.len())..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

fn header_line(line: &[u8]) -> anyhow::Result<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':');
    let colon = colon.with_context(|| format!("no header field: {:?}", String::from_utf8_lossy(line)))?;
    let name = std::str::from_utf8(&line[..colon]).context("a header name is not UTF-8")?;
    Ok((name.trim().to_owned(), line[colon + 1..].trim_ascii().to_vec()))
}

/// Path and query of a request target; a proxy is sent the absolute form.
fn split_target(target: &str) -> (String, Option<String>) {
    let absolute = ["http://", "https://"]
        .iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let origin = absolute.map_or(target, |scheme| {
        let rest = &target[scheme.len()..];
        rest.find(['/', '?']).map_or("", |at| &rest[at..])
    });
    let (path, query) = origin.split_once('?').map_or((origin, None), |(path, query)| (path, Some(query.to_owned())));
    let path = if path.is_empty() && absolute.is_some() { "/" } else { path };
    (path.to_owned(), query)
}

/// An object of names to values (or lists of values), or a list of `[name, value]` or `{"name", "value"}`.
fn case_headers(headers: &Value) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a header is not text");
    let pair = |name: &str, value: &Value| anyhow::Ok((name.to_owned(), text(value)?.into_bytes()));
    match headers {
        Value::Object(fields) => {
            let values = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            fields.iter().flat_map(|(name, v)| values(v).into_iter().map(move |v| pair(name, &v))).collect()
        }
        Value::Array(pairs) => pairs
            .iter()
            .map(|entry| match entry {
                Value::Array(both) if both.len() == 2 => pair(&text(&both[0])?, &both[1]),
                entry => pair(&text(&entry["name"])?, &entry["value"]),
            })
            .collect(),
        _ => bail!("`headers` is neither an object nor a list"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> (String, Vec<u8>) {
        (name.to_owned(), value.as_bytes().to_vec())
    }

    #[test]
    fn http_is_read_whatever_its_line_ends() {
        let crlf = "POST /cb?x=1?y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=1\r\n";
        let expected = Capture {
            raw_path: "/cb".to_owned(),
            raw_query: Some("x=1?y".to_owned()),
            headers: vec![header("Host", "a"), header("Content-Length", "3")],
            body: Bytes::from_static(b"a=1"),
        };
        assert_eq!(Capture::parse(crlf.as_bytes()).unwrap(), expected, "CRLF");
        assert_eq!(Capture::parse(crlf.replace("\r\n", "\n").as_bytes()).unwrap(), expected, "LF");
        assert_eq!(Capture::parse(format!("\n{crlf}").as_bytes()).unwrap(), expected, "an empty line in front");
    }

    #[test]
    fn the_body_is_all_there_is_unless_its_length_is_given() {
        let cases = [
            ("no length", "POST / HTTP/1.1\n\na=1\n", "a=1\n"),
            ("a length too large", "POST / HTTP/1.1\nContent-Length: 9\n\na=1", "a=1"),
            ("no body", "POST / HTTP/1.1\nHost: a", ""),
            ("empty lines in the body", "POST / HTTP/1.1\n\n\n\nb", "\n\nb"),
        ];
        for (what, input, body) in cases {
            assert_eq!(Capture::parse(input.as_bytes()).unwrap().body, body, "{what}");
        }
    }

    #[test]
    fn targets_are_split_at_the_first_question_mark() {
        let cases = [
            ("/a%3Fb", "/a%3Fb", None),
            ("/a?", "/a", Some("")),
            ("https://h:1/a?b", "/a", Some("b")),
            ("HTTP://h?b", "/", Some("b")),
            ("http://h", "/", None),
        ];
        for (target, path, query) in cases {
            assert_eq!(split_target(target), (path.to_owned(), query.map(str::to_owned)), "{target}");
        }
    }

    #[test]
    fn headers_of_a_case_may_repeat() {
        let both = vec![header("A", "1"), header("A", "2")];
        for headers in [r#"{"A":["1","2"]}"#, r#"[["A","1"],["A","2"]]"#, r#"[{"name":"A","value":"1"},["A","2"]]"#] {
            let case = format!(r#"{{"target":"/cb","headers":{headers},"body_base64":"YQ=="}}"#);
            let capture = Capture::parse(case.as_bytes()).unwrap();
            assert_eq!((capture.headers, capture.body), (both.clone(), Bytes::from_static(b"a")), "{headers}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for input in
            ["", "\n\n", "hello", "POST / HTTP/1.1\nno colon\n\n", "{}", "{\"headers\":{}}", "{\"vectors\":[]}"]
        {
            assert!(Capture::parse(input.as_bytes()).is_err(), "{input:?}");
        }
    }
}
