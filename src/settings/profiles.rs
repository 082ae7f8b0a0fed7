//! `[profiles.NAME]`: the rule sets that grants are issued under.

use chrono::TimeDelta;
use url::Url;

use super::{
    callback::read_urls,
    reader::{Section, parse_choice},
};
use crate::{
    grant::{
        key_template::KeyTemplate,
        profile::{Confirm, Method, OnReject, Profile, ProfileCallback},
    },
    oss::callback::CallbackBodyType,
};

const METHODS: [(&str, Method); 4] =
    [("post", Method::Post), ("put", Method::Put), ("multipart", Method::Multipart), ("sts", Method::Sts)];
const CONFIRM: [(&str, Confirm); 2] = [("head", Confirm::Head), ("off", Confirm::Off)];
const ON_REJECT: [(&str, OnReject); 2] = [("keep", OnReject::Keep), ("delete", OnReject::Delete)];
const BODY_TYPES: [(&str, CallbackBodyType); 4] = [
    ("form", CallbackBodyType::Form),
    ("json", CallbackBodyType::Json),
    ("application/x-www-form-urlencoded", CallbackBodyType::Form),
    ("application/json", CallbackBodyType::Json),
];
const ACLS: [(&str, &str); 4] = [
    ("default", "default"),
    ("private", "private"),
    ("public-read", "public-read"),
    ("public-read-write", "public-read-write"),
];

/// More would not fit OSS's 5 KB for the callback's variables with room to spare.
const MAX_VARS: usize = 10;
/// The names we give OSS ourselves.
const RESERVED_VARS: [&str; 4] = ["user_id", "upload_id", "seal", "dir"];
/// PostObject and PutObject (P§5).
const MAX_SINGLE_SIZE: u64 = 5 << 30;
/// Multipart: 48.8 TB (P§5).
const MAX_MULTIPART_SIZE: u64 = 10_000 * MAX_SINGLE_SIZE;
const DEFAULT_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// Headers that the service sets itself, or that would undo what a grant promises.
const RESERVED_HEADERS: [&str; 10] = [
    "authorization",
    "content-length",
    "content-type",
    "host",
    "x-oss-callback",
    "x-oss-callback-var",
    "x-oss-content-type",
    "x-oss-forbid-overwrite",
    "x-oss-meta-upload-id",
    "x-oss-object-acl",
];

/// Reads and validates one profile.
pub(super) fn read(name: &str, section: &mut Section<'_>) -> Option<Profile> {
    let bucket = section.required_text("bucket");
    let key = section.required("key", |text| KeyTemplate::parse(text).map_err(|error| error.to_string()));
    let directory =
        section.parse("directory", |text| KeyTemplate::parse_directory(text).map_err(|error| error.to_string()));
    let methods = read_methods(section);
    let (min_size, max_size) = read_sizes(section, &methods);
    let profile = Profile {
        name: name.to_owned(),
        bucket,
        key: key?,
        directory,
        methods,
        min_size,
        max_size,
        content_types: section.parsed_texts("content_types", parse_content_type),
        expires_in: read_lifetime(section),
        vars: read_vars(section),
        overwrite: section.flag("overwrite"),
        scope: section.text("scope"),
        confirm: section.choice("confirm", &CONFIRM, Confirm::Head),
        on_reject: section.choice("on_reject", &ON_REJECT, OnReject::Keep),
        hook: section.text("hook"),
        object_acl: section.parse("object_acl", |text| parse_choice(text, &ACLS)).map(str::to_owned),
        headers: read_headers(section),
        callback: section.section("callback", read_callback).unwrap_or_default(),
    };
    judge_templates(&profile, section);
    judge_rest(&profile, section);
    Some(profile)
}

fn read_methods(section: &mut Section<'_>) -> Vec<Method> {
    if !section.has("methods") {
        return vec![Method::Post];
    }
    let methods = section.parsed_texts("methods", |text| parse_choice(text, &METHODS));
    if methods.is_empty() {
        section.fault("methods", "at least one method");
    }
    if (1..methods.len()).any(|index| methods[..index].contains(&methods[index])) {
        section.fault("methods", "each method once");
    }
    methods
}

