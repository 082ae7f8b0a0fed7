//! Directory grants: leave for any objects under one directory, in the words of clients that know neither us nor our variables.
//!
//! Their forms send no `x:` field, so what binds a callback to its grant stands as constants in the callback's body, and the
//! policy pins that. A user id stands among them: it is escaped so that no text of it is a variable, a separator or a quote.

use std::fmt::Write as _;

use super::{
    grant::{Grant, GrantKind},
    media_type,
    profile::{Profile, ProfileCallback},
    request::{ClientCallback, ClientRequest, Pairs, Pinning, system_members},
    seal::{SealKeys, SealedFacts},
};
use crate::oss::{
    callback::{Callback, CallbackBodyType, encode_vars},
    encoding::encode_component,
    post_form::{signature_conditions, signature_fields},
    post_policy::{Condition, PostPolicy},
};

/// What a directory grant's `content_type` says where its profile allows every type.
const ANY_TYPE: &str = "*/*";

/// What may arrive under the profile's directory grants: `image/*,application/pdf`, or `*/*`. It stands in the grant, so that a
/// later change of the profile changes nothing for what was granted.
pub fn allowed_types(profile: &Profile) -> String {
    if profile.content_types.is_empty() { ANY_TYPE.to_owned() } else { profile.content_types.join(",") }
}

/// Whether a directory grant of these [`allowed_types`] takes an object of this type.
pub(super) fn takes_type(allowed: &str, content_type: &str) -> bool {
    let patterns: Vec<String> = allowed.split(',').map(str::to_owned).collect();
    media_type::is_allowed(content_type, &patterns)
}

/// Whether the key is one of the directory's, the directory itself among them.
pub fn is_within(directory: &str, key: &str) -> bool {
    directory.ends_with('/') && key.starts_with(directory)
}

/// Whether an object under the directory may have this key. The directory itself is none; and `.` or `..` as a segment is a
/// name to OSS, but a way out of the directory to whoever takes keys for paths.
pub fn is_usable_key(directory: &str, key: &str) -> bool {
    is_within(directory, key) && key.len() > directory.len() && !has_dot_segments(key)
}

