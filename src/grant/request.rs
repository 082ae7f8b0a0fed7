//! What a client gets to send the bytes with: a form or a URL, the callback, everything pinned.
//!
//! Pure: the same grant, profile, key and `now` give the same request. Nothing made here is ever stored.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    directory::{directory_callback, directory_form},
    file_name,
    grant::{Grant, GrantKind},
    profile::{Method, Profile},
    seal::{SealKeys, SealedFacts},
};
use crate::oss::{
    access_key::AccessKey,
    callback::{Callback, CallbackBodyType, encode_vars},
    post_form::{signature_conditions, signature_fields},
    post_policy::{Condition, PostPolicy},
    presign::{MAX_V4_EXPIRY, MAX_V4_EXPIRY_WITH_TOKEN, PresignError, SigningContext, presign, put_object},
};

/// Names and values in their order; JSON writes them as an object.
pub type Pairs = Vec<(String, String)>;

/// OSS's tolerance for clocks that differ: how long after its end a signature may still begin an upload (P§4.2).
pub const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(15);
/// The metadata that ties an object to its grant where the key alone does not.
pub const META_UPLOAD_ID: &str = "x-oss-meta-upload-id";

/// What signs, and what is pinned beside the grant's own facts.
#[derive(Debug)]
pub struct Pinning<'a> {
    /// The grant's profile, as configured now.
    pub profile: &'a Profile,
    /// Endpoint, version, key, clock.
    pub signing: SigningContext<'a>,
    /// Seals the callback.
    pub seal_keys: &'a SealKeys,
    /// The service's public callback URLs, for profiles without their own.
    pub callback_urls: &'a [String],
}

/// A request that a client sends as it is (with the file: as the body, or as the last form part, named `file`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientRequest {
    /// `POST` or `PUT`.
    pub method: &'static str,
    /// Absolute.
    pub url: String,
    /// Must be sent, each as it is.
    #[serde(serialize_with = "as_object")]
    pub headers: Pairs,
    /// Form fields, before the file part.
    #[serde(serialize_with = "as_object")]
    pub fields: Pairs,
}

/// The callback in the shapes that SDKs take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientCallback {
    /// `x-oss-callback`.
    pub callback: String,
    /// `x-oss-callback-var`.
    pub callback_var: String,
    /// Structured: `callbackUrl`.
    pub url: String,
    /// Structured: `callbackBody`.
    pub body: String,
    /// Structured: `callbackBodyType`.
    pub body_type: CallbackBodyType,
    /// Structured: `callbackSNI`.
    pub sni: bool,
    /// Structured: the custom variables, with their `x:`.
    #[serde(serialize_with = "as_object")]
    pub vars: Pairs,
}

/// The request for a `post` or `put` grant, with its callback.
///
/// # Errors
/// When the grant's remaining lifetime is none that OSS would accept in a signature.
pub fn pin(grant: &Grant, pinning: &Pinning<'_>) -> Result<(ClientRequest, ClientCallback), PresignError> {
    let callback = client_callback(grant, pinning.profile, pinning.seal_keys, pinning.callback_urls);
    let request = match (grant.kind, grant.method) {
        (GrantKind::Directory, _) => directory_form(grant, pinning, &callback),
        (GrantKind::Upload, Method::Post) => post_request(grant, pinning, &callback),
        (GrantKind::Upload, Method::Put | Method::Multipart | Method::Sts) => put_request(grant, pinning, &callback)?,
    };
    Ok((request, callback))
}

/// The headers of an upload: type, overwrite rule, metadata. Signed into a PUT; fixed for a multipart upload by Initiate, so that
/// no part and no Complete can change them.
pub fn upload_headers(grant: &Grant, profile: &Profile) -> Pairs {
    let mut headers = vec![pair("Content-Type", &grant.content_type)];
    headers.extend(object_headers(grant, profile));
    headers
}

/// What OSS enforces before it stores anything. Of a directory grant's key that is what it begins with.
pub fn enforced(kind: GrantKind, method: Method) -> &'static [&'static str] {
    match (kind, method) {
        (GrantKind::Upload, Method::Post) => &["key", "size", "content_type", "callback", "vars"],
        (GrantKind::Upload, Method::Put) => &["key", "content_type", "callback", "vars"],
        (GrantKind::Directory, Method::Post) => &["key", "size", "callback"],
        (_, Method::Put | Method::Multipart | Method::Sts) => &["key"],
    }
}

