//! The simulator's own surface under `/-/`, for tests: no bucket can have that name, and no signature is asked for.
//!
//! * `GET /-/objects/{bucket}` — all keys with their versions, as JSON
//! * `PUT /-/objects/{bucket}/{key}` — stores the body, as if somebody else had uploaded it
//! * `DELETE /-/objects/{bucket}/{key}` — removes every trace of the newest unversioned object
//! * `GET|DELETE /-/log` — the last thousand requests, oldest first, each with `operation`, `bucket`, `key`, `status`, `code`,
//!   `callback` (`OK` or what the uploader was told, null without one), `dropped`, `request_id`; or forgets them
//! * `GET|PUT|DELETE /-/faults` — what goes wrong: a JSON list of rules; the first that matches is used
//!
//! A rule is `{"on": {"operation": …, "bucket": …, "key_prefix": …}, "times": …, "do": …}`. What `on` leaves out matches
//! everything; `operation` is OSS's name (`PutObject`, `PostObject`, `HeadObject`, `UploadPart`, `CompleteMultipartUpload`, `AssumeRole`, …)
//! or `Callback`, and only a rule that says so concerns callbacks. `times` is 1 when left out, and `null` means until the
//! list is replaced or deleted. `do` is for requests one of
//!
//! * `{"slow": {"milliseconds": 50}}` — works later
//! * `{"refuse": {"status": 403, "code": "AccessDenied", "message": "…"}}` — an error of one's own
//! * `{"error": {"status": 500}}` — `InternalError`, with 503 `ServiceUnavailable`
//! * `"throttle"` — 503 `TotalQpsLimitExceeded`
//! * `{"drop_connection": "before"}`, `"after"` — hangs up without an answer, before or after the effect
//!
//! and for callbacks one of
//!
//! * `"drop"` — not sent; the uploader is told that nobody answered
//! * `"throttle"` — not sent; the uploader is told that there were too many
//! * `"lose_answer"` — sent; the uploader is told that it took too long
//! * `"duplicate"` — sent twice; the second answer counts
//! * `{"delay": {"milliseconds": 50}}` — sent later

use actix_web::HttpResponse;

use super::{
    body::Body,
    errors::OssError,
    operations::stored::NewObject,
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{attributes::Attributes, upload::MAX_OBJECT_BYTES},
};
use crate::oss::encoding::decode_path;

/// Where all of this lives.
pub(super) const PREFIX: &str = "/-/";

/// A list of faults needs no more.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// Answers a request below [`PREFIX`]; `path` is what follows it, still percent-encoded.
pub(super) async fn serve(oss: &Oss, incoming: &Incoming, path: &str, body: Body) -> Result<HttpResponse, OssError> {
    let not_found = || OssError::no_such_key(path);
    match path {
        "faults" => return faults(oss, incoming, body).await,
        "log" => return log(oss, incoming),
        _ => {}
    }
    let (bucket, key) = match path.strip_prefix("objects/").ok_or_else(not_found)?.split_once('/') {
        Some((bucket, key)) => (bucket, decode_path(key).ok_or_else(not_found)?),
        None => (path.trim_start_matches("objects/"), String::new()),
    };
    let bucket = oss.buckets.get(bucket).ok_or_else(|| OssError::no_such_bucket(bucket))?;
    match (incoming.method.as_str(), key.is_empty()) {
        ("GET", true) => Ok(HttpResponse::Ok().json(oss.objects.list(&bucket.name).await?)),
        ("PUT", false) => put(oss, incoming, &bucket, &key, body).await,
        ("DELETE", false) => {
            oss.objects.remove(&bucket.name, &key, None).await?;
            Ok(HttpResponse::NoContent().finish())
        }
        (method, _) => Err(OssError::method_not_allowed(method)),
    }
}

async fn put(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    key: &str,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let object = NewObject { bucket, key, attributes: Attributes::of_headers(incoming)?, forbid_overwrite: false };
    let upload = oss.objects.begin().await?;
    let received = upload.receive(body, MAX_OBJECT_BYTES, |_| OssError::incomplete_body()).await?;
    let stored = object.commit(received, oss, incoming).await?;
    let mut response = HttpResponse::Ok();
    stored.headers(&mut response);
    Ok(response.finish())
}

async fn faults(oss: &Oss, incoming: &Incoming, body: Body) -> Result<HttpResponse, OssError> {
    match incoming.method.as_str() {
        "GET" => {}
        "DELETE" => oss.faults.replace(Vec::new())?,
        "PUT" => {
            let text = body.read_text(MAX_JSON_BYTES).await?;
            let refused = |error: serde_json::Error| OssError::bad_request("InvalidArgument", error.to_string());
            oss.faults.replace(serde_json::from_str(&text).map_err(refused)?)?;
        }
        method => return Err(OssError::method_not_allowed(method)),
    }
    Ok(HttpResponse::Ok().json(oss.faults.list()))
}

fn log(oss: &Oss, incoming: &Incoming) -> Result<HttpResponse, OssError> {
    match incoming.method.as_str() {
        "GET" => Ok(HttpResponse::Ok().json(oss.log.read())),
        "DELETE" => {
            oss.log.clear();
            Ok(HttpResponse::NoContent().finish())
        }
        method => Err(OssError::method_not_allowed(method)),
    }
}
