//! Parts: `PUT /key?partNumber=…&uploadId=…`, with a body or from another object, and `GET /key?uploadId=…`.

use actix_web::HttpResponse;

use super::{document, find};
use crate::simulator::{
    access::permissions::Action,
    body::Body,
    errors::OssError,
    operations::{
        copy_object::not_modified,
        copy_source::CopySource,
        get_object::parse_range,
        list_objects::iso_date,
        paging::{self, Encoding},
        put_object::check_length,
        stored::check_integrity,
    },
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{
        parts::Part,
        record::{Content, ObjectType},
        upload::{MAX_OBJECT_BYTES, Received},
    },
    xml::Xml,
};

/// As many parts as a list shows at a time.
const MAX_PARTS: usize = 1000;

/// Keeps the body as a part.
pub(in crate::simulator) async fn upload_part(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let (_, id, _) = find(oss, incoming, bucket, Action::PutObject).await?;
    let number = part_number(oss, incoming)?;
    check_length(incoming)?;
    let upload = oss.objects.begin().await?;
    let received = upload.receive(body, MAX_OBJECT_BYTES, |_| OssError::incomplete_body()).await?;
    check_integrity(incoming, &received)?;
    let part = keep(oss, incoming, id, number, received).await?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header(("ETag", format!("\"{}\"", part.etag)))
        .insert_header(("x-oss-hash-crc64ecma", part.crc64.to_string()));
    Ok(response.finish())
}

/// Keeps another object's bytes, all or a range, as a part.
pub(in crate::simulator) async fn upload_part_copy(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let (caller, id, _) = find(oss, incoming, bucket, Action::PutObject).await?;
    let number = part_number(oss, incoming)?;
    let source = CopySource::find(oss, incoming, &caller, bucket).await?;
    if source.not_modified {
        return Ok(not_modified(&source));
    }
    let content = source.record.content().filter(|content| content.object_type != ObjectType::Appendable);
    let content = content.ok_or_else(OssError::operation_not_supported)?;
    let (first, end) = copied_range(incoming, content)?;
    let bytes = Box::pin(oss.objects.stream(content, first, end - first));
    let upload = oss.objects.begin().await?;
    let received = upload.receive(bytes, MAX_OBJECT_BYTES, |error: std::io::Error| error.into()).await?;
    let Part { etag, .. } = keep(oss, incoming, id, number, received).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header(("ETag", format!("\"{etag}\"")));
    if let Some(version) = source.bucket.version_of(&source.record) {
        response.insert_header(("x-oss-copy-source-version-id", version));
    }
    let mut xml = Xml::new("CopyPartResult");
    xml.text("LastModified", &iso_date(incoming.now)).text("ETag", &format!("\"{etag}\""));
    Ok(xml.answer_as(&mut response))
}

/// The part, unless the upload has ended while its bytes came.
async fn keep(oss: &Oss, incoming: &Incoming, id: &str, number: u32, received: Received) -> Result<Part, OssError> {
    let kept = oss.uploads.put(id, number, received, incoming.now).await?;
    kept.ok_or_else(|| OssError::no_such_upload(id))
}

/// `x-oss-copy-source-range: bytes=first-last`; first byte, and the one after the last. Unlike a GET's, one that does not fit is
/// refused: an assumption.
fn copied_range(incoming: &Incoming, content: &Content) -> Result<(u64, u64), OssError> {
    let Some(range) = incoming.header("x-oss-copy-source-range") else { return Ok((0, content.size)) };
    let (first, last) = parse_range(range, content.size).ok_or_else(|| {
        OssError::invalid_argument("The requested range cannot be satisfied", "x-oss-copy-source-range", range)
    })?;
    Ok((first, last + 1))
}

fn part_number(oss: &Oss, incoming: &Incoming) -> Result<u32, OssError> {
    let text = incoming.query("partNumber").unwrap_or_default();
    let max = oss.settings.max_part_number;
    text.parse().ok().filter(|number| (1..=max).contains(number)).ok_or_else(|| {
        let message = format!("Part number must be an integer between 1 and {max}, inclusive.");
        OssError::invalid_argument(message, "partNumber", text)
    })
}

/// The parts that have arrived, by number.
pub(in crate::simulator) async fn list_parts(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let (_, id, _) = find(oss, incoming, bucket, Action::ListParts).await?;
    let encoding = Encoding::of(incoming)?;
    let limit = paging::limit(incoming, "max-parts", MAX_PARTS, 1..=MAX_PARTS)?;
    let marker = paging::limit(incoming, "part-number-marker", 0, 0..=oss.settings.max_part_number as usize)?;
    let mut parts = oss.uploads.list(id).await?;
    parts.retain(|part| part.number as usize > marker);
    let is_truncated = parts.len() > limit;
    parts.truncate(limit);
    let next = parts.last().map_or(0, |part| part.number);
    let mut xml = document("ListPartsResult", encoding, incoming, bucket);
    xml.text("UploadId", id)
        .text("PartNumberMarker", &marker.to_string())
        .text("NextPartNumberMarker", &next.to_string())
        .text("MaxParts", &limit.to_string())
        .text("IsTruncated", if is_truncated { "true" } else { "false" });
    for Part { number, etag, size, crc64, last_modified, .. } in &parts {
        xml.element("Part", |xml| {
            xml.text("PartNumber", &number.to_string())
                .text("LastModified", &iso_date(*last_modified))
                .text("ETag", &format!("\"{etag}\""))
                .text("HashCrc64ecma", &crc64.to_string())
                .text("Size", &size.to_string());
        });
    }
    Ok(xml.answer())
}
