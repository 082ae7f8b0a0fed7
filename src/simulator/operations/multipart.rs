//! Multipart uploads: initiate, upload parts, list them, complete, abort (P§5).

use std::fmt::Write as _;

use actix_web::HttpResponse;
use md5::{Digest, Md5};

use crate::{
    oss::{
        encoding::encode_component,
        xml::{Element, MAX_DOCUMENT, escape},
    },
    simulator::{
        access::{authorise::authorise, permissions::Action},
        body::{Body, check_md5},
        callback::order::CallbackOrder,
        errors::OssError,
        operations::stored::NewObject,
        request::Incoming,
        server::Oss,
        settings::BucketSpec,
        storage::{
            image::Image,
            parts::{Part, Pending},
            record::Attributes,
            upload::MAX_OBJECT_BYTES,
        },
    },
};

/// Every part but the last has at least this size; checked by Complete.
const MIN_PART_BYTES: u64 = 100 * 1024;

/// Part numbers run from 1 to this.
const MAX_PART_NUMBER: u32 = 10_000;

/// `POST /key?uploads`.
pub(in crate::simulator) async fn initiate(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let caller = authorise(incoming, oss)?;
    caller.permit(Action::PutObject, incoming.resource())?;
    let pending = Pending {
        bucket: bucket.name.clone(),
        key: incoming.object_key()?.to_owned(),
        attributes: Attributes::of_headers(incoming)?,
        forbid_overwrite: incoming.forbids_overwrite(),
    };
    if pending.attributes.acl.is_some() {
        caller.permit(Action::PutObjectAcl, incoming.resource())?;
    }
    let id = oss.uploads.create(&pending).await?;
    Ok(document("InitiateMultipartUploadResult", incoming, bucket, &[("UploadId", &id)], ""))
}

/// `PUT /key?partNumber=…&uploadId=…`.
pub(in crate::simulator) async fn upload_part(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let (id, _) = find(oss, incoming, bucket, Action::PutObject).await?;
    let text = incoming.query("partNumber").unwrap_or_default();
    let number = text.parse().ok().filter(|number| (1..=MAX_PART_NUMBER).contains(number)).ok_or_else(|| {
        OssError::invalid_argument("Part number must be an integer between 1 and 10000, inclusive.", "partNumber", text)
    })?;
    if incoming.header("content-length").is_none() && incoming.header("transfer-encoding").is_none() {
        return Err(OssError::missing_content_length());
    }
    let upload = oss.objects.begin().await?;
    let received = upload.receive(body, MAX_OBJECT_BYTES, |_| OssError::incomplete_body()).await?;
    if let Some(expected) = incoming.header("content-md5") {
        check_md5(expected, &received.md5)?;
    }
    let part =
        oss.uploads.put(id, number, received, incoming.now).await?.ok_or_else(|| OssError::no_such_upload(id))?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header(("ETag", format!("\"{}\"", part.etag)))
        .insert_header(("x-oss-hash-crc64ecma", part.crc64.to_string()));
    Ok(response.finish())
}

/// `GET /key?uploadId=…`.
pub(in crate::simulator) async fn list_parts(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let (id, _) = find(oss, incoming, bucket, Action::ListParts).await?;
    let number =
        |name: &str, default: usize| incoming.query(name).and_then(|value| value.parse().ok()).unwrap_or(default);
    let (limit, marker) = (number("max-parts", 1000).min(1000), number("part-number-marker", 0));
    let mut parts = oss.uploads.list(id).await?;
    parts.retain(|part| part.number as usize > marker);
    let truncated = parts.len() > limit;
    parts.truncate(limit);
    let mut listed = String::new();
    for Part { number, etag, size, last_modified, .. } in &parts {
        let last_modified = last_modified.format("%Y-%m-%dT%H:%M:%S.000Z");
        write!(
            listed,
            "  <Part>\n    <PartNumber>{number}</PartNumber>\n    \
             <LastModified>{last_modified}</LastModified>\n    <ETag>\"{etag}\"</ETag>\n    <Size>{size}</Size>\n  </Part>\n"
        )
        .expect("a String takes what is written to it");
    }
    let next = parts.last().map_or(0, |part| part.number).to_string();
    let fields = [
        ("UploadId", id),
        ("PartNumberMarker", &marker.to_string()),
        ("NextPartNumberMarker", &next),
        ("MaxParts", &limit.to_string()),
        ("IsTruncated", if truncated { "true" } else { "false" }),
    ];
    Ok(document("ListPartsResult", incoming, bucket, &fields, &listed))
}

