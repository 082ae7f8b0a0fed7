//! Changes of a form: of every field, of the file, of the policy, of the signature.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    ARGUMENT, Case, DENIED, MISMATCH, NO_BUCKET, NO_METHOD, NO_SUCH_ID, NO_SUCH_TOKEN,
    bed::NEIGHBOUR,
    form::{Form, FormWay, PINNED, Part, Typed},
    wire::{At, Wire, one_byte},
};
use crate::harness::uploader;

/// Every kind of thing that is changed.
pub(super) const KINDS: [&str; 37] = [
    "method",
    "bucket",
    "key",
    "callback",
    "x:sid",
    "x-oss-forbid-overwrite",
    "success_action_status",
    "success_action_redirect",
    "x-oss-meta-a",
    "x-oss-object-acl",
    "x-oss-storage-class",
    "Cache-Control",
    "x-oss-content-type",
    "Content-Type",
    "file's content type",
    "field doubled",
    "field in another case",
    "field that is forbidden",
    "policy",
    "policy's meaning",
    "policy's expiration",
    "signature",
    "signature case",
    "signature truncated",
    "signature padded",
    "field of the signature missing",
    "access key id",
    "another's access key id",
    "credential",
    "date",
    "version",
    "token",
    "file too long",
    "file too short",
    "file missing",
    "file first",
    "body",
];

pub(super) fn changes(base: &Form) -> Vec<Case> {
    let mut cases = fields(base);
    cases.extend(content_types(base));
    cases.extend(policies(base));
    cases.extend(signatures(base));
    cases.extend(tokens(base));
    cases.extend(if base.way == FormWay::V1 { v1(base) } else { v4(base) });
    cases.extend(files(base));
    cases.extend(requests(base));
    cases
}

fn case(kind: &str, change: &'static str, form: &Form, expected: &'static str) -> Case {
    Case::new(kind, change, form.wire(), expected)
}

/// What the policy pins: changed, missing, and doubled with another value in front.
fn fields(base: &Form) -> Vec<Case> {
    let mut cases = vec![];
    for name in PINNED.iter().map(|(name, _)| *name).chain(["key"]) {
        let value = base.value(name).expect("a field").to_owned();
        let missing = if name == "key" { ARGUMENT } else { DENIED };
        let other = one_byte(&value, At::First);
        cases.push(case(name, "first byte", &base.with(name, &other), DENIED));
        cases.push(case(name, "one byte more", &base.with(name, &format!("{value}x")), DENIED));
        if value.len() > 1 {
            cases.push(case(name, "middle byte", &base.with(name, &one_byte(&value, At::Middle)), DENIED));
            cases.push(case(name, "last byte", &base.with(name, &one_byte(&value, At::Last)), DENIED));
            cases.push(case(name, "one byte less", &base.with(name, &value[..value.len() - 1]), DENIED));
        }
        cases.push(case(name, "removed", &base.without(name), missing));
        let renamed = base.with_part(name, |part| part.name = one_byte(name, At::Last));
        cases.push(case(name, "another name", &renamed, missing));
        let moved = base.without(name).with_last(Part::field(name, &value));
        cases.push(case(name, "behind the file", &moved, missing));
        let doubled = base.with_first(Part::field(name, &other));
        cases.push(case("field doubled", "another value in front", &doubled, DENIED));
        let doubled = base.with_first(Part::field(&name.to_uppercase(), &other));
        cases.push(case("field in another case", "another value in front", &doubled, DENIED));
    }
    let key_case = base.value("key").expect("a field").to_uppercase();
    cases.push(case("key", "case", &base.with("key", &key_case), DENIED));
    cases.push(case("key", "the file's name", &base.with("key", "inbox/${filename}"), DENIED));
    let forbidden = base.with_more(Part::field("X-Oss-Meta-Forbidden", "yes"));
    cases.push(case("field that is forbidden", "added", &forbidden, DENIED));
    cases
}

/// The policy pins the content type that the object gets: the first of three places.
fn content_types(base: &Form) -> Vec<Case> {
    let file_part =
        |content_type: Option<&str>| base.with_part("file", |part| part.content_type = content_type.map(str::to_owned));
    let mut cases = vec![];
    let name = match base.typed {
        Typed::OwnField => "x-oss-content-type",
        Typed::Field => "Content-Type",
        Typed::FilePart => {
            cases.push(case("file's content type", "one byte", &file_part(Some("image/pnh")), DENIED));
            cases.push(case("file's content type", "a parameter", &file_part(Some("image/png; q=1")), DENIED));
            cases.push(case("file's content type", "removed", &file_part(None), DENIED));
            "file"
        }
    };
    if name != "file" {
        cases.push(case(name, "one byte", &base.with(name, "image/pnh"), DENIED));
        cases.push(case(name, "case", &base.with(name, "image/PNG"), DENIED));
        cases.push(case(name, "removed", &base.without(name), DENIED));
    }
    if base.typed == Typed::Field {
        cases.push(case("file's content type", "added", &file_part(Some("text/html")), DENIED));
    }
    if base.typed != Typed::OwnField {
        let added = base.with_more(Part::field("x-oss-content-type", "text/html"));
        cases.push(case("x-oss-content-type", "added", &added, DENIED));
    }
    cases
}

