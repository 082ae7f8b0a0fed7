//! How large a profile's callback can grow, by making the largest one.

use chrono::{DateTime, TimeDelta};
use uuid::Uuid;

use crate::{
    grant::{
        grant::{Grant, GrantKind, State},
        key_template::KeyFacts,
        profile::{Method, Profile},
        request::{Pinning, pin},
    },
    oss::{access_key::AccessKey, presign::SigningContext},
    settings::{BucketSettings, CallbackSettings},
};

/// The longest user id that reaches a key, and the longest variable: contract §2 and §9.
const LONGEST_USER_ID: usize = 128;
const LONGEST_VAR: usize = 256;

/// Bytes of the Base64 `callback` and `callback-var` of the largest grant, by directory where the profile has one.
pub(super) fn callback_sizes(
    profile: &Profile,
    bucket: &BucketSettings,
    callback: &CallbackSettings,
) -> (usize, usize) {
    let now = DateTime::UNIX_EPOCH;
    let urls: Vec<String> = callback.public_urls.iter().map(ToString::to_string).collect();
    let pinning = Pinning {
        profile,
        signing: SigningContext {
            version: bucket.signature_version,
            endpoint: &bucket.client_endpoint,
            region: &bucket.region,
            key: &AccessKey::new("id", "secret"),
            signing_key: None,
            now,
        },
        seal_keys: &callback.seal_keys,
        callback_urls: &urls,
    };
    // A form's lifetime is not limited by the signer, so this does not fail.
    let sizes =
        |grant: &Grant| pin(grant, &pinning).map_or((0, 0), |(_, made)| (made.callback.len(), made.callback_var.len()));
    let upload = largest_grant(profile, bucket);
    let directory = largest_directory(profile, &upload).map_or((0, 0), |grant| sizes(&grant));
    let (callback, vars) = sizes(&upload);
    (callback.max(directory.0), vars)
}

/// The longest directory there can be, for a user whose id is nothing but escapes.
fn largest_directory(profile: &Profile, upload: &Grant) -> Option<Grant> {
    let user_id = "*".repeat(LONGEST_USER_ID);
    let facts = KeyFacts {
        user_id: &user_id,
        id: &upload.id.to_string(),
        ext: "",
        profile: &profile.name,
        now: upload.issued_at,
        vars: &[],
    };
    let key = profile.directory.as_ref()?.render(&facts).ok()?;
    Some(Grant { kind: GrantKind::Directory, key, user_id, vars: [].into(), ..upload.clone() })
}

fn largest_grant(profile: &Profile, bucket: &BucketSettings) -> Grant {
    let now = DateTime::UNIX_EPOCH;
    Grant {
        id: Uuid::nil(),
        kind: GrantKind::Upload,
        profile: profile.name.clone(),
        method: Method::Post,
        state: State::Issued,
        reason: None,
        user_id: "u".repeat(LONGEST_USER_ID),
        created_by: None,
        bucket: bucket.bucket.clone(),
        region: bucket.region.clone(),
        key: "k".to_owned(),
        content_type: "application/octet-stream".to_owned(),
        min_size: profile.min_size,
        max_size: profile.max_size,
        declared_size: None,
        filename: None,
        vars: profile.vars.iter().map(|name| (name.clone(), "v".repeat(LONGEST_VAR))).collect(),
        overwrite: profile.overwrite,
        oss_upload_id: None,
        issued_at: now,
        expires_at: now + TimeDelta::minutes(1),
        write_until: now + TimeDelta::minutes(16),
    }
}
