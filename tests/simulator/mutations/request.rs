//! Changes of what is asked for: method, bucket, key, query, headers.

use super::{
    ARGUMENT, Case, MISMATCH, NO_BUCKET, NO_BUCKET_NAME, NO_METHOD,
    bed::{CALLBACK, CALLBACK_VAR, KEY, NEIGHBOUR, Operation, Way},
    wire::{At, Wire, one_byte},
};

/// Of the signature itself; [`super::authentication`] sees to them.
const AUTHENTICATION: [&str; 18] = [
    "authorization",
    "date",
    "host",
    "cache-control",
    "x-oss-date",
    "x-oss-content-sha256",
    "x-oss-security-token",
    "OSSAccessKeyId",
    "Expires",
    "Signature",
    "security-token",
    "x-oss-signature-version",
    "x-oss-credential",
    "x-oss-expires",
    "x-oss-additional-headers",
    "x-oss-signature",
    "x-oss-signature-twice",
    "content-length",
];

pub(super) fn changes(operation: Operation, way: Way, base: &Wire) -> Vec<Case> {
    let mut cases = methods(base);
    cases.extend(places(operation, base));
    cases.extend(query(base));
    cases.extend(headers(base));
    cases.extend(additions(operation, way, base));
    cases
}

fn methods(base: &Wire) -> Vec<Case> {
    let others = ["GET", "HEAD", "PUT", "DELETE", "POST"].into_iter().filter(|method| *method != base.method);
    let wires = others.map(|method| base.with_method(method));
    let mut cases: Vec<_> = wires.map(|wire| Case::new("method", "another", wire, MISMATCH)).collect();
    cases.push(Case::new("method", "one byte", base.with_method(&one_byte(&base.method, At::Last)), NO_METHOD));
    cases
}

fn places(operation: Operation, base: &Wire) -> Vec<Case> {
    let bucket = operation.bucket();
    let at =
        |kind: &str, change, bucket: &str, key: &str| Case::new(kind, change, base.with_path(bucket, key), MISMATCH);
    let upper = KEY.replace('a', "A");
    let mut cases = vec![
        at("key", "first byte", bucket, &one_byte(KEY, At::First)),
        at("key", "middle byte", bucket, &one_byte(KEY, At::Middle)),
        at("key", "last byte", bucket, &one_byte(KEY, At::Last)),
        at("key", "one byte more", bucket, &format!("{KEY}x")),
        at("key", "one byte less", bucket, &KEY[..KEY.len() - 1]),
        at("key", "a slash more", bucket, &KEY.replace('/', "//")),
        at("key", "a blank as a plus", bucket, &KEY.replace(' ', "+")),
        at("key", "encoded twice", bucket, &KEY.replace(' ', "%20")),
        at("key case", "one letter", bucket, &upper),
        Case::new("bucket", "one that is not there", base.with_path("dev-nobody", KEY), NO_BUCKET),
        Case::new("bucket", "case", base.with_path(&bucket.to_uppercase(), KEY), NO_BUCKET_NAME),
    ];
    let not_utf8 = Wire { path: format!("{}%FF", base.path), ..base.clone() };
    cases.push(Case::new("key", "not UTF-8", not_utf8, "400 InvalidObjectName"));
    if operation != Operation::GetVersion {
        cases.push(at("bucket", "one byte", NEIGHBOUR, KEY));
    }
    cases
}

fn query(base: &Wire) -> Vec<Case> {
    let mut cases = vec![];
    for (name, value) in base.query.iter().filter(|(name, _)| !AUTHENTICATION.contains(&name.as_str())) {
        let kind = format!("query {name}");
        let mut push = |change, wire: Wire| cases.push(Case::new(kind.as_str(), change, wire, MISMATCH));
        for (change, at) in [("first byte", At::First), ("last byte", At::Last)] {
            if at_matters(value, at) {
                push(change, base.with_query(name, Some(&one_byte(value, at))));
            }
        }
        push("one byte more", base.with_query(name, Some(&format!("{value}x"))));
        push("removed", base.with_query(name, None));
        push("twice", base.with_more_query(name, value));
        let renamed = base.with_query(name, None).with_more_query(&one_byte(name, At::Last), value);
        push("another name", renamed);
        push("another case", base.with_query(name, None).with_more_query(&name.to_uppercase(), value));
    }
    cases
}

/// The last character of padded Base64 is padding; changing it is a change all the same. A text of one byte has but one.
fn at_matters(value: &str, at: At) -> bool {
    matches!(at, At::First) || value.len() > 1
}

