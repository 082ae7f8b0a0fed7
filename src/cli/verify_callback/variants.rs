//! What a request may have been before something on the way rewrote it.

use std::borrow::Cow;

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, percent_decode_str, percent_encode};
use url::Url;

use super::capture::Capture;

/// A part of the request as it may have been, and what happened to it; `None` for the part as received.
#[derive(Debug)]
pub(super) struct Variant<T> {
    pub(super) cause: Option<&'static str>,
    pub(super) value: T,
}

/// Collects what differs from the part received, and from what was collected before.
struct Variants<T>(Vec<Variant<T>>);

impl<T: PartialEq> Variants<T> {
    fn of(received: T) -> Self {
        Self(vec![Variant { cause: None, value: received }])
    }

    fn add(&mut self, cause: &'static str, value: T) {
        if self.0.iter().all(|known| known.value != value) {
            self.0.push(Variant { cause: Some(cause), value });
        }
    }
}

/// Paths that may have been signed. What can't be written as a path is written fully percent-encoded: it is decoded once.
pub(super) fn of_path(capture: &Capture, public_url: Option<&Url>) -> Vec<Variant<String>> {
    let path = capture.raw_path.as_str();
    let mut variants = Variants::of(path.to_owned());
    if let Some(url) = public_url {
        variants.add("the path was rewritten by a proxy: OSS called the path of --public-url", url.path().to_owned());
        let prefixed = format!("{}{path}", url.path().trim_end_matches('/'));
        variants.add("a proxy stripped the prefix of --public-url from the path", prefixed);
    }
    variants.add("a proxy removed the slash at the path's end", format!("{path}/"));
    variants.add("a proxy added a slash at the path's end", path.trim_end_matches('/').to_owned());
    variants.add("the signer, or a proxy before us, normalised the path's dots and slashes", normalised(path));
    for (at, _) in path.match_indices('/').skip(1) {
        variants.add("a proxy put a prefix in front of the path", path[at..].to_owned());
    }
    variants.add("the signer took `+` in the path for a blank", path.replace('+', "%20"));
    variants.add("a blank in the path was written as `+` by the signer", path.replace("%20", "+"));
    let once: Cow<'_, [u8]> = percent_decode_str(path).into();
    variants.add(
        "the path was decoded twice (it reached us encoded once more, or the signer decodes twice)",
        encoded(&percent_decode(&once).collect::<Vec<_>>()),
    );
    variants.add("the path was decoded on the way, or never decoded by the signer", encoded(path.as_bytes()));
    variants.add("the letter case of the path was changed", path.to_ascii_lowercase());
    variants.0
}

/// Path and query as one, in the path's place; the `?` between them is not of the usual kind.
pub(super) fn of_target(capture: &Capture) -> Vec<Variant<String>> {
    let path = capture.raw_path.as_str();
    let mut variants = Variants(Vec::new());
    match capture.raw_query.as_deref().filter(|query| !query.is_empty()) {
        None => variants.add("the signer kept the bare `?` of an empty query", format!("{path}%3F")),
        Some(query) => {
            let decoded: Vec<u8> = percent_decode_str(query).collect();
            variants.add("the signer decoded the query", format!("{path}%3F{}", encoded(&decoded)));
            let glued = format!("{path}{}", encoded(query.as_bytes()));
            variants.add("the signer left out the `?` between path and query", glued);
        }
    }
    variants.0
}

/// Queries that may have been signed.
pub(super) fn of_query(capture: &Capture, public_url: Option<&Url>) -> Vec<Variant<Option<String>>> {
    let mut variants = Variants::of(capture.raw_query.clone());
    if let Some(query) = public_url.and_then(Url::query) {
        variants.add("the query of --public-url was dropped or changed on the way", Some(query.to_owned()));
    }
    if let Some(query) = capture.raw_query.as_deref() {
        variants.add("a query was added on the way, or the signer leaves it out", None);
        re_encodings(query.as_bytes(), |cause, value| {
            let cause = match cause {
                Encoding::Case => "the case of the query's percent escapes was changed",
                Encoding::Plus => "a blank in the query was re-encoded (`+` and `%20`)",
                Encoding::Values => "the query was decoded and encoded again",
            };
            variants.add(cause, String::from_utf8(value).ok());
        });
    }
    variants.0
}

