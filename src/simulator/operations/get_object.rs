//! `GET /key`, `HEAD /key`, and `HEAD /key?objectMeta`.

use actix_web::{
    HttpResponse,
    body::SizedStream,
    http::{StatusCode, header},
};
use bytes::Bytes;
use futures_util::stream;

use crate::{
    oss::presign::http_date,
    simulator::{
        errors::OssError,
        operations::{
            conditions::{self, Outcome},
            reading::{find, find_readable},
            symlink::etag_of_link,
        },
        request::Incoming,
        server::Oss,
        settings::BucketSpec,
        storage::{record::Kind, upload::SMALL_BYTES},
    },
};

/// Query parameters of a GET that replace response headers.
const OVERRIDES: [&str; 6] = [
    "response-content-type",
    "response-content-language",
    "response-expires",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
];

/// The object's headers, without a body.
pub(in crate::simulator) async fn head_object(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let found = find(oss, incoming, bucket).await?;
    if conditions::judge(incoming, "", &found.content.etag, found.last_modified)? == Outcome::NotModified {
        return Ok(found.not_modified());
    }
    let mut response = HttpResponse::Ok();
    found.headers(&mut response);
    Ok(response.body(nothing_of(found.content.size)))
}

/// `ETag`, length and date of the object, or of the link itself; no metadata.
pub(in crate::simulator) async fn get_object_meta(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let (_, record) = find_readable(oss, incoming, bucket).await?;
    let (etag, size) = match &record.kind {
        Kind::Normal(content) => (content.etag.clone(), content.size),
        Kind::Symlink { target } => (etag_of_link(target), 0),
        Kind::DeleteMarker => return Err(OssError::no_such_key(&incoming.key)),
    };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, format!("\"{etag}\"")))
        .insert_header((header::LAST_MODIFIED, http_date(record.last_modified)));
    if let Some(version) = bucket.version_of(&record) {
        response.insert_header(("x-oss-version-id", version));
    }
    // The documentation shows a GET as well, whose length would announce a body that never comes.
    let size = if incoming.method == "HEAD" { size } else { 0 };
    Ok(response.body(nothing_of(size)))
}

/// The answer to a HEAD: a length, and no bytes.
fn nothing_of(size: u64) -> SizedStream<impl futures_util::Stream<Item = std::io::Result<Bytes>>> {
    SizedStream::new(size, stream::empty())
}

/// The object, or a range of it.
pub(in crate::simulator) async fn get_object(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let found = find(oss, incoming, bucket).await?;
    if conditions::judge(incoming, "", &found.content.etag, found.last_modified)? == Outcome::NotModified {
        return Ok(found.not_modified());
    }
    if found.record.attributes.storage_class.unwrap_or(bucket.storage_class).is_archived() {
        return Err(OssError::invalid_object_state(&incoming.key));
    }
    let size = found.content.size;
    let mut response = HttpResponse::Ok();
    let (first, last) = match requested_range(incoming, size)? {
        Some((first, last)) => {
            response.status(StatusCode::PARTIAL_CONTENT);
            response.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
            (first, last + 1)
        }
        None => (0, size),
    };
    found.headers(&mut response);
    for name in OVERRIDES {
        if let (Some(value), Some(header)) = (incoming.query(name), name.strip_prefix("response-")) {
            if found.anonymous {
                let message = "Request specific response headers cannot be used for anonymous GET requests.";
                return Err(OssError::bad_request("InvalidRequest", message));
            }
            response.insert_header((header, value));
        }
    }
    let length = last - first;
    if length <= SMALL_BYTES {
        return Ok(response.body(oss.objects.read(&found.content, first, length)?));
    }
    Ok(response.body(SizedStream::new(length, oss.objects.stream(&found.content, first, length))))
}

/// `Range: bytes=…`. OSS answers a range it can't serve with the whole object, unless asked for standard behaviour.
fn requested_range(incoming: &Incoming, size: u64) -> Result<Option<(u64, u64)>, OssError> {
    let Some(range) = incoming.header("range") else { return Ok(None) };
    match parse_range(range, size) {
        Some(range) => Ok(Some(range)),
        None if incoming.header("x-oss-range-behavior") == Some("standard") => Err(OssError::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "InvalidRange",
            "The requested range cannot be satisfied",
        )),
        None => Ok(None),
    }
}

/// First and last byte, inclusive.
pub(in crate::simulator) fn parse_range(range: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = size.checked_sub(1)?;
    let (first, last) = match (first, last) {
        ("", suffix) => (size.saturating_sub(suffix.parse().ok().filter(|length| *length > 0)?), end),
        (first, "") => (first.parse().ok()?, end),
        (first, last) => (first.parse().ok()?, last.parse().ok()?),
    };
    (first <= last && last <= end).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive_and_within_the_object() {
        let cases = [
            ("bytes=0-3", Some((0, 3))),
            ("bytes=4-", Some((4, 9))),
            ("bytes=-3", Some((7, 9))),
            ("bytes=-30", Some((0, 9))),
            ("bytes=9-9", Some((9, 9))),
            ("bytes=0-10", None),
            ("bytes=5-4", None),
            ("bytes=-0", None),
            ("items=0-1", None),
            ("bytes=a-b", None),
        ];
        for (range, expected) in cases {
            assert_eq!(parse_range(range, 10), expected, "{range}");
        }
        assert_eq!(parse_range("bytes=0-0", 0), None, "an empty object has no range");
    }
}
