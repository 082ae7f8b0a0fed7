//! The simulator's own surface under `/-/`, for tests: no bucket can have that name, and no signature is asked for.
//!
//! * `GET /-/objects/{bucket}` — all keys with their versions, as JSON
//! * `PUT /-/objects/{bucket}/{key}` — stores the body, as if somebody else had uploaded it
//! * `DELETE /-/objects/{bucket}/{key}` — removes every trace of the newest unversioned object
//! * `GET|PUT /-/callback-faults` — what happens to the next callbacks, a JSON list of `drop`, `throttle`, `lose_answer`, `duplicate`

use actix_web::HttpResponse;

use super::{
    body::Body,
    callback::sender::Fault,
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
    if path == "callback-faults" {
        return callback_faults(oss, incoming, body).await;
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

async fn callback_faults(oss: &Oss, incoming: &Incoming, body: Body) -> Result<HttpResponse, OssError> {
    if incoming.method == "PUT" {
        let text = body.read_text(MAX_JSON_BYTES).await?;
        let faults: Vec<Fault> =
            serde_json::from_str(&text).map_err(|error| OssError::bad_request("InvalidArgument", error.to_string()))?;
        *oss.callbacks.faults.lock().expect("no holder of this lock panics") = faults;
    }
    let faults = oss.callbacks.faults.lock().expect("no holder of this lock panics").clone();
    Ok(HttpResponse::Ok().json(faults))
}