/// Whether `.` or `..` is a segment of the key. No such key can be asked for: HTTP clients fold these segments in URLs.
pub fn has_dot_segments(key: &str) -> bool {
    key.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// The form for a directory: bucket, size, directory, callback and signature are pinned, and nothing that old forms do not send.
/// Its `key` puts each file under its own name; clients may choose another below the directory.
pub(super) fn directory_form(grant: &Grant, pinning: &Pinning<'_>, callback: &ClientCallback) -> ClientRequest {
    let mut conditions = vec![Condition::Simple("bucket".to_owned(), grant.bucket.clone())];
    let signature = signature_conditions(&pinning.signing);
    conditions.extend(signature.into_iter().map(|(name, value)| Condition::Simple(name, value)));
    conditions.push(Condition::ContentLengthRange(grant.min_size, grant.max_size));
    conditions.push(Condition::StartsWith("key".to_owned(), grant.key.clone()));
    conditions.push(Condition::Eq("callback".to_owned(), callback.callback.clone()));
    let policy = PostPolicy { expiration: grant.expires_at, conditions };

    // OSS judges the key before it puts the file's name in its place (P§3.2).
    let key = format!("{}${{filename}}", grant.key);
    let mut fields: Pairs = vec![("key".to_owned(), key), ("callback".to_owned(), callback.callback.clone())];
    fields.extend(signature_fields(&policy, &pinning.signing));
    let url = format!("{}/", pinning.signing.endpoint.bucket_url(&grant.bucket));
    ClientRequest { method: "POST", url, headers: Vec::new(), fields }
}

/// The callback of a directory grant: no variables, everything that is ours a constant in the body.
pub(super) fn directory_callback(
    grant: &Grant,
    profile: &ProfileCallback,
    seal_keys: &SealKeys,
    urls: &[String],
) -> ClientCallback {
    let upload_id = grant.id.to_string();
    let facts = SealedFacts {
        kind: GrantKind::Directory,
        upload_id: &upload_id,
        user_id: &grant.user_id,
        bucket: &grant.bucket,
        key: &grant.key,
        vars: &[],
    };
    let seal = seal_keys.seal(&facts, grant.expires_at);
    let constants =
        [("x:user_id", &grant.user_id), ("x:upload_id", &upload_id), ("x:dir", &grant.key), ("x:seal", &seal)];
    let blob = Callback {
        urls: urls.to_vec(),
        host: None,
        body: callback_body(profile, constants),
        body_type: profile.body_type,
        sni: urls.iter().any(|url| url.starts_with("https:")),
        additional_headers: vec![],
    };
    ClientCallback {
        callback: blob.encode(),
        callback_var: encode_vars(&[]),
        url: blob.urls.join(";"),
        body: blob.body,
        body_type: blob.body_type,
        sni: blob.sni,
        vars: Vec::new(),
    }
}

fn callback_body(profile: &ProfileCallback, constants: [(&str, &String); 4]) -> String {
    let mut members = system_members(profile.body_type, profile.image_info);
    members.extend(constants.map(|(name, value)| match profile.body_type {
        CallbackBodyType::Form => format!("{name}={}", encode_component(value)),
        CallbackBodyType::Json => format!("\"{name}\":\"{}\"", escape_json(value)),
    }));
    match profile.body_type {
        CallbackBodyType::Form => members.join("&"),
        CallbackBodyType::Json => format!("{{{}}}", members.join(",")),
    }
}

/// The inside of a JSON string in which nothing but letters, digits and `_.~/@-` stands for itself: no `$` of a variable, no
/// quote, and nothing whose encoding anybody on the way could mistake.
fn escape_json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "_.~/@-".contains(c) {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").expect("a String takes everything");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{
        grant::{grant::State, profile::Method, seal::SealKey},
        oss::{
            callback::{SystemVariables, substitute},
            callback_body::CallbackFields,
        },
    };

    const DIR: &str = "documents/u-7/0193/";

    fn grant(user_id: &str, key: &str) -> Grant {
        let now = DateTime::from_timestamp(1_795_219_200, 0).unwrap();
        Grant {
            id: Uuid::from_u128(7),
            kind: GrantKind::Directory,
            profile: "document".into(),
            method: Method::Post,
            state: State::Issued,
            reason: None,
            user_id: user_id.into(),
            created_by: None,
            bucket: "app-media".into(),
            region: "cn-hangzhou".into(),
            key: key.into(),
            content_type: ANY_TYPE.into(),
            min_size: 0,
            max_size: 10,
            declared_size: None,
            filename: None,
            vars: [].into(),
            overwrite: true,
            oss_upload_id: None,
            issued_at: now,
            expires_at: now + TimeDelta::minutes(10),
            write_until: now + TimeDelta::minutes(25),
        }
    }

    fn keys() -> SealKeys {
        SealKeys::new(vec![SealKey::derive("k1", b"0123456789abcdef0123456789abcdef").unwrap()]).unwrap()
    }

    /// What OSS sends for an object under the grant.
    fn received(grant: &Grant, body_type: CallbackBodyType) -> CallbackFields {
        let profile = ProfileCallback { body_type, ..ProfileCallback::default() };
        let callback = directory_callback(grant, &profile, &keys(), &["https://app.example.com/cb".to_owned()]);
        let sent = Callback::decode(&callback.callback).unwrap();
        let facts =
            SystemVariables { object: format!("{}a b&c.txt", grant.key), size: 5, ..SystemVariables::default() };
        // A variable that should be none would be filled in with this.
        let intruders = [("x:user_id".to_owned(), "intruder".to_owned()), ("x:a".to_owned(), "intruder".to_owned())];
        let body = substitute(&sent.body, sent.body_type, &facts, &intruders);
        CallbackFields::parse(Some(body_type.as_str()), body.as_bytes()).unwrap()
    }

    fn assert_binds(user_id: &str, body_type: CallbackBodyType) {
        let grant = grant(user_id, DIR);
        let fields = received(&grant, body_type);
        assert_eq!(fields.field("x:user_id"), Some(user_id), "{body_type:?}");
        assert_eq!(fields.field("x:dir"), Some(DIR));
        assert_eq!(fields.field("object"), Some("documents/u-7/0193/a b&c.txt"));
        let upload_id = grant.id.to_string();
        assert_eq!(fields.field("x:upload_id"), Some(upload_id.as_str()));
        let own = fields.iter().filter(|(name, _)| name.starts_with("x:")).count();
        assert_eq!(own, 4, "no variable of anybody else's");
        let facts = SealedFacts {
            kind: GrantKind::Directory,
            upload_id: &upload_id,
            user_id,
            bucket: "app-media",
            key: DIR,
            vars: &[],
        };
        keys().verify(fields.field("x:seal").unwrap(), &facts).unwrap();
    }

    #[test]
    fn no_user_id_breaks_out_of_its_place() {
        for user_id in [
            "u-7",
            "${object}",
            "${x:user_id}",
            "$",
            "a&x:dir=b%2F",
            "a=b",
            "%26x:a=1",
            "%24%7Bobject%7D",
            "\",\"x:dir\":\"b/",
            "\\",
            "\\u0024{object}",
            "a+b c",
            "用户 7 😀",
            "</script>",
            "null",
        ] {
            for body_type in [CallbackBodyType::Form, CallbackBodyType::Json] {
                assert_binds(user_id, body_type);
            }
        }
    }

    #[test]
    fn an_objects_key_lies_below_its_directory() {
        for (key, usable) in [
            ("documents/u-7/0193/a.txt", true),
            ("documents/u-7/0193/sub/a.txt", true),
            ("documents/u-7/0193/sub/", true),
            ("documents/u-7/0193/...", true),
            ("documents/u-7/0193/文件 1.txt", true),
            ("documents/u-7/0193//a", true),
            (DIR, false),
            ("documents/u-7/0193", false),
            ("documents/u-7/0193a", false),
            ("documents/u-7/0194/a.txt", false),
            ("documents/u-7/0193/../a.txt", false),
            ("documents/u-7/0193/..", false),
            ("documents/u-7/0193/./a.txt", false),
            ("/documents/u-7/0193/a.txt", false),
            ("", false),
        ] {
            assert_eq!(is_usable_key(DIR, key), usable, "{key}");
        }
        assert!(!is_within("documents", "documents/a"), "a directory ends in a slash");
    }

    #[test]
    fn types_are_those_of_the_grant() {
        assert!(takes_type(ANY_TYPE, "text/html") && takes_type(ANY_TYPE, ""));
        let some = "image/*,application/pdf";
        assert!(takes_type(some, "image/png") && takes_type(some, "application/PDF; x=y"));
        assert!(!takes_type(some, "text/html") && !takes_type(some, ""));
    }

    proptest! {
        #[test]
        fn no_user_id_at_all_does(user_id in "[${}&=%+\"\\\\:,x/a-c\u{80}-\u{10ffff}]{1,40}", json in any::<bool>()) {
            assert_binds(&user_id, if json { CallbackBodyType::Json } else { CallbackBodyType::Form });
        }
    }
}