/// Serializes pairs as a JSON object, in their order.
fn as_object<S: Serializer>(pairs: &Pairs, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, value) in pairs {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

fn post_request(grant: &Grant, pinning: &Pinning<'_>, callback: &ClientCallback) -> ClientRequest {
    let mut fields: Pairs = vec![pair("key", &grant.key), pair("success_action_status", "200")];
    fields.push(pair("x-oss-content-type", &grant.content_type));
    fields.extend(object_headers(grant, pinning.profile));
    fields.push(pair("callback", &callback.callback));
    fields.extend(callback.vars.iter().cloned());

    let (min, max) = grant.declared_size.map_or((grant.min_size, grant.max_size), |size| (size, size));
    let mut conditions = vec![Condition::Simple("bucket".to_owned(), grant.bucket.clone())];
    let signature = signature_conditions(&pinning.signing);
    conditions.extend(signature.into_iter().map(|(name, value)| Condition::Simple(name, value)));
    conditions.push(Condition::ContentLengthRange(min, max));
    conditions.extend(fields.iter().map(|(name, value)| Condition::Eq(name.clone(), value.clone())));
    let policy = PostPolicy { expiration: grant.expires_at, conditions };
    fields.extend(signature_fields(&policy, &pinning.signing));

    let url = format!("{}/", pinning.signing.endpoint.bucket_url(&grant.bucket));
    ClientRequest { method: "POST", url, headers: Vec::new(), fields }
}

fn put_request(grant: &Grant, pinning: &Pinning<'_>, callback: &ClientCallback) -> Result<ClientRequest, PresignError> {
    let headers = upload_headers(grant, pinning.profile);
    // V4 signs Content-Type and x-oss-* by itself; the rest only when listed.
    let additional: Vec<String> = headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| name != "content-type" && !name.starts_with("x-oss-"))
        .collect();
    let mut request = put_object(&grant.bucket, &grant.key, headers.clone());
    request.query.push(pair("callback", &callback.callback));
    request.query.push(pair("callback-var", &callback.callback_var));
    let expires_in = (grant.expires_at - pinning.signing.now).num_seconds();
    let signed = presign(request, &additional, expires_in, &pinning.signing)?;
    Ok(ClientRequest { method: "PUT", url: signed.url, headers, fields: Vec::new() })
}

/// The headers (or form fields) that the profile and the overwrite rule ask for.
fn object_headers(grant: &Grant, profile: &Profile) -> Pairs {
    let mut headers = Vec::new();
    if !grant.overwrite {
        headers.push(pair("x-oss-forbid-overwrite", "true"));
    }
    if profile.shares_keys() {
        headers.push((META_UPLOAD_ID.to_owned(), grant.id.to_string()));
    }
    if let Some(acl) = &profile.object_acl {
        headers.push(pair("x-oss-object-acl", acl));
    }
    for (name, value) in &profile.headers {
        let value = match &grant.filename {
            Some(file_name) if name.eq_ignore_ascii_case("content-disposition") && !value.contains("filename") => {
                file_name::content_disposition(value, file_name)
            }
            _ => value.clone(),
        };
        headers.push((name.clone(), value));
    }
    headers
}

