//! Changes of how a request says who sent it: signature, access key id, dates, scope, token, additional headers.

use oss_valet::oss::{access_key::AccessKey, request::SignatureVersion, sign_v4::ALGORITHM};

use super::{
    ARGUMENT, Case, DENIED, MISMATCH, MISPLACED_TOKEN, NO_SUCH_ID, NO_SUCH_TOKEN, SKEWED,
    bed::Way,
    wire::{At, Wire, one_byte},
};
use crate::harness::uploader;

/// The query parameters that carry a signature, by version; each may stand there once.
const V1_PARAMETERS: [&str; 3] = ["OSSAccessKeyId", "Expires", "Signature"];
const V4_PARAMETERS: [&str; 5] =
    ["x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-signature"];

pub(super) fn changes(way: Way, key: &AccessKey, base: &Wire) -> Vec<Case> {
    let mut cases = signatures(way, base);
    cases.extend(tokens(way, key, base));
    if way.additional() {
        cases.extend(additional_headers(way, base));
    }
    match way {
        Way::HeaderV1 => cases.extend(v1_header(key, base)),
        Way::QueryV1 => cases.extend(v1_query(key, base)),
        Way::HeaderV4 | Way::HeaderV4Additional => {
            cases.extend(credentials(way, key, base));
            cases.extend(v4_header(base));
        }
        Way::QueryV4 | Way::QueryV4Additional => {
            cases.extend(credentials(way, key, base));
            cases.extend(v4_query(base));
        }
    }
    cases
}

/// The place of the signature, and how to put another text there.
fn with_signature(way: Way, base: &Wire, change: impl Fn(&str) -> String) -> Wire {
    let (name, separator) = match way {
        Way::HeaderV1 => ("Authorization", ":"),
        Way::HeaderV4 | Way::HeaderV4Additional => ("Authorization", "Signature="),
        Way::QueryV1 => return in_query(base, "Signature", change),
        Way::QueryV4 | Way::QueryV4Additional => return in_query(base, "x-oss-signature", change),
    };
    let (before, signature) = base.header(name).and_then(|value| value.split_once(separator)).expect("a signature");
    base.with_header(name, Some(&format!("{before}{separator}{}", change(signature))))
}

fn in_query(base: &Wire, name: &str, change: impl Fn(&str) -> String) -> Wire {
    base.with_query(name, Some(&change(base.query(name).expect("the parameter"))))
}

fn swap_case(text: &str) -> String {
    let place = text.find(|c: char| c.is_ascii_alphabetic()).expect("a letter");
    let flip = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.char_indices().map(|(index, c)| if index == place { flip(c) } else { c }).collect()
}

fn signatures(way: Way, base: &Wire) -> Vec<Case> {
    let v1 = way.version() == SignatureVersion::V1;
    // Before the padding, which is no part of the number.
    let last = |text: &str| match text.strip_suffix('=') {
        Some(text) => one_byte(text, At::Last) + "=",
        None => one_byte(text, At::Last),
    };
    let put = |kind, change, to: &dyn Fn(&str) -> String, expected| {
        Case::new(kind, change, with_signature(way, base, to), expected)
    };
    let empty = match way {
        Way::HeaderV1 => ARGUMENT,
        Way::QueryV1 | Way::HeaderV4 | Way::HeaderV4Additional => MISMATCH,
        Way::QueryV4 | Way::QueryV4Additional => DENIED,
    };
    let other = if v1 { "26NBxoKdsyly4EDv6inkoDft/yA=".to_owned() } else { "0123456789abcdef".repeat(4) };
    let twice = if way.in_query() {
        base.with_more_header("authorization", "OSS a:b")
    } else {
        base.with_more_query("OSSAccessKeyId", "a")
    };
    let mut cases = vec![
        put("signature first byte", "one byte", &|text| one_byte(text, At::First), MISMATCH),
        put("signature first byte", "middle byte", &|text| one_byte(text, At::Middle), MISMATCH),
        put("signature last byte", "one byte", &last, MISMATCH),
        put("signature case", "one letter", &swap_case, MISMATCH),
        put("signature truncated", "one byte less", &|text| text[..text.len() - 1].to_owned(), MISMATCH),
        put("signature truncated", "four bytes less", &|text| text[..text.len() - 4].to_owned(), MISMATCH),
        put("signature truncated", "half of it", &|text| text[..text.len() / 2].to_owned(), MISMATCH),
        put("signature padded", "one byte more", &|text| format!("{text}0"), MISMATCH),
        put("signature padded", "padding", &|text| format!("{text}="), MISMATCH),
        put("signature padded", "written twice", &|text| text.repeat(2), MISMATCH),
        put("signature empty", "emptied", &|_| String::new(), empty),
        put("signature of another request", "put in its place", &|_| other.clone(), MISMATCH),
        Case::new("signed in two places", "the other place filled", twice, ARGUMENT),
    ];
    if way.in_query() {
        let parameters: &[&str] = if v1 { &V1_PARAMETERS } else { &V4_PARAMETERS };
        for name in parameters {
            let value = base.query(name).expect("the parameter");
            cases.push(Case::new("signature twice", "a parameter", base.with_more_query(name, value), ARGUMENT));
            cases.push(Case::new("authorization", "a parameter removed", base.with_query(name, None), DENIED));
            let renamed = base.with_query(name, None).with_more_query(&swap_case(name), value);
            cases.push(Case::new("authorization", "a parameter in another case", renamed, DENIED));
        }
    } else {
        let value = base.header("authorization").expect("the header");
        cases.push(Case::new("signature twice", "the header", base.with_more_header("Authorization", value), ARGUMENT));
        cases.push(Case::new("authorization", "removed", base.with_header("authorization", None), DENIED));
    }
    cases
}