fn policies(base: &Form) -> Vec<Case> {
    let policy = base.value("policy").expect("a policy").to_owned();
    let put = |change, policy: &str| case("policy", change, &base.with("policy", policy), MISMATCH);
    let json = String::from_utf8(STANDARD.decode(&policy).expect("Base64")).expect("UTF-8");
    let meaning =
        |kind: &str, change, json: &str| case(kind, change, &base.with("policy", &STANDARD.encode(json)), MISMATCH);
    let mut cases = vec![
        put("first byte", &one_byte(&policy, At::First)),
        put("middle byte", &one_byte(&policy, At::Middle)),
        put("last byte", &one_byte(&policy, At::Last)),
        put("one byte less", &policy[..policy.len() - 1]),
        put("one byte more", &format!("{policy}A")),
        put("padding", &format!("{policy}=")),
        put("a blank", &format!("{policy} ")),
        put("emptied", ""),
        meaning("policy's meaning", "another key", &json.replace("inbox/", "inbix/")),
        meaning("policy's meaning", "another bucket", &json.replace("dev-media", NEIGHBOUR)),
        meaning("policy's meaning", "a longer file", &json.replace("9,9", "9,99")),
        meaning("policy's meaning", "a blank more", &format!("{json} ")),
        meaning("policy's meaning", "no conditions", &(json.split_once('[').expect("a list").0.to_owned() + "[]}")),
        meaning("policy's expiration", "a year later", &json.replacen("2026", "2027", 1)),
    ];
    // Every sixteenth byte, one after the other.
    for place in (0..policy.len()).step_by(policy.len() / 16) {
        let changed = policy[..place].to_owned() + &one_byte(&policy[place..], At::First);
        cases.push(put("a byte within", &changed));
    }
    cases
}

fn signatures(base: &Form) -> Vec<Case> {
    let (name, fields): (_, &[&str]) = match base.way {
        FormWay::V1 => ("Signature", &["OSSAccessKeyId", "policy", "Signature"]),
        FormWay::V4 => (
            "x-oss-signature",
            &["x-oss-signature-version", "x-oss-credential", "x-oss-date", "policy", "x-oss-signature"],
        ),
    };
    let signature = base.value(name).expect("a signature").to_owned();
    let put = |kind, change, signature: &str| case(kind, change, &base.with(name, signature), MISMATCH);
    let stem = signature.trim_end_matches('=');
    let last = one_byte(stem, At::Last) + &signature[stem.len()..];
    let swapped =
        if signature == signature.to_lowercase() { signature.to_uppercase() } else { signature.to_lowercase() };
    let mut cases = vec![
        put("signature", "first byte", &one_byte(&signature, At::First)),
        put("signature", "middle byte", &one_byte(&signature, At::Middle)),
        put("signature", "last byte", &last),
        put("signature", "emptied", ""),
        put("signature case", "the other one", &swapped),
        put("signature truncated", "one byte less", &signature[..signature.len() - 1]),
        put("signature truncated", "half of it", &signature[..signature.len() / 2]),
        put("signature padded", "padding", &format!("{signature}=")),
        put("signature padded", "written twice", &signature.repeat(2)),
    ];
    for field in fields {
        cases.push(case("field of the signature missing", "removed", &base.without(field), ARGUMENT));
        let moved = base.without(field).with_last(Part::field(field, base.value(field).expect("the field")));
        cases.push(case("field of the signature missing", "behind the file", &moved, ARGUMENT));
    }
    cases
}

fn tokens(base: &Form) -> Vec<Case> {
    const NAME: &str = "x-oss-security-token";
    let Some(token) = base.value(NAME).map(str::to_owned) else {
        return vec![case("token", "added", &base.with_more(Part::field(NAME, "TOKEN+/=")), NO_SUCH_TOKEN)];
    };
    vec![
        case("token", "first byte", &base.with(NAME, &one_byte(&token, At::First)), NO_SUCH_TOKEN),
        case("token", "last byte", &base.with(NAME, &one_byte(&token, At::Last)), NO_SUCH_TOKEN),
        case("token", "case", &base.with(NAME, &token.to_lowercase()), NO_SUCH_TOKEN),
        case("token", "removed", &base.without(NAME), NO_SUCH_ID),
        case("token", "another one in front", &base.with_first(Part::field(NAME, "other")), NO_SUCH_TOKEN),
    ]
}