/// `DELETE /key?uploadId=…`.
pub(in crate::simulator) async fn abort(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let (id, _) = find(oss, incoming, bucket, Action::AbortMultipartUpload).await?;
    oss.uploads.remove(id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /key?uploadId=…`: the named parts, or with `x-oss-complete-all: yes` all of them, become the object.
pub(in crate::simulator) async fn complete(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let (id, pending) = find(oss, incoming, bucket, Action::PutObject).await?;
    let order = CallbackOrder::of_request(incoming, oss, bucket).await?;
    let xml = body.read_text(MAX_DOCUMENT).await?;
    let there = oss.uploads.list(id).await?;
    let parts = match (incoming.header("x-oss-complete-all"), xml.trim()) {
        (Some(all), "") if all.eq_ignore_ascii_case("yes") => there,
        (Some(_), _) => {
            return Err(OssError::bad_request("InvalidArgument", "x-oss-complete-all can't be used with a body."));
        }
        (None, xml) => chosen(xml, &there)?,
    };
    let (_, all_but_last) = parts.split_last().ok_or_else(OssError::malformed_xml)?;
    if all_but_last.iter().any(|part| part.size < MIN_PART_BYTES) {
        let message = "Your proposed upload is smaller than the minimum allowed size.";
        return Err(OssError::bad_request("EntityTooSmall", message));
    }
    let forbid_overwrite = pending.forbid_overwrite || incoming.forbids_overwrite();
    let object = NewObject { bucket, key: &incoming.key, attributes: pending.attributes, forbid_overwrite };
    object.check_overwrite(&oss.objects).await?;
    let (content, image) = oss.uploads.join(&parts, joined_etag(&parts)).await?;
    let stored = object.commit_content(content, image == Image::Broken, Some(id), oss, incoming).await?;
    if let Some(order) = order {
        return Ok(stored.call_back(&order, "CompleteMultipartUpload", oss, incoming).await);
    }
    let fields = [
        ("Location", format!("http://{}/{}", incoming.host, encode_component(&incoming.key))),
        ("ETag", format!("\"{}\"", stored.content.etag)),
    ];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut response = document("CompleteMultipartUploadResult", incoming, bucket, &fields, "");
    stored.add_headers(response.headers_mut());
    Ok(response)
}

/// The upload that the request names, for a credential that may.
async fn find<'a>(
    oss: &Oss,
    incoming: &'a Incoming,
    bucket: &BucketSpec,
    action: Action,
) -> Result<(&'a str, Pending), OssError> {
    authorise(incoming, oss)?.permit(action, incoming.resource())?;
    let id = incoming.query("uploadId").unwrap_or_default();
    let pending = oss.uploads.find(&bucket.name, incoming.object_key()?, id).await?;
    pending.map(|pending| (id, pending)).ok_or_else(|| OssError::no_such_upload(id))
}

/// The parts that a Complete names, in ascending order, each with the `ETag` that it has.
fn chosen(xml: &str, there: &[Part]) -> Result<Vec<Part>, OssError> {
    let root = Element::parse(xml)
        .filter(|root| root.name == "CompleteMultipartUpload")
        .ok_or_else(OssError::malformed_xml)?;
    let mut chosen: Vec<Part> = Vec::new();
    for element in root.children_named("Part") {
        let number: u32 = element
            .child_text("PartNumber")
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(OssError::malformed_xml)?;
        let etag = element.child_text("ETag").unwrap_or_default().trim().trim_matches('"');
        if chosen.last().is_some_and(|last| last.number >= number) {
            let message =
                "The list of parts was not in ascending order. Parts list must be specified in order by part number.";
            return Err(OssError::bad_request("InvalidPartOrder", message));
        }
        let part = there.binary_search_by_key(&number, |part| part.number).ok().map(|index| &there[index]);
        let part = part.filter(|part| part.etag.eq_ignore_ascii_case(etag));
        chosen.push(part.cloned().ok_or_else(|| {
            let message = "One or more of the specified parts could not be found or the specified entity tag might not \
                           have matched the part's entity tag.";
            OssError::bad_request("InvalidPart", message).detail("PartNumber", number.to_string())
        })?);
    }
    Ok(chosen)
}

/// No MD5 of the object: the MD5 of the parts' MD5s, and how many there are.
fn joined_etag(parts: &[Part]) -> String {
    let digests: Vec<u8> = parts.iter().flat_map(|part| hex::decode(&part.etag).unwrap_or_default()).collect();
    format!("{}-{}", hex::encode_upper(Md5::digest(digests)), parts.len())
}

/// An answer that names bucket and key; the key encoded where the client asks for it.
fn document(
    root: &str,
    incoming: &Incoming,
    bucket: &BucketSpec,
    fields: &[(&str, &str)],
    inner: &str,
) -> HttpResponse {
    let encoded = incoming.query("encoding-type") == Some("url");
    let key = if encoded { encode_component(&incoming.key) } else { incoming.key.clone() };
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>\n");
    let encoding = encoded.then_some(("EncodingType", "url"));
    for (name, value) in encoding.iter().chain(&[("Bucket", bucket.name.as_str()), ("Key", &key)]).chain(fields) {
        writeln!(xml, "  <{name}>{}</{name}>", escape(value)).expect("a String takes what is written to it");
    }
    writeln!(xml, "{inner}</{root}>").expect("a String takes what is written to it");
    HttpResponse::Ok().content_type("application/xml").body(xml)
}