fn tokens(way: Way, key: &AccessKey, base: &Wire) -> Vec<Case> {
    let name = if way == Way::QueryV1 { "security-token" } else { "x-oss-security-token" };
    let put = |value: Option<&str>| {
        if way.in_query() { base.with_query(name, value) } else { base.with_header(name, value) }
    };
    let Some(token) = key.expose_security_token() else {
        let elsewhere = if way == Way::QueryV1 { MISPLACED_TOKEN } else { MISMATCH };
        let mut cases = vec![Case::new("token where none belongs", "added", put(Some("TOKEN+/=")), NO_SUCH_TOKEN)];
        if way.in_query() {
            let header = base.with_header("x-oss-security-token", Some("TOKEN+/="));
            cases.push(Case::new("token where none belongs", "in a header", header, elsewhere));
        }
        return cases;
    };
    let more = if way.in_query() { base.with_more_query(name, token) } else { base.with_more_header(name, token) };
    vec![
        Case::new("token", "first byte", put(Some(&one_byte(token, At::First))), NO_SUCH_TOKEN),
        Case::new("token", "last byte", put(Some(&one_byte(token, At::Last))), NO_SUCH_TOKEN),
        Case::new("token", "case", put(Some(&token.to_lowercase())), NO_SUCH_TOKEN),
        Case::new("token", "one byte less", put(Some(&token[..token.len() - 1])), NO_SUCH_TOKEN),
        Case::new("token missing", "removed", put(None), NO_SUCH_ID),
        Case::new("token twice", "the same", more, MISMATCH),
    ]
}

fn v1_header(key: &AccessKey, base: &Wire) -> Vec<Case> {
    let value = base.header("authorization").expect("the header").to_owned();
    let authorization = |kind, change, value: &str, expected| {
        Case::new(kind, change, base.with_header("authorization", Some(value)), expected)
    };
    let id = |id: &str| value.replacen(key.id(), id, 1);
    let someone = uploader();
    // A temporary id's token is not the other one's.
    let swapped = if key.expose_security_token().is_some() { NO_SUCH_TOKEN } else { MISMATCH };
    let mut cases = vec![
        authorization("access key id", "first byte", &id(&one_byte(key.id(), At::First)), NO_SUCH_ID),
        authorization("access key id", "last byte", &id(&one_byte(key.id(), At::Last)), NO_SUCH_ID),
        authorization("access key id", "case", &id(&key.id().to_lowercase()), NO_SUCH_ID),
        authorization("another's access key id", "put in its place", &id(someone.id()), swapped),
        authorization("scheme", "one byte", &value.replacen("OSS", "OST", 1), ARGUMENT),
        authorization("scheme", "case", &value.to_lowercase(), ARGUMENT),
        authorization("scheme", "V2", &value.replacen("OSS ", "OSS2 ", 1), ARGUMENT),
        authorization("authorization", "no colon", &value.replace(':', ""), ARGUMENT),
    ];
    let date = |kind, change, name, value: Option<&str>, expected| {
        Case::new(kind, change, base.with_header(name, value), expected)
    };
    cases.extend([
        date("date", "one second", "Date", Some("Thu, 01 Jan 2026 00:00:01 GMT"), MISMATCH),
        date("date", "another spelling", "Date", Some("Thu, 1 Jan 2026 00:00:00 GMT"), MISMATCH),
        date("date", "another day", "Date", Some("Fri, 02 Jan 2026 00:00:00 GMT"), SKEWED),
        date("date", "no date", "Date", Some("soon"), DENIED),
        date("date", "removed", "Date", None, DENIED),
        date("header x-oss-date", "added", "x-oss-date", Some("Thu, 01 Jan 2026 00:00:00 GMT"), MISMATCH),
        Case::new("date", "twice", base.with_more_header("Date", base.header("date").expect("a date")), ARGUMENT),
    ]);
    cases
}