fn headers(base: &Wire) -> Vec<Case> {
    let mut cases = vec![];
    let of_request =
        base.headers.iter().filter(|(name, _)| !AUTHENTICATION.contains(&name.to_ascii_lowercase().as_str()));
    for (name, value) in of_request {
        let kind = format!("header {}", name.to_ascii_lowercase());
        let single = ["content-type", "content-md5"].iter().any(|known| name.eq_ignore_ascii_case(known));
        let twice = if single { ARGUMENT } else { MISMATCH };
        let mut push = |change, wire, expected| cases.push(Case::new(kind.as_str(), change, wire, expected));
        for (change, at) in [("first byte", At::First), ("last byte", At::Last)] {
            push(change, base.with_header(name, Some(&one_byte(value, at))), MISMATCH);
        }
        push("one byte more", base.with_header(name, Some(&format!("{value}x"))), MISMATCH);
        push("one byte less", base.with_header(name, Some(&value[..value.len() - 1])), MISMATCH);
        push("removed", base.with_header(name, None), MISMATCH);
        push("twice", base.with_more_header(name, value), twice);
        push("twice, in another case", base.with_more_header(&name.to_uppercase(), value), twice);
        let renamed = base.with_header(name, None).with_more_header(&one_byte(name, At::Last), value);
        push("another name", renamed, MISMATCH);
    }
    cases
}

/// What was not there before.
fn additions(operation: Operation, way: Way, base: &Wire) -> Vec<Case> {
    let mut cases = vec![];
    let parameters = [
        ("uploads", ""),
        ("uploadId", "1"),
        ("partNumber", "1"),
        ("symlink", ""),
        ("append", ""),
        ("position", "0"),
        ("objectMeta", ""),
        ("acl", ""),
        ("tagging", ""),
        ("x-oss-process", "image/resize,w_1"),
        ("versionId", "1"),
        ("callback", CALLBACK),
        ("callback-var", CALLBACK_VAR),
        ("response-content-type", "text/html"),
        ("x-oss-traffic-limit", "819200"),
    ];
    for (name, value) in parameters.into_iter().filter(|(name, _)| base.query(name).is_none()) {
        cases.push(Case::new(format!("query {name}"), "added", base.with_more_query(name, value), MISMATCH));
    }
    let headers = [
        ("x-oss-callback", CALLBACK),
        ("x-oss-callback-var", CALLBACK_VAR),
        ("x-oss-forbid-overwrite", "true"),
        ("x-oss-meta-b", "1"),
        ("x-oss-object-acl", "public-read"),
        ("x-oss-storage-class", "IA"),
        ("x-oss-symlink-target", "inbox/b"),
        ("x-oss-tagging", "a=1"),
        ("x-oss-copy-source", "/dev-media/inbox/b"),
        ("Content-Type", "text/html"),
        ("Content-MD5", "ICy5YqxZB1uWSwcVLSNLcA=="),
    ];
    for (name, value) in headers.into_iter().filter(|(name, _)| base.header(name).is_none()) {
        let kind = format!("header {}", name.to_ascii_lowercase());
        cases.push(Case::new(kind, "added", base.with_more_header(name, value), MISMATCH));
    }
    let not_utf8 = Wire { header_tail: b"x-oss-meta-b: \xff\r\n".to_vec(), ..base.clone() };
    cases.push(Case::new("header not UTF-8", "added", not_utf8, ARGUMENT));
    let tail = if base.query.is_empty() { "a=%FF" } else { "&a=%FF" };
    let not_utf8 = Wire { query_tail: tail.to_owned(), ..base.clone() };
    cases.push(Case::new("query not UTF-8", "added", not_utf8, ARGUMENT));
    if way.version() == oss_valet::oss::request::SignatureVersion::V4 {
        cases.push(Case::new("query of no meaning", "added", base.with_more_query("foo", "bar"), MISMATCH));
        cases.push(Case::new("query of no meaning", "added", base.with_more_query("x-oss-foo", ""), MISMATCH));
    }
    if operation == Operation::PutObject {
        // Two headers are not one with both values, and not each other.
        let swapped = base.with_header("x-oss-meta-a", Some("private")).with_header("x-oss-object-acl", Some("one"));
        cases.push(Case::new("header joined", "values exchanged", swapped, MISMATCH));
        let blank = base.with_header("x-oss-meta-a", Some("one\u{a0}"));
        cases.push(Case::new("header x-oss-meta-a", "a blank that HTTP does not strip", blank, MISMATCH));
    }
    if let [(first, one), (second, two), ..] = base.query.as_slice()
        && !AUTHENTICATION.contains(&second.as_str())
    {
        let exchanged = base.with_query(first, Some(two)).with_query(second, Some(one));
        cases.push(Case::new("query order", "values exchanged", exchanged, MISMATCH));
    }
    cases
}
