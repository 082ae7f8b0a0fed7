//! Signed requests, V1 and V4, in header and query: whatever arrives is judged, and what verifies does not verify with
//! another method, key or token.
//!
//! The input: method, target `/bucket/key?query` and one header a line, `name: value`.

use chrono::{DateTime, Utc};
use oss_valet::oss::{
    access_key::AccessKey,
    encoding::{decode_path, decode_query},
    request::SignableRequest,
    verify::{UnverifiedSignature, VerifyingContext, verify},
};

/// The secret of the corpus's keys; the id of the second has a token.
const SECRET: &str = "sesame";

pub(super) fn target(data: &[u8]) {
    let Some(request) = super::text(data).and_then(request) else { return };
    let _unverified = UnverifiedSignature::from_request(&request);
    if !is_signed(&request) {
        return;
    }
    let changes: [fn(&mut SignableRequest); 4] = [
        |request| request.method.push('X'),
        |request| request.key.push('x'),
        |request| request.bucket = Some("other".to_owned()),
        |request| request.headers.push(("x-oss-security-token".to_owned(), "other".to_owned())),
    ];
    for change in changes {
        let mut changed = request.clone();
        change(&mut changed);
        assert!(!is_signed(&changed), "{changed:?}");
    }
}

/// The day on which the corpus was signed.
pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a date")
}

pub(super) fn find_key(id: &str) -> Option<AccessKey> {
    match id {
        "AK" => Some(AccessKey::new("AK", SECRET)),
        "STS.AK" => Some(AccessKey::new("STS.AK", SECRET).with_security_token("TOKEN+/=")),
        _ => None,
    }
}

fn is_signed(request: &SignableRequest) -> bool {
    let context = VerifyingContext { now: now(), region: Some("cn-hangzhou") };
    match verify(request, find_key, &context) {
        Ok(verified) => verified.is_some(),
        Err(refusal) => {
            assert!(matches!(refusal.status(), 400 | 403) && !refusal.code().is_empty());
            let shown = format!("{refusal} {:?}", refusal.details());
            assert!(!shown.contains(SECRET) || format!("{request:?}").contains(SECRET), "the secret is told");
            false
        }
    }
}

fn request(text: &str) -> Option<SignableRequest> {
    let mut lines = text.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (bucket, key) = path.trim_start_matches('/').split_once('/')?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    Some(SignableRequest {
        method: method.to_owned(),
        bucket: Some(bucket.to_owned()),
        key: decode_path(key)?,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        query: decode_query(query)?,
    })
}
