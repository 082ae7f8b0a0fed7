//! What the temporary credentials of an `sts` grant may do: send this one object, or objects under this one directory, and
//! nothing else.
//!
//! A session policy only narrows a role (P§6.2). Its resource is a pattern, in which `*` and `?` stand for anything and `${…}`
//! for a variable; so nothing is written into it that is not on a short list of harmless characters.

use chrono::TimeDelta;
use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::grant::{Grant, GrantKind};
use crate::oss::sts::{MIN_DURATION, is_session_name};

/// What an SDK needs for one upload, simple or resumable (P§6.2): PutObject is also the right to begin a multipart upload, to
/// send its parts and to complete it.
pub const ACTIONS: [&str; 3] = ["oss:PutObject", "oss:AbortMultipartUpload", "oss:ListParts"];

/// The longest readable part of a session's name; with [`DIGEST_LEN`] and a hyphen within STS's 64.
const READABLE_LEN: usize = 40;
/// Hexadecimal digits.
const DIGEST_LEN: usize = 16;

/// A bucket or key that must not stand in a policy. Key templates make none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the {0} has characters that mean something else in a policy")]
pub struct UnsafeResource(&'static str);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy<'a> {
    version: &'static str,
    statement: [Statement<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    effect: &'static str,
    action: [&'static str; 3],
    resource: [&'a str; 1],
}

/// The session policy for exactly what was granted: compact JSON, below 2048 characters for every key that OSS takes. The wildcard
/// behind a directory's slash is the only one there ever is.
///
/// # Errors
/// When bucket or key have characters that neither our settings nor a key template let through.
pub fn session_policy(grant: &Grant) -> Result<String, UnsafeResource> {
    match grant.kind {
        GrantKind::Upload => policy(&grant.bucket, &grant.key, ""),
        GrantKind::Directory => match grant.key.strip_suffix('/') {
            Some(segments) => policy(&grant.bucket, segments, "/*"),
            None => Err(UnsafeResource("key")),
        },
    }
}

fn policy(bucket: &str, key: &str, suffix: &str) -> Result<String, UnsafeResource> {
    let is_bucket = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    // What a key template can make: literals, escaped values (`~XX`) and the slashes between them.
    let is_key = |b: u8| b.is_ascii_alphanumeric() || b"_-.~/".contains(&b);
    if bucket.is_empty() || !bucket.bytes().all(is_bucket) {
        return Err(UnsafeResource("bucket"));
    }
    if key.is_empty() || key.ends_with('/') || !key.bytes().all(is_key) {
        return Err(UnsafeResource("key"));
    }
    let resource = format!("acs:oss:*:*:{bucket}/{key}{suffix}");
    let statement = Statement { effect: "Allow", action: ACTIONS, resource: [&resource] };
    Ok(serde_json::to_string(&Policy { version: "1", statement: [statement] }).expect("texts are JSON"))
}

/// Who a session is, for audits: the user id, where STS takes it as it is. Else what is readable of it, and the beginning of its
/// digest, so that two users are not taken for one.
pub fn session_name(user_id: &str) -> String {
    if is_session_name(user_id) {
        return user_id.to_owned();
    }
    let readable = user_id.chars().map(|c| if c.is_ascii_alphanumeric() || ".@_-".contains(c) { c } else { '_' });
    let readable: String = readable.take(READABLE_LEN).collect();
    let digest = hex::encode(Sha256::digest(user_id));
    format!("{readable}-{}", &digest[..DIGEST_LEN])
}

/// How long to ask credentials for that are to last for `wanted`: whole seconds, not less than STS gives (15 minutes), not more
/// than the role allows.
pub fn session_duration(wanted: TimeDelta, longest: TimeDelta) -> TimeDelta {
    let whole = wanted.num_seconds() + i64::from(wanted.subsec_nanos() > 0);
    TimeDelta::seconds(whole).min(longest).max(MIN_DURATION)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        grant::key_template::{KeyFacts, KeyTemplate},
        oss::sts::MAX_POLICY_CHARS,
    };

    #[test]
    fn the_policy_allows_an_upload_of_one_object() {
        assert_eq!(
            policy("app-media", "documents/u-7/a~2A.pdf", "").unwrap(),
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject","oss:AbortMultipartUpload","oss:ListParts"],"Resource":["acs:oss:*:*:app-media/documents/u-7/a~2A.pdf"]}]}"#
        );
    }

    #[test]
    fn a_directory_is_open_from_its_slash_on() {
        let allowed = policy("app-media", "documents/u-7/0193", "/*").unwrap();
        assert!(allowed.ends_with(r#""Resource":["acs:oss:*:*:app-media/documents/u-7/0193/*"]}]}"#), "{allowed}");
    }

    #[test]
    fn what_means_something_in_a_policy_is_refused() {
        for key in
            ["", "a/*", "a?", "a/${acs:username}", "a\"b", "a\\b", "a b", "a%2A", "ключ", "a\n", "a/", "a,b", "a:b"]
        {
            assert_eq!(policy("app-media", key, ""), Err(UnsafeResource("key")), "{key}");
        }
        for bucket in ["", "*", "app-?", "app/media", "App", "a.b"] {
            assert_eq!(policy(bucket, "key", "/*"), Err(UnsafeResource("bucket")), "{bucket}");
        }
    }

    #[test]
    fn the_longest_policy_is_within_the_limit_of_sts() {
        let policy = policy(&"b".repeat(63), &"k".repeat(1022), "/*").unwrap();
        assert!(policy.chars().count() <= MAX_POLICY_CHARS, "{}", policy.chars().count());
    }

    #[test]
    fn a_session_is_named_after_its_user() {
        for (user_id, name) in [
            ("u-7", "u-7"),
            ("ann@example.com", "ann@example.com"),
            ("a", "a-ca978112ca1bbdca"),
            ("../*", "..__-"),
            ("用户 7", "___7-"),
        ] {
            assert!(session_name(user_id).starts_with(name), "{user_id}: {}", session_name(user_id));
        }
        assert_ne!(session_name("a b"), session_name("a*b"), "told apart by their digests");
    }

    #[test]
    fn a_session_lasts_as_long_as_its_grant_within_what_sts_and_the_role_allow() {
        let (minutes, hour) = (TimeDelta::minutes, TimeDelta::hours(1));
        for (wanted, longest, expected, what) in [
            (minutes(30), hour, minutes(30), "the grant's time"),
            (minutes(10), hour, minutes(15), "STS gives no less"),
            (minutes(-1), hour, minutes(15), "never less"),
            (minutes(90), hour, hour, "the role's limit"),
            (minutes(20) - TimeDelta::milliseconds(1), hour, minutes(20), "whole seconds, rather more than less"),
        ] {
            assert_eq!(session_duration(wanted, longest), expected, "{what}");
        }
    }

    const TEMPLATES: [&str; 4] = [
        "documents/{user_id}/{id}.{ext}",
        "{user_id}/{var:album}-{var:note}/{id}",
        "{profile}/{yyyy}/{mm}/{dd}/{user_id}/{var:album}.{id}.{ext}",
        "{var:album}/{var:note}/{user_id}/{id}",
    ];

    proptest! {
        /// Whatever users call themselves and their albums: each key that a template makes of it is exactly one resource.
        #[test]
        fn no_wildcard_reaches_a_policy(
            template in prop::sample::select(TEMPLATES.to_vec()),
            user_id in "[*?${}./\\\\\"% ~a-z\u{0}-\u{10ffff}]{1,32}",
            album in "[*?$./{}\\\\\"~\u{0}-\u{10ffff}]{1,32}",
            note in ".{1,16}",
        ) {
            let facts = KeyFacts {
                user_id: &user_id,
                id: "01980000-0000-7000-8000-000000000000",
                ext: "bin",
                profile: "document",
                now: chrono::DateTime::UNIX_EPOCH,
                vars: &[("album".to_owned(), album.clone()), ("note".to_owned(), note.clone())],
            };
            let Ok(key) = KeyTemplate::parse(template).unwrap().render(&facts) else { return Ok(()) };
            let policy: serde_json::Value = serde_json::from_str(&policy("app-media", &key, "").unwrap()).unwrap();
            let statement = &policy["Statement"][0];
            prop_assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
            prop_assert_eq!(statement["Action"].as_array().unwrap().len(), ACTIONS.len());
            prop_assert_eq!(statement["Resource"].as_array().unwrap().len(), 1);
            let resource = statement["Resource"][0].as_str().unwrap().strip_prefix("acs:oss:*:*:app-media/").unwrap();
            prop_assert_eq!(resource, &key);
            prop_assert!(!resource.contains(['*', '?', '$', '{', '}', '\\', '"', '%']), "{}", resource);
            prop_assert!(!resource.split('/').any(|segment| [".", ".."].contains(&segment)), "{}", resource);
            prop_assert!(is_session_name(&session_name(&user_id)), "{}", session_name(&user_id));
        }
    }
}
