//! `POST /`: a form carries the object (P§3).

use actix_multipart::Multipart;
use actix_web::{HttpRequest, HttpResponse, http::header};

use crate::{
    oss::{encoding::encode_component, post_policy::PostPolicy, xml::escape},
    simulator::{
        access::{
            authorise::authorise_form,
            permissions::{Action, Resource},
        },
        body::Body,
        callback::order::CallbackOrder,
        errors::OssError,
        operations::{
            post_form::{PostForm, UntilEnd, malformed},
            stored::{NewObject, Stored},
        },
        request::{Incoming, check_key},
        server::Oss,
        settings::BucketSpec,
        storage::{
            attributes::{Attributes, DEFAULT_CONTENT_TYPE},
            upload::{MAX_OBJECT_BYTES, Received},
        },
    },
};

/// Stores the form's file, then calls back if asked to.
pub(in crate::simulator) async fn post_object(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    request: &HttpRequest,
    body: Body,
) -> Result<HttpResponse, OssError> {
    if !is_form(incoming) {
        return Err(OssError::not_multipart());
    }
    let whole_md5 = incoming.header("content-md5");
    if whole_md5.is_some() {
        body.start_md5();
    }
    let mut multipart = Multipart::new(request.headers(), body.clone());
    let mut form = PostForm::read(&mut multipart, &body).await?;
    let template = form.get("key").ok_or_else(missing_key)?;
    let key = template.replace("${filename}", form.file_name.as_deref().unwrap_or_default());
    incoming.notes.key(&key);
    oss.faults.strike(incoming, incoming.operation, &key).await?;
    let (caller, policy) = authorise_form(&form, bucket, incoming, oss)?;
    let resource = Resource { bucket: &bucket.name, key: &key };
    caller.permit(Action::PutObject, resource)?;
    let attributes = attributes(&form, incoming)?;
    if attributes.acl.is_some() {
        caller.permit(Action::PutObjectAcl, resource)?;
    }
    let order = CallbackOrder::of_form(&form, oss, bucket).await?;
    let object = NewObject { bucket, key: check_key(&key)?, attributes, forbid_overwrite: forbids(&form, incoming) };
    object.check_overwrite(&oss.objects).await?;
    let received = receive_file(&mut form, &body, &policy, oss).await?;
    drop(multipart);
    body.clone().drain().await;
    if let Some(expected) = whole_md5 {
        body.check_md5(expected)?;
    }
    let stored = object.commit(received, oss, incoming).await?;
    match order {
        Some(order) => Ok(stored.call_back(&order, "PostObject", oss, incoming).await),
        None => Ok(native_answer(&form, &stored, bucket, incoming)),
    }
}

fn missing_key() -> OssError {
    let message =
        "The bucket POST must contain the specified 'key'. If it is specified, please check the order of the fields";
    OssError::invalid_argument(message, "key", "")
}

fn is_form(incoming: &Incoming) -> bool {
    let essence = incoming.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("multipart/form-data")
}

/// The policy's length range is enforced while the file arrives; nothing stays behind of what it refuses.
async fn receive_file(form: &mut PostForm, body: &Body, policy: &PostPolicy, oss: &Oss) -> Result<Received, OssError> {
    let max = policy.content_length_range().map_or(MAX_OBJECT_BYTES, |(_, max)| max.min(MAX_OBJECT_BYTES));
    let file = UntilEnd::new(&mut form.file, body);
    let received = oss.objects.begin().await?.receive(file, max, |error| malformed(&error)).await?;
    policy.check_size(received.size())?;
    Ok(received)
}

/// Form fields; for the ACL the form beats the request's header (P§3.2).
fn attributes(form: &PostForm, incoming: &Incoming) -> Result<Attributes, OssError> {
    let content_type = form.content_type().filter(|value| !value.is_empty()).unwrap_or(DEFAULT_CONTENT_TYPE);
    let acl = incoming.header("x-oss-object-acl").map(|acl| ("x-oss-object-acl", acl));
    let fields = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Attributes::of(content_type, fields.chain(acl))
}

fn forbids(form: &PostForm, incoming: &Incoming) -> bool {
    match form.get("x-oss-forbid-overwrite") {
        Some(value) => value.eq_ignore_ascii_case("true"),
        None => incoming.forbids_overwrite(),
    }
}

/// Without a callback: redirect, else `success_action_status`, else 204 (P§3.5). No document says that OSS adds parameters to
/// the redirect's URL, as S3 does: it goes out as it came (an assumption).
fn native_answer(form: &PostForm, stored: &Stored<'_>, bucket: &BucketSpec, incoming: &Incoming) -> HttpResponse {
    let redirect = form.get("success_action_redirect").filter(|url| !url.is_empty());
    let status = form.get("success_action_status").unwrap_or_default();
    let mut response = match (redirect, status) {
        (Some(_), _) => HttpResponse::SeeOther(),
        (None, "200") => HttpResponse::Ok(),
        (None, "201") => HttpResponse::Created(),
        (None, _) => HttpResponse::NoContent(),
    };
    stored.headers(&mut response);
    match (redirect, status) {
        (Some(url), _) => response.insert_header((header::LOCATION, url)).finish(),
        (None, "201") => response.content_type("application/xml").body(post_response(stored, bucket, incoming)),
        (None, _) => response.finish(),
    }
}

fn post_response(stored: &Stored<'_>, bucket: &BucketSpec, incoming: &Incoming) -> String {
    let path_bucket = if incoming.address.path_style { format!("{}/", bucket.name) } else { String::new() };
    let location = format!("http://{}/{path_bucket}{}", incoming.host, encode_component(stored.key));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>\n  <Bucket>{}</Bucket>\n  <ETag>&quot;{}&quot;</ETag>\n  \
         <Key>{}</Key>\n  <Location>{}</Location>\n</PostResponse>\n",
        escape(&bucket.name),
        stored.content.etag,
        escape(stored.key),
        escape(&location),
    )
}