fn v1(base: &Form) -> Vec<Case> {
    const NAME: &str = "OSSAccessKeyId";
    let id = base.key.id();
    let swapped = if base.key.expose_security_token().is_some() { NO_SUCH_TOKEN } else { MISMATCH };
    vec![
        case("access key id", "first byte", &base.with(NAME, &one_byte(id, At::First)), NO_SUCH_ID),
        case("access key id", "last byte", &base.with(NAME, &one_byte(id, At::Last)), NO_SUCH_ID),
        case("access key id", "case", &base.with(NAME, &id.to_lowercase()), NO_SUCH_ID),
        case("another's access key id", "put in its place", &base.with(NAME, uploader().id()), swapped),
    ]
}

fn v4(base: &Form) -> Vec<Case> {
    let credential = base.value("x-oss-credential").expect("a credential").to_owned();
    let id = base.key.id();
    let swapped = if base.key.expose_security_token().is_some() { NO_SUCH_TOKEN } else { MISMATCH };
    let put = |kind, change, credential: &str, expected| {
        case(kind, change, &base.with("x-oss-credential", credential), expected)
    };
    let with_id = |other: &str| credential.replacen(id, other, 1);
    let field = |kind, change, name, value: &str, expected| case(kind, change, &base.with(name, value), expected);
    vec![
        put("access key id", "first byte", &with_id(&one_byte(id, At::First)), NO_SUCH_ID),
        put("access key id", "last byte", &with_id(&one_byte(id, At::Last)), NO_SUCH_ID),
        put("another's access key id", "put in its place", &with_id(uploader().id()), swapped),
        put("credential", "date", &credential.replace("20260101", "20260102"), ARGUMENT),
        put("credential", "region", &credential.replace("/cn-", "/cm-"), ARGUMENT),
        put("credential", "product", &credential.replace("/oss/", "/osr/"), ARGUMENT),
        put("credential", "last byte", &one_byte(&credential, At::Last), ARGUMENT),
        put("credential", "emptied", "", ARGUMENT),
        field("date", "one second", "x-oss-date", "20260101T000001Z", DENIED),
        field("date", "another day", "x-oss-date", "20260102T000000Z", ARGUMENT),
        field("date", "no date", "x-oss-date", "20260101T000000z", ARGUMENT),
        field("version", "one byte", "x-oss-signature-version", "OSS4-HMAC-SHA257", ARGUMENT),
        field("version", "V2", "x-oss-signature-version", "OSS2", ARGUMENT),
    ]
}

fn files(base: &Form) -> Vec<Case> {
    let file = base.parts.last().expect("the file").clone();
    let with_bytes = |bytes: &[u8]| base.with_part("file", |part| part.value = bytes.to_vec());
    vec![
        case("file too long", "one byte", &with_bytes(b"1234567890"), "400 EntityTooLarge"),
        case("file too short", "one byte", &with_bytes(b"12345678"), "400 EntityTooSmall"),
        case("file too short", "emptied", &with_bytes(b""), "400 EntityTooSmall"),
        case("file missing", "removed", &base.without("file"), "400 IncorrectNumberOfFilesInPOSTRequest"),
        case("file first", "before all fields", &base.without("file").with_first(file.clone()), ARGUMENT),
        case("file first", "another one in front", &base.with_first(file), ARGUMENT),
    ]
}

fn requests(base: &Form) -> Vec<Case> {
    let wire = base.wire();
    let malformed = "400 MalformedPOSTRequest";
    let elsewhere = |bucket: &str| Form { bucket: bucket.to_owned(), ..base.clone() };
    let cut = |bytes: usize| Wire { body: wire.body[..wire.body.len() - bytes].to_vec(), ..wire.clone() };
    let content_type = |value: Option<&str>| wire.with_header("content-type", value);
    vec![
        Case::new("method", "one byte", wire.with_method("POSU"), NO_METHOD),
        Case::new("method", "PATCH", wire.with_method("PATCH"), NO_METHOD),
        case("bucket", "one byte", &elsewhere(NEIGHBOUR), DENIED),
        case("bucket", "one that is not there", &elsewhere("dev-nobody"), NO_BUCKET),
        Case::new("body", "boundary cut off", cut(20), malformed),
        Case::new("body", "cut in the file", cut(24), malformed),
        Case::new("body", "emptied", Wire { body: vec![], ..wire.clone() }, malformed),
        Case::new("body", "another boundary", content_type(Some("multipart/form-data; boundary=x")), malformed),
        Case::new("body", "no boundary", content_type(Some("multipart/form-data")), malformed),
        Case::new("body", "another type", content_type(Some("text/plain")), "400 RequestIsNotMultiPartContent"),
        Case::new("body", "no type", content_type(None), "400 RequestIsNotMultiPartContent"),
        Case::new(
            "body",
            "an MD5 of another",
            wire.with_header("content-md5", Some("ICy5YqxZB1uWSwcVLSNLcA==")),
            "400 InvalidDigest",
        ),
    ]
}
