//! `PUT /key`: the body is the object.

use actix_web::HttpResponse;

use crate::simulator::{
    access::{authorise::authorise, permissions::Action},
    body::Body,
    callback::order::CallbackOrder,
    errors::OssError,
    operations::stored::{NewObject, check_integrity, permit_attributes},
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{attributes::Attributes, upload::MAX_OBJECT_BYTES},
};

/// Stores the body, then calls back if asked to.
pub(in crate::simulator) async fn put_object(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let caller = authorise(incoming, oss)?;
    caller.permit(Action::PutObject, incoming.resource())?;
    let key = incoming.object_key()?;
    let attributes = Attributes::of_headers(incoming)?;
    permit_attributes(&caller, &attributes, incoming.resource())?;
    let order = CallbackOrder::of_request(incoming, oss, bucket).await?;
    check_length(incoming)?;
    let object = NewObject { bucket, key, attributes, forbid_overwrite: incoming.forbids_overwrite() };
    object.check_overwrite(&oss.objects).await?;
    let received = oss.objects.begin().await?.receive(body, MAX_OBJECT_BYTES, |_| OssError::incomplete_body()).await?;
    check_integrity(incoming, &received)?;
    let stored = object.commit(received, oss, incoming).await?;
    if let Some(order) = order {
        return Ok(stored.call_back(&order, "PutObject", oss, incoming).await);
    }
    let mut response = HttpResponse::Ok();
    stored.headers(&mut response);
    Ok(response.finish())
}

/// An upload says how long it is, or is chunked.
pub(in crate::simulator) fn check_length(incoming: &Incoming) -> Result<(), OssError> {
    let length = incoming.header("content-length");
    if length.is_none() && incoming.header("transfer-encoding").is_none() {
        return Err(OssError::missing_content_length());
    }
    if length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > MAX_OBJECT_BYTES) {
        return Err(OssError::entity_too_large());
    }
    Ok(())
}
