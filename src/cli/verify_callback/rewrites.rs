//! Why a signature does not fit: undo, one by one and then together, what proxies and frameworks do to a request, and see
//! which of it makes the signature good.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest as _, Md5};
use url::Url;

use super::capture::Capture;
use super::diagnose::is_oss;
use super::variants::{self, Variant};
use crate::oss::callback_signature::{CallbackRequest, TrustedKeys, UnverifiedCallback};

/// The likely cause. `keys` are the trusted ones and OSS's own.
pub(super) fn likely_cause(
    capture: &Capture,
    callback: &UnverifiedCallback,
    keys: &TrustedKeys,
    public_url: Option<&Url>,
) -> String {
    if let Some(url) = callback.signed_by(keys) {
        let whose = if is_oss(url) { "OSS's own key" } else { url };
        return format!(
            "the request is intact, but not signed with the key trusted here for its URL: it is signed with {whose}"
        );
    }
    if let Some(cause) = unusable_signature(capture, callback, keys) {
        return cause;
    }
    match undo(capture, keys, public_url) {
        Some((causes, url)) if url == callback.key_url() => format!("{causes}: so changed back, the signature is good"),
        Some((causes, url)) => {
            format!("{causes}, and signed with the key of {url}: so changed back, the signature is good")
        }
        None => no_explanation(capture),
    }
}

/// What can be told from the signature's length alone.
fn unusable_signature(capture: &Capture, callback: &UnverifiedCallback, keys: &TrustedKeys) -> Option<String> {
    let (got, due) = (callback.signature().len(), keys.signature_len(callback.key_url())?);
    if got == due {
        return None;
    }
    let text = capture.header("authorization").unwrap_or_default();
    let cause = if text.len() == 2 * due && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        "the Authorization header is hexadecimal; OSS writes Base64".to_owned()
    } else if callback.signature().iter().all(u8::is_ascii_graphic) {
        "the Authorization header is Base64 of Base64: encoded once too often".to_owned()
    } else {
        format!("the signature has {got} bytes and the key makes {due}: cut off, or made with another key")
    };
    Some(cause)
}

/// The fewest changes that make the signature good, and the URL of the key that it is good with.
fn undo<'k>(capture: &Capture, keys: &'k TrustedKeys, public_url: Option<&Url>) -> Option<(String, &'k str)> {
    let targets = targets(capture, public_url);
    let bodies = variants::of_body(&capture.body);
    let changes = |target: &Target, body: &Variant<Bytes>| target.causes.len() + usize::from(body.cause.is_some());
    for number in 1..=3 {
        let pairs = targets.iter().flat_map(|target| bodies.iter().map(move |body| (target, body)));
        for (target, body) in pairs.filter(|(target, body)| changes(target, body) == number) {
            if let Some(url) = signed_by(capture, target, &body.value, keys) {
                let causes: Vec<_> = target.causes.iter().copied().chain(body.cause).collect();
                return Some((causes.join(", and "), url));
            }
        }
    }
    None
}

/// Path and query as they may have been.
struct Target {
    causes: Vec<&'static str>,
    path: String,
    query: Option<String>,
}

fn targets(capture: &Capture, public_url: Option<&Url>) -> Vec<Target> {
    let queries = variants::of_query(capture, public_url);
    let paths = variants::of_path(capture, public_url);
    let both =
        paths.iter().flat_map(|path| queries.iter().map(move |query| (path, query))).map(|(path, query)| Target {
            causes: path.cause.into_iter().chain(query.cause).collect(),
            path: path.value.clone(),
            query: query.value.clone(),
        });
    let as_one = variants::of_target(capture).into_iter().map(|target| Target {
        causes: target.cause.into_iter().collect(),
        path: target.value,
        query: None,
    });
    both.chain(as_one).collect()
}

fn signed_by<'k>(capture: &Capture, target: &Target, body: &Bytes, keys: &'k TrustedKeys) -> Option<&'k str> {
    let request = CallbackRequest {
        raw_path: target.path.as_str().into(),
        raw_query: target.query.as_deref().map(Into::into),
        headers: capture.headers.clone(),
        body: body.clone(),
    };
    UnverifiedCallback::parse(request).ok()?.signed_by(keys)
}

/// What the unsigned headers tell, when nothing helped.
fn no_explanation(capture: &Capture) -> String {
    let declared = capture.header("content-length").and_then(|len| len.trim().parse::<usize>().ok());
    let len = capture.body.len();
    let md5 = STANDARD.encode(Md5::digest(&capture.body));
    match (declared, capture.header("content-md5")) {
        (Some(declared), _) if declared > len => format!("the body has {len} of {declared} bytes: the capture, or what passed it on, cut it off"),
        (_, Some(sent)) if sent != md5 => "the body does not fit its Content-MD5: it was changed after OSS sent it".to_owned(),
        (_, Some(_)) => "the body fits its Content-MD5, so that path, query or signature were changed: compare them with the \
                         callbackUrl that was issued (--public-url tries it), or someone else signed this"
            .to_owned(),
        _ => "no usual rewriting of path, query or body explains it: compare the path and query with the callbackUrl that was \
              issued (--public-url tries it) and the body with what OSS sent, byte for byte, or someone else signed this"
            .to_owned(),
    }
}