fn v1_query(key: &AccessKey, base: &Wire) -> Vec<Case> {
    let put = |kind, change, name, value: &str, expected| {
        Case::new(kind, change, base.with_query(name, Some(value)), expected)
    };
    let expires = base.query("Expires").expect("the parameter").to_owned();
    let later = one_byte(&expires, At::Middle);
    let swapped = if key.expose_security_token().is_some() { NO_SUCH_TOKEN } else { MISMATCH };
    vec![
        put("access key id", "first byte", "OSSAccessKeyId", &one_byte(key.id(), At::First), NO_SUCH_ID),
        put("access key id", "last byte", "OSSAccessKeyId", &one_byte(key.id(), At::Last), NO_SUCH_ID),
        put("access key id", "case", "OSSAccessKeyId", &key.id().to_lowercase(), NO_SUCH_ID),
        put("another's access key id", "put in its place", "OSSAccessKeyId", uploader().id(), swapped),
        put("expires", "last byte", "Expires", &one_byte(&expires, At::Last), MISMATCH),
        put("expires", "middle byte", "Expires", &later, MISMATCH),
        put("expires", "one byte more", "Expires", &format!("{expires}0"), MISMATCH),
        put("expires spelling", "a zero in front", "Expires", &format!("0{expires}"), DENIED),
        put("expires spelling", "a sign in front", "Expires", &format!("+{expires}"), DENIED),
        put("expires spelling", "no number", "Expires", "soon", DENIED),
        put("expired", "one byte less", "Expires", &expires[..expires.len() - 1], DENIED),
        put("expired", "negative", "Expires", "-1", DENIED),
    ]
}

/// The V4 credential, wherever it stands.
fn credentials(way: Way, key: &AccessKey, base: &Wire) -> Vec<Case> {
    let scope = "20260101/cn-hangzhou/oss/aliyun_v4_request";
    let scope =
        if base.path.contains("dev-archive") { scope.replace("cn-hangzhou", "cn-beijing") } else { scope.to_owned() };
    let own = format!("{}/{scope}", key.id());
    let put = |kind, change, credential: &str, expected| {
        let wire = if way.in_query() {
            base.with_query("x-oss-credential", Some(credential))
        } else {
            let value = base.header("authorization").expect("the header");
            assert!(value.contains(&own), "{value}");
            base.with_header("authorization", Some(&value.replacen(&own, credential, 1)))
        };
        Case::new(kind, change, wire, expected)
    };
    let with_id = |id: &str| format!("{id}/{scope}");
    let swapped = if key.expose_security_token().is_some() { NO_SUCH_TOKEN } else { MISMATCH };
    vec![
        put("access key id", "first byte", &with_id(&one_byte(key.id(), At::First)), NO_SUCH_ID),
        put("access key id", "last byte", &with_id(&one_byte(key.id(), At::Last)), NO_SUCH_ID),
        put("access key id", "case", &with_id(&key.id().to_lowercase()), NO_SUCH_ID),
        put("another's access key id", "put in its place", &with_id(uploader().id()), swapped),
        put("scope date", "one byte", &own.replace("20260101", "20260102"), ARGUMENT),
        put("scope date", "no date", &own.replace("20260101", "2026010x"), ARGUMENT),
        put("scope region", "one byte", &own.replace("/cn-", "/cm-"), ARGUMENT),
        put("scope region", "with its prefix", &own.replace("/cn-", "/oss-cn-"), ARGUMENT),
        put("scope product", "one byte", &own.replace("/oss/", "/osr/"), ARGUMENT),
        put("scope terminator", "one byte", &one_byte(&own, At::Last), ARGUMENT),
        put("scope parts", "one more", &own.replace("/oss/", "/oss/oss/"), ARGUMENT),
        put("scope parts", "one less", &own.replace("/oss/", "/"), ARGUMENT),
    ]
}

