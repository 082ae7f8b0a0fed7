//! Why the headers of a callback can't be read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::capture::Capture;
use crate::oss::callback_signature::{AUTHORIZATION, PUB_KEY_URL};

/// The likely cause, where there is one that can be told.
pub(super) fn likely_cause(capture: &Capture) -> Option<String> {
    [AUTHORIZATION, PUB_KEY_URL].iter().find_map(|name| of_header(capture, name)).or_else(|| {
        percent_decode_str(&capture.raw_path).any(|byte| byte.is_ascii_control()).then(|| {
            "an encoded control character in the path: OSS never sends one, but someone may move the newline between path \
             and body with it, which keeps the signature"
                .to_owned()
        })
    })
}

fn of_header(capture: &Capture, name: &str) -> Option<String> {
    let values: Vec<_> = capture.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).collect();
    let value = match values.as_slice() {
        [] if name == AUTHORIZATION => {
            return Some(
                "no callback of OSS, or a proxy removed Authorization (many do, unless told otherwise)".to_owned(),
            );
        }
        [] => return Some("no callback of OSS, or a proxy removed the x-oss-… headers".to_owned()),
        [value] => String::from_utf8_lossy(value),
        _ => return Some(format!("{name} came more than once: a proxy or a test tool adds its own")),
    };
    of_value(name, &value)
}

fn of_value(name: &str, value: &str) -> Option<String> {
    let usable = |bytes: Vec<u8>| !bytes.is_empty() && (name != PUB_KEY_URL || String::from_utf8(bytes).is_ok());
    let decoded = STANDARD.decode(value);
    if decoded.clone().is_ok_and(usable) {
        return None;
    }
    let all = |allowed: fn(u8) -> bool| value.trim_end_matches('=').bytes().all(allowed);
    let cause = if value.is_empty() {
        "it is empty: a proxy cleared it"
    } else if decoded.is_ok() {
        "Base64 of something else than a URL: another tool's key, or damaged on the way"
    } else if value.contains(',') {
        "two values joined with a comma: a proxy merged repeated headers"
    } else if value.starts_with("OSS ") || value.starts_with("OSS4-") {
        "the signature of a request to OSS, not of a callback: that request was sent here"
    } else if value.trim() != value || value.contains(['\n', '\r', '\t']) {
        "blanks or line breaks in it: the capture was wrapped or copied with them"
    } else if let Some((scheme, _)) = value.split_once(' ') {
        return Some(format!(
            "{name} has the scheme {scheme:?} in front: OSS sends bare Base64; a proxy or a tool added it"
        ));
    } else if value.contains(['-', '_']) && all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        "URL-safe Base64; OSS writes the standard alphabet"
    } else if value.contains('%') {
        "it is percent-encoded: something took it for a part of a URL"
    } else if !value.len().is_multiple_of(4) {
        "cut off, or its padding `=` was removed by a tool that splits at `=`"
    } else {
        "damaged on the way: not the one Base64 text that these bytes have"
    };
    Some(format!("{name}: {cause}"))
}
