//! Multipart uploads: initiate, upload or copy parts, list them, complete, abort (P§5).

mod complete;
mod parts;

use actix_web::HttpResponse;

pub(in crate::simulator) use self::{
    complete::complete,
    parts::{list_parts, upload_part, upload_part_copy},
};
use crate::simulator::{
    access::{
        authorise::{Caller, authorise},
        permissions::Action,
    },
    errors::OssError,
    operations::{paging::Encoding, stored::permit_attributes},
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{attributes::Attributes, parts::Pending},
    xml::Xml,
};

/// `POST /key?uploads`.
pub(in crate::simulator) async fn initiate(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let caller = authorise(incoming, oss)?;
    caller.permit(Action::PutObject, incoming.resource())?;
    let encoding = Encoding::of(incoming)?;
    let pending = Pending {
        bucket: bucket.name.clone(),
        key: incoming.object_key()?.to_owned(),
        attributes: Attributes::of_headers(incoming)?,
        forbid_overwrite: incoming.forbids_overwrite(),
        initiated: incoming.now,
    };
    permit_attributes(&caller, &pending.attributes, incoming.resource())?;
    let id = oss.uploads.create(&pending).await?;
    let mut response = HttpResponse::Ok();
    for (name, value) in pending.attributes.encryption() {
        response.insert_header((name.as_str(), value.as_str()));
    }
    let mut xml = document("InitiateMultipartUploadResult", encoding, incoming, bucket);
    xml.text("UploadId", &id);
    Ok(xml.answer_as(&mut response))
}

/// `DELETE /key?uploadId=…`.
pub(in crate::simulator) async fn abort(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let (_, id, _) = find(oss, incoming, bucket, Action::AbortMultipartUpload).await?;
    oss.uploads.remove(id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The upload that the request names, for a credential that may.
async fn find<'a>(
    oss: &Oss,
    incoming: &'a Incoming,
    bucket: &BucketSpec,
    action: Action,
) -> Result<(Caller, &'a str, Pending), OssError> {
    let caller = authorise(incoming, oss)?;
    caller.permit(action, incoming.resource())?;
    let id = incoming.query("uploadId").unwrap_or_default();
    let pending = oss.uploads.find(&bucket.name, incoming.object_key()?, id).await?;
    let pending = pending.ok_or_else(|| {
        // The first is what a Complete that came too late was seen to get, the second is documented for Abort.
        let ec = if incoming.method == "POST" { "0042-00000203" } else { "0017-00000244" };
        OssError::no_such_upload(id).ec(ec)
    })?;
    Ok((caller, id, pending))
}

/// An answer that begins with bucket and key; the key encoded where the client asks for it.
fn document(root: &'static str, encoding: Encoding, incoming: &Incoming, bucket: &BucketSpec) -> Xml {
    let mut xml = Xml::new(root);
    xml.optional("EncodingType", encoding.name())
        .text("Bucket", &bucket.name)
        .text("Key", &encoding.apply(&incoming.key));
    xml
}