/// The callback of a grant. `callback_urls` are the service's public ones, for profiles without their own.
pub fn client_callback(
    grant: &Grant,
    profile: &Profile,
    seal_keys: &SealKeys,
    callback_urls: &[String],
) -> ClientCallback {
    let urls = if profile.callback.urls.is_empty() { callback_urls } else { &profile.callback.urls };
    if grant.kind == GrantKind::Directory {
        return directory_callback(grant, &profile.callback, seal_keys, urls);
    }
    let upload_id = grant.id.to_string();
    let own: Pairs = grant.vars.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let facts = SealedFacts {
        kind: GrantKind::Upload,
        upload_id: &upload_id,
        user_id: &grant.user_id,
        bucket: &grant.bucket,
        key: &grant.key,
        vars: &own,
    };
    let seal = seal_keys.seal(&facts, grant.expires_at);
    let mut vars = vec![pair("x:user_id", &grant.user_id), pair("x:upload_id", &upload_id), pair("x:seal", &seal)];
    vars.extend(own.into_iter().map(|(name, value)| (format!("x:{name}"), value)));

    let profile = &profile.callback;
    let blob = Callback {
        urls: urls.to_vec(),
        host: None,
        body: callback_body(profile.body_type, profile.image_info, &vars),
        body_type: profile.body_type,
        sni: urls.iter().any(|url| url.starts_with("https:")),
        additional_headers: vec![],
    };
    ClientCallback {
        callback: blob.encode(),
        callback_var: encode_vars(&vars),
        url: blob.urls.join(";"),
        body: blob.body,
        body_type: blob.body_type,
        sni: blob.sni,
        vars,
    }
}

/// The template: the system variables that we judge and record, then every `x:` variable of this grant.
fn callback_body(body_type: CallbackBodyType, image_info: bool, vars: &Pairs) -> String {
    let mut members = system_members(body_type, image_info);
    members.extend(vars.iter().map(|(name, _)| member(body_type, name)));
    match body_type {
        CallbackBodyType::Form => members.join("&"),
        CallbackBodyType::Json => format!("{{{}}}", members.join(",")),
    }
}

/// The system variables of every callback of ours, each as a member of the template.
pub(super) fn system_members(body_type: CallbackBodyType, image_info: bool) -> Vec<String> {
    const SYSTEM: [&str; 9] =
        ["bucket", "object", "etag", "size", "mimeType", "crc64", "clientIp", "reqId", "operation"];
    const IMAGE: [&str; 3] = ["imageInfo.width", "imageInfo.height", "imageInfo.format"];
    let names = SYSTEM.into_iter().chain(IMAGE.into_iter().filter(|_| image_info));
    names.map(|name| member(body_type, name)).collect()
}

fn member(body_type: CallbackBodyType, name: &str) -> String {
    match (body_type, name) {
        (CallbackBodyType::Form, _) => format!("{name}=${{{name}}}"),
        // Quotes around the image numbers: OSS writes nothing at all for a missing one (P§1.5).
        (CallbackBodyType::Json, "imageInfo.width" | "imageInfo.height") => format!("\"{name}\":\"${{{name}}}\""),
        (CallbackBodyType::Json, _) => format!("\"{name}\":${{{name}}}"),
    }
}

/// When the signatures of a grant made by `key` end: after its lifetime, but never beyond what OSS accepts (P§4.2), nor
/// beyond the credential's own end.
pub fn expires_at(
    now: DateTime<Utc>,
    lifetime: TimeDelta,
    key: &AccessKey,
    credential_expires_at: Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    let longest = if key.expose_security_token().is_some() { MAX_V4_EXPIRY_WITH_TOKEN } else { MAX_V4_EXPIRY };
    let wanted = now + lifetime.min(TimeDelta::seconds(longest));
    credential_expires_at.map_or(wanted, |end| end.min(wanted))
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_ends_with_its_lifetime_with_what_oss_accepts_or_with_its_credential() {
        let now = DateTime::from_timestamp(1_795_219_200, 0).unwrap();
        let key = AccessKey::new("AK", "SK");
        let temporary = key.clone().with_security_token("T");
        let cases = [
            (TimeDelta::minutes(10), &key, None, TimeDelta::minutes(10), "its lifetime"),
            (TimeDelta::days(30), &key, None, TimeDelta::days(7), "OSS's limit"),
            (TimeDelta::days(1), &temporary, None, TimeDelta::hours(12), "OSS's limit for STS"),
            (
                TimeDelta::hours(1),
                &temporary,
                Some(TimeDelta::minutes(5)),
                TimeDelta::minutes(5),
                "the credential's end",
            ),
            (
                TimeDelta::minutes(1),
                &temporary,
                Some(TimeDelta::minutes(5)),
                TimeDelta::minutes(1),
                "its lifetime again",
            ),
        ];
        for (lifetime, key, credential_left, expected, why) in cases {
            assert_eq!(expires_at(now, lifetime, key, credential_left.map(|left| now + left)), now + expected, "{why}");
        }
    }
}