/// Bodies that may have been signed.
pub(super) fn of_body(body: &Bytes) -> Vec<Variant<Bytes>> {
    let mut variants = Variants::of(body.clone());
    let mut add = |cause, value: Vec<u8>| variants.add(cause, value.into());
    for end in [&b"\n"[..], b"\r\n"] {
        if let Some(stripped) = body.strip_suffix(end) {
            add("a line break was added at the body's end", stripped.to_vec());
        }
        add("the line break at the body's end was removed", [body, end].concat());
    }
    add("the body's line ends were changed from LF to CRLF", replaced(body, b"\r\n", b"\n"));
    add("the body's line ends were changed from CRLF to LF", replaced(body, b"\n", b"\r\n"));
    if let Some(rest) = body.strip_prefix(b"\xEF\xBB\xBF") {
        add("a byte order mark was put in front of the body", rest.to_vec());
    }
    add("the body was read as Latin-1 and written as UTF-8", as_latin1(body));
    let replaced_text = String::from_utf8_lossy(body).into_owned().into_bytes();
    add("the signer read the body as UTF-8, which it is not, and signed replacement characters", replaced_text);
    re_encodings(body, |cause, value| {
        let cause = match cause {
            Encoding::Case => "the body was re-encoded: the case of its percent escapes was changed",
            Encoding::Plus => "the body was re-encoded: a blank is written differently (`+` and `%20`)",
            Encoding::Values => "the body was decoded and re-encoded: the form was parsed and written again",
        };
        add(cause, value);
    });
    for value in [minified(body), replaced(body, b"\\/", b"/"), replaced(body, b":null", b":")] {
        add("the body was parsed as JSON and written again", value);
    }
    variants.0
}

enum Encoding {
    Case,
    Plus,
    Values,
}

/// Other ways to write what a form or query says.
fn re_encodings(text: &[u8], mut add: impl FnMut(Encoding, Vec<u8>)) {
    add(Encoding::Case, escapes_in(text, u8::to_ascii_uppercase));
    add(Encoding::Case, escapes_in(text, u8::to_ascii_lowercase));
    add(Encoding::Plus, replaced(text, b"+", b"%20"));
    add(Encoding::Plus, replaced(text, b"%20", b"+"));
    let spaced = replaced(text, b"+", b" ");
    let values: Vec<Vec<u8>> = spaced.split(|byte| *byte == b'&').map(as_oss_writes).collect();
    add(Encoding::Values, values.join(&b'&'));
}

/// `name=value` with the value encoded as OSS does (P§1.5).
fn as_oss_writes(pair: &[u8]) -> Vec<u8> {
    const KEPT: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');
    let Some(at) = pair.iter().position(|byte| *byte == b'=') else { return pair.to_vec() };
    let value: Vec<u8> = percent_decode(&pair[at + 1..]).collect();
    [&pair[..=at], percent_encode(&value, KEPT).to_string().as_bytes()].concat()
}

fn escapes_in(text: &[u8], change: fn(&u8) -> u8) -> Vec<u8> {
    let mut out = text.to_vec();
    for at in 0..out.len() {
        if out[at] == b'%' {
            out.iter_mut().skip(at + 1).take(2).for_each(|byte| *byte = change(byte));
        }
    }
    out
}

fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, NON_ALPHANUMERIC).to_string()
}

/// Without `.`, `..` and empty segments.
fn normalised(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let slash = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{slash}", segments.join("/"))
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(from) {
            out.extend_from_slice(to);
            rest = after;
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    out
}

fn as_latin1(body: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    text.chars().map(u8::try_from).collect::<Result<_, _>>().unwrap_or_else(|_| body.to_vec())
}

/// JSON without the blanks between its tokens.
fn minified(body: &[u8]) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let mut out = Vec::with_capacity(body.len());
    for byte in body {
        if in_string || !byte.is_ascii_whitespace() {
            out.push(*byte);
        }
        in_string = if in_string { escaped || *byte != b'"' } else { *byte == b'"' };
        escaped = in_string && *byte == b'\\' && !escaped;
    }
    out
}