fn read_sizes(section: &mut Section<'_>, methods: &[Method]) -> (u64, u64) {
    let min_size = section.size("min_size").unwrap_or_default();
    if !section.has("max_size") {
        section.fault("max_size", "missing: every profile has a limit");
    }
    let max_size = section.size("max_size").unwrap_or(u64::MAX);
    let single = methods.iter().any(|method| matches!(method, Method::Post | Method::Put));
    if max_size != u64::MAX {
        if min_size > max_size {
            section.fault("min_size", "more than max_size");
        }
        if single && max_size > MAX_SINGLE_SIZE {
            section.fault("max_size", "OSS takes at most 5 GiB by post or put");
        }
        if max_size > MAX_MULTIPART_SIZE {
            section.fault("max_size", "more than OSS's largest object");
        }
    }
    (min_size, max_size)
}

fn read_lifetime(section: &mut Section<'_>) -> TimeDelta {
    let expires_in = section.duration("expires_in").unwrap_or(DEFAULT_LIFETIME);
    if expires_in < TimeDelta::seconds(1) {
        section.fault("expires_in", "at least 1s");
    }
    expires_in
}

fn read_vars(section: &mut Section<'_>) -> Vec<String> {
    let vars = section.parsed_texts("vars", parse_var);
    if vars.len() > MAX_VARS {
        section.fault("vars", format!("at most {MAX_VARS} variables"));
    }
    if (1..vars.len()).any(|index| vars[..index].contains(&vars[index])) {
        section.fault("vars", "each variable once");
    }
    vars
}

fn parse_var(text: &str) -> Result<String, String> {
    let follows = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.bytes().all(follows) {
        return Err(format!("`{text}` is no variable name: [a-z][a-z0-9_]*"));
    }
    if RESERVED_VARS.contains(&text) {
        return Err(format!("`{text}` is taken: {} are ours", RESERVED_VARS.join(", ")));
    }
    Ok(text.to_owned())
}

/// `image/png` or `image/*`; compared in lower case.
fn parse_content_type(text: &str) -> Result<String, String> {
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    match text.split_once('/') {
        Some((kind, sub)) if token(kind) && (sub == "*" || token(sub)) => Ok(text.to_ascii_lowercase()),
        _ => Err(format!("`{text}` is no content type: write `image/png` or `image/*`")),
    }
}

fn read_headers(section: &mut Section<'_>) -> Vec<(String, String)> {
    let headers = section.text_table("headers");
    for (name, value) in &headers {
        let token = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let key = format!("headers.{name}");
        if !token {
            section.fault(&key, "no header name");
        }
        if RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            section.fault(&key, "this header is set by the service");
        }
        if value.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
            section.fault(&key, "a header value is printable ASCII");
        }
    }
    headers
}

fn read_callback(section: &mut Section<'_>) -> ProfileCallback {
    ProfileCallback {
        body_type: section.choice("body_type", &BODY_TYPES, CallbackBodyType::Form),
        urls: read_urls(section, "urls").iter().map(Url::to_string).collect(),
        image_info: section.flag("image_info"),
    }
}

/// The contract's rules for keys: an undeclared variable, and what a key without `{id}` needs.
fn judge_templates(profile: &Profile, section: &Section<'_>) {
    let undeclared = |key: &str, template: &KeyTemplate| {
        for name in template.variables() {
            if !profile.vars.iter().any(|var| var == name) {
                section.fault(key, format!("`{{var:{name}}}` is not declared in vars"));
            }
        }
    };
    undeclared("key", &profile.key);
    if !profile.key.has_id() {
        if !profile.overwrite {
            section.fault("key", "without `{id}` the profile must say `overwrite = true`");
        }
        if !profile.key.has_user_id() {
            section.fault("key", "without `{id}` the key must hold `{user_id}`");
        }
        if profile.methods.contains(&Method::Sts) {
            section.fault("key", "without `{id}` the method sts is not possible");
        }
    }
    if let Some(directory) = &profile.directory {
        if let Some(name) = directory.variables().first() {
            let message = format!("`{{var:{name}}}` can't stand here: a directory grant has no variables");
            section.fault("directory", message);
        }
        if !directory.has_id() {
            section.fault("directory", "a directory grant needs a directory of its own: `{id}`");
        }
    }
}

fn judge_rest(profile: &Profile, section: &Section<'_>) {
    let single = |method: &Method| matches!(method, Method::Post | Method::Put);
    if profile.confirm == Confirm::Off && !profile.methods.iter().all(single) {
        section.fault("confirm", "`off` is possible only where all methods are post or put");
    }
    let image_only = !profile.content_types.is_empty() && profile.content_types.iter().all(|t| t.starts_with("image/"));
    if profile.callback.image_info && !image_only {
        section.fault(
            "callback.image_info",
            "only where content_types allows nothing but images: OSS fails the callback of what it can't read",
        );
    }
}
