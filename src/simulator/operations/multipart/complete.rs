//! `POST /key?uploadId=…`: parts become an object.

use actix_web::HttpResponse;
use md5::{Digest, Md5};

use super::{document, find};
use crate::{
    oss::{
        encoding::encode_component,
        xml::{Element, MAX_DOCUMENT},
    },
    simulator::{
        access::permissions::Action,
        body::Body,
        callback::order::CallbackOrder,
        errors::OssError,
        operations::{paging::Encoding, stored::NewObject},
        request::Incoming,
        server::Oss,
        settings::BucketSpec,
        storage::{image::Image, parts::Part},
    },
};

/// The named parts, or with `x-oss-complete-all: yes` all of them, become the object.
pub(in crate::simulator) async fn complete(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let (_, id, pending) = find(oss, incoming, bucket, Action::PutObject).await?;
    let encoding = Encoding::of(incoming)?;
    let order = CallbackOrder::of_request(incoming, oss, bucket).await?;
    let xml = body.read_checked(incoming, MAX_DOCUMENT).await?;
    let parts = wanted(incoming, &xml, oss.uploads.list(id).await?)?;
    check_sizes(&parts, oss.settings.min_part_bytes)?;
    let forbid_overwrite = pending.forbid_overwrite || incoming.forbids_overwrite();
    let object = NewObject { bucket, key: &incoming.key, attributes: pending.attributes, forbid_overwrite };
    object.check_overwrite(&oss.objects).await?;
    let (content, image) = oss.uploads.join(&parts, joined_etag(&parts)).await?;
    let stored = object.commit_content(content, image == Image::Broken, Some(id), oss, incoming).await?;
    if let Some(order) = order {
        return Ok(stored.call_back(&order, "CompleteMultipartUpload", oss, incoming).await);
    }
    let mut xml = document("CompleteMultipartUploadResult", encoding, incoming, bucket);
    xml.text("Location", &format!("http://{}/{}", incoming.host, encode_component(&incoming.key)))
        .text("ETag", &format!("\"{}\"", stored.content.etag));
    let mut response = HttpResponse::Ok();
    stored.headers(&mut response);
    Ok(xml.answer_as(&mut response))
}

fn wanted(incoming: &Incoming, xml: &str, there: Vec<Part>) -> Result<Vec<Part>, OssError> {
    match (incoming.header("x-oss-complete-all"), xml.trim()) {
        (Some(all), "") if all.eq_ignore_ascii_case("yes") => Ok(there),
        (Some(_), _) => Err(OssError::bad_request("InvalidArgument", "x-oss-complete-all can't be used with a body.")),
        (None, xml) => chosen(xml, &there),
    }
}

/// Every part but the last must be large enough; the names of the elements that say which is not are an assumption.
fn check_sizes(parts: &[Part], min: u64) -> Result<(), OssError> {
    let (_, all_but_last) = parts.split_last().ok_or_else(OssError::malformed_xml)?;
    let Some(small) = all_but_last.iter().find(|part| part.size < min) else { return Ok(()) };
    let message = "Your proposed upload smaller than the minimum allowed size.";
    Err(OssError::bad_request("EntityTooSmall", message)
        .detail("ProposedSize", small.size.to_string())
        .detail("MinSizeAllowed", min.to_string())
        .detail("PartNumber", small.number.to_string()))
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
            return Err(OssError::bad_request("InvalidPartOrder", "The list of parts was not in ascending order."));
        }
        let part = there.binary_search_by_key(&number, |part| part.number).ok().map(|index| &there[index]);
        let part = part.filter(|part| part.etag.eq_ignore_ascii_case(etag));
        chosen.push(part.cloned().ok_or_else(|| {
            let message = "One or more of the specified parts could not be found or the specified entity tag might not \
                           have matched the part's entity tag.";
            OssError::bad_request("InvalidPart", message).detail("ETag", etag).detail("PartNumber", number.to_string())
        })?);
    }
    Ok(chosen)
}

/// No MD5 of the object: the MD5 of the parts' MD5s, and how many there are.
fn joined_etag(parts: &[Part]) -> String {
    let digests: Vec<u8> = parts.iter().flat_map(|part| hex::decode(&part.etag).unwrap_or_default()).collect();
    format!("{}-{}", hex::encode_upper(Md5::digest(digests)), parts.len())
}
