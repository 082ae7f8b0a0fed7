//! `GET /key` and `HEAD /key`.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    body::SizedStream,
    http::{StatusCode, header},
};
use bytes::Bytes;
use futures_util::stream;

use crate::{
    oss::presign::http_date,
    simulator::{
        access::{authorise::authorise, permissions::Action},
        errors::OssError,
        request::Incoming,
        server::Oss,
        settings::BucketSpec,
        storage::{
            record::{Content, Kind, Record},
            upload::SMALL_BYTES,
        },
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
    let mut response = HttpResponse::Ok();
    found.headers(&mut response);
    Ok(response.body(SizedStream::new(found.content.size, stream::empty::<std::io::Result<Bytes>>())))
}

/// The object, or a range of it.
pub(in crate::simulator) async fn get_object(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let found = find(oss, incoming, bucket).await?;
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
            response.insert_header((header, value));
        }
    }
    let length = last - first;
    if length <= SMALL_BYTES {
        return Ok(response.body(oss.objects.read(&found.content, first, length)?));
    }
    Ok(response.body(SizedStream::new(length, oss.objects.stream(&found.content, first, length))))
}

/// An object that a reader may see, symbolic links followed.
struct Found {
    record: Record,
    content: Content,
    is_symlink: bool,
}

async fn find(oss: &Oss, incoming: &Incoming, bucket: &BucketSpec) -> Result<Found, OssError> {
    let caller = authorise(incoming, oss)?;
    caller.permit(Action::GetObject, incoming.resource())?;
    let version = incoming.query("versionId");
    if version.is_some() {
        caller.permit(Action::GetObjectVersion, incoming.resource())?;
    }
    let key = incoming.object_key()?;
    let record = oss.objects.find(&bucket.name, key, version).await?.ok_or_else(|| OssError::no_such_key(key))?;
    let (record, is_symlink) = match &record.kind {
        Kind::Symlink { target } => (follow(oss, bucket, target).await?, true),
        Kind::Normal(_) | Kind::DeleteMarker => (record, false),
    };
    match record.kind.clone() {
        Kind::Normal(content) => Ok(Found { record, content, is_symlink }),
        Kind::Symlink { .. } | Kind::DeleteMarker => Err(OssError::no_such_key(key)),
    }
}

async fn follow(oss: &Oss, bucket: &BucketSpec, target: &str) -> Result<Record, OssError> {
    let record = oss.objects.find(&bucket.name, target, None).await?;
    record.filter(|record| matches!(record.kind, Kind::Normal(_))).ok_or_else(|| {
        OssError::new(StatusCode::NOT_FOUND, "SymlinkTargetNotExist", "The symlink target object does not exist.")
            // The protocol reference gives no EC for this: an assumption.
            .ec("0026-00000002")
    })
}

impl Found {
    fn object_type(&self) -> &'static str {
        match self.content.content_md5() {
            _ if self.is_symlink => "Symlink",
            Some(_) => "Normal",
            None => "Multipart",
        }
    }

    fn headers(&self, response: &mut HttpResponseBuilder) {
        let Record { attributes, last_modified, version_id, .. } = &self.record;
        response
            .insert_header(("x-oss-object-type", self.object_type()))
            .insert_header(("x-oss-storage-class", "Standard"))
            .insert_header((header::CONTENT_TYPE, attributes.content_type.as_str()))
            .insert_header((header::ETAG, format!("\"{}\"", self.content.etag)))
            .insert_header(("x-oss-hash-crc64ecma", self.content.crc64.to_string()))
            .insert_header((header::LAST_MODIFIED, http_date(*last_modified)))
            .insert_header((header::ACCEPT_RANGES, "bytes"));
        if let Some(md5) = self.content.content_md5() {
            response.insert_header(("Content-MD5", md5));
        }
        if let Some(version) = version_id {
            response.insert_header(("x-oss-version-id", version.as_str()));
        }
        for (name, value) in &attributes.headers {
            response.insert_header((name.as_str(), value.as_str()));
        }
    }
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
fn parse_range(range: &str, size: u64) -> Option<(u64, u64)> {
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