fn v4_header(base: &Wire) -> Vec<Case> {
    let value = base.header("authorization").expect("the header").to_owned();
    let put = |kind, change, name, value: Option<&str>, expected| {
        Case::new(kind, change, base.with_header(name, value), expected)
    };
    vec![
        put("header x-oss-date", "one second", "x-oss-date", Some("20260101T000001Z"), MISMATCH),
        put("header x-oss-date", "another day", "x-oss-date", Some("20260102T000000Z"), SKEWED),
        put("header x-oss-date", "no date", "x-oss-date", Some("20260101T000000z"), ARGUMENT),
        put("header x-oss-date", "removed", "x-oss-date", None, ARGUMENT),
        put("header x-oss-content-sha256", "one byte", "x-oss-content-sha256", Some("UNSIGNED-PAYLOAE"), MISMATCH),
        put("header x-oss-content-sha256", "case", "x-oss-content-sha256", Some("unsigned-payload"), MISMATCH),
        put("header x-oss-content-sha256", "removed", "x-oss-content-sha256", None, MISMATCH),
        put("scheme", "one byte", "authorization", Some(&value.replacen(ALGORITHM, "OSS4-HMAC-SHA257", 1)), ARGUMENT),
        put("scheme", "V1", "authorization", Some(&value.replacen(ALGORITHM, "OSS", 1)), ARGUMENT),
        put("authorization", "credential removed", "authorization", Some(&without(&value, "Credential=")), ARGUMENT),
        put("authorization", "signature removed", "authorization", Some(&without(&value, "Signature=")), ARGUMENT),
        put("authorization", "credential twice", "authorization", Some(&doubled(&value)), ARGUMENT),
        put("authorization", "something unknown", "authorization", Some(&format!("{value},Foo=1")), ARGUMENT),
    ]
}

/// Without the part of an `Authorization` that begins so.
fn without(authorization: &str, start: &str) -> String {
    let (scheme, parts) = authorization.split_once(' ').expect("a scheme");
    let parts: Vec<_> = parts.split(',').filter(|part| !part.starts_with(start)).collect();
    format!("{scheme} {}", parts.join(","))
}

/// With its first part twice.
fn doubled(authorization: &str) -> String {
    let (scheme, parts) = authorization.split_once(' ').expect("a scheme");
    format!("{scheme} {},{parts}", parts.split(',').next().expect("a part"))
}

fn v4_query(base: &Wire) -> Vec<Case> {
    let put = |kind, change, name, value: &str, expected| {
        Case::new(kind, change, base.with_query(name, Some(value)), expected)
    };
    vec![
        put("scheme", "one byte", "x-oss-signature-version", "OSS4-HMAC-SHA257", ARGUMENT),
        put("scheme", "V2", "x-oss-signature-version", "OSS2", ARGUMENT),
        put("date", "one second", "x-oss-date", "20260101T000001Z", MISMATCH),
        put("date", "another day", "x-oss-date", "20260102T000000Z", DENIED),
        put("date", "no date", "x-oss-date", "20260101T000000z", ARGUMENT),
        put("expires", "one byte", "x-oss-expires", "601", MISMATCH),
        put("expires", "a byte more", "x-oss-expires", "6000", MISMATCH),
        put("expires spelling", "a zero in front", "x-oss-expires", "0600", ARGUMENT),
        put("expires spelling", "longer than allowed", "x-oss-expires", "604801", ARGUMENT),
        put("expires spelling", "nothing", "x-oss-expires", "0", ARGUMENT),
    ]
}

fn additional_headers(way: Way, base: &Wire) -> Vec<Case> {
    let listed = |list: &str| {
        if way.in_query() {
            base.with_query("x-oss-additional-headers", Some(list).filter(|list| !list.is_empty()))
        } else {
            let value = base.header("authorization").expect("the header");
            base.with_header("authorization", Some(&value.replacen("cache-control;host", list, 1)))
        }
    };
    let port: u16 = base.header("host").and_then(|host| host.rsplit_once(':')?.1.parse().ok()).expect("a port");
    vec![
        Case::new("additional header list", "one byte", listed("cache-control;hosu"), ARGUMENT),
        Case::new("additional header list", "one less", listed("host"), MISMATCH),
        // In a URL the parameter is left out; in a header it stands there empty.
        Case::new("additional header list", "emptied", listed(""), if way.in_query() { MISMATCH } else { ARGUMENT }),
        Case::new("additional header list", "a semicolon more", listed("cache-control;host;"), ARGUMENT),
        Case::new("additional header list", "one more", listed("cache-control;content-length;host"), MISMATCH),
        Case::new("additional header list", "joined", listed("cache-control,host"), ARGUMENT),
        Case::new("additional header value", "one byte", base.with_header("cache-control", Some("no-cachf")), MISMATCH),
        Case::new("additional header missing", "removed", base.with_header("cache-control", None), ARGUMENT),
        Case::new("additional header twice", "the same", base.with_more_header("cache-control", "no-cache"), MISMATCH),
        Case::new("additional header not listed", "added", listed("cache-control;connection;host"), MISMATCH),
        Case::new("host", "one byte", base.with_header("host", Some(&format!("127.0.0.2:{port}"))), MISMATCH),
        Case::new("host", "another port", base.with_header("host", Some("127.0.0.1:1")), MISMATCH),
    ]
}
