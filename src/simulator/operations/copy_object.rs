//! `PUT /key` with `x-oss-copy-source`: another object's bytes, with its metadata or new ones.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};

use crate::simulator::{
    access::{
        authorise::{Caller, authorise},
        permissions::{Action, Resource},
    },
    errors::OssError,
    operations::{
        copy_source::CopySource,
        list_objects::iso_date,
        stored::{permit_attributes, write_mode},
        symlink::etag_of_link,
    },
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{
        attributes::Attributes,
        record::{Kind, ObjectType, Record},
    },
    xml::Xml,
};

/// Larger objects are copied in parts.
const MAX_COPY_BYTES: u64 = 1024 * 1024 * 1024;

/// Copies within the region. Onto itself, where no versions are known, only the metadata change.
pub(in crate::simulator) async fn copy_object(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let caller = authorise(incoming, oss)?;
    caller.permit(Action::PutObject, incoming.resource())?;
    let key = incoming.object_key()?;
    let own = Attributes::of_headers(incoming)?;
    let (metadata, tagging) =
        (directive(incoming, "x-oss-metadata-directive")?, directive(incoming, "x-oss-tagging-directive")?);
    let source = CopySource::find(oss, incoming, &caller, bucket).await?;
    if source.not_modified {
        return Ok(not_modified(&source));
    }
    let onto_itself = source.bucket.name == bucket.name && source.key == key;
    let only_metadata = onto_itself && !bucket.versioning.knows_versions();
    check_kind(&source.record, only_metadata)?;
    if tagging == Directive::Copy && !source.record.attributes.tags.is_empty() {
        let resource = Resource { bucket: &source.bucket.name, key: &source.key };
        caller.permit(Action::GetObjectTagging, resource)?;
    }
    let metadata = if only_metadata { Directive::Replace } else { metadata };
    let attributes = attributes(&source.record.attributes, own, metadata, tagging);
    permit(&caller, &attributes, incoming)?;
    let record = if only_metadata {
        // It is there: it may be overwritten only where nobody forbids it.
        if incoming.forbids_overwrite() {
            return Err(OssError::already_exists());
        }
        replace_attributes(oss, incoming, bucket, attributes).await?
    } else {
        store(oss, incoming, bucket, &source, attributes).await?
    };
    Ok(answer(bucket, &source, &record))
}

/// What a directive says about the source's metadata or tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Copy,
    Replace,
}

fn directive(incoming: &Incoming, name: &str) -> Result<Directive, OssError> {
    match incoming.header(name).unwrap_or_default() {
        "" => Ok(Directive::Copy),
        value if value.eq_ignore_ascii_case("copy") => Ok(Directive::Copy),
        value if value.eq_ignore_ascii_case("replace") => Ok(Directive::Replace),
        // The wording is an assumption.
        value => Err(OssError::invalid_argument("The directive must be COPY or REPLACE.", name, value)),
    }
}

/// Appended objects are not copied, beyond a change of their metadata; large ones are copied in parts.
fn check_kind(source: &Record, only_metadata: bool) -> Result<(), OssError> {
    let Some(content) = source.content().filter(|_| !only_metadata) else { return Ok(()) };
    if content.object_type == ObjectType::Appendable {
        // The documentation gives no code for this: an assumption.
        return Err(OssError::operation_not_supported());
    }
    if content.size > MAX_COPY_BYTES {
        return Err(OssError::bad_request("EntityTooLarge", "Source object Length exceeds the maximum allowed size."));
    }
    Ok(())
}

/// ACL, storage class and encryption are the request's in any case.
fn attributes(source: &Attributes, own: Attributes, metadata: Directive, tagging: Directive) -> Attributes {
    let tags = if tagging == Directive::Copy { source.tags.clone() } else { own.tags.clone() };
    if metadata == Directive::Replace {
        return Attributes { tags, ..own };
    }
    let mut copied = source.clone().without_encryption();
    copied.headers.extend(own.encryption().cloned());
    Attributes { acl: own.acl, storage_class: own.storage_class, tags, ..copied }
}

fn permit(caller: &Caller, attributes: &Attributes, incoming: &Incoming) -> Result<(), OssError> {
    permit_attributes(caller, attributes, incoming.resource())
}

async fn replace_attributes(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    attributes: Attributes,
) -> Result<Record, OssError> {
    let replaced = oss.objects.amend(&bucket.name, &incoming.key, None, |record| {
        record.attributes = attributes;
        record.last_modified = incoming.now;
    });
    replaced.await?.ok_or_else(|| OssError::no_such_key(&incoming.key))
}

/// The bytes, or for a link the link. The copy keeps type and `ETag` of what it is a copy of, also of an object that came in parts:
/// an assumption, for OSS copies without reading.
async fn store(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    source: &CopySource,
    attributes: Attributes,
) -> Result<Record, OssError> {
    let kind = match &source.record.kind {
        Kind::Normal(content) => Kind::Normal(oss.objects.duplicate(content).await?),
        other => other.clone(),
    };
    let record = Record { version_id: None, kind, last_modified: incoming.now, attributes };
    let mode = write_mode(bucket, incoming.forbids_overwrite());
    oss.objects.put(&bucket.name, &incoming.key, record, mode).await
}

fn etag(record: &Record) -> String {
    match &record.kind {
        Kind::Normal(content) => content.etag.clone(),
        Kind::Symlink { target } => etag_of_link(target),
        Kind::DeleteMarker => String::new(),
    }
}

fn answer(bucket: &BucketSpec, source: &CopySource, record: &Record) -> HttpResponse {
    let etag = format!("\"{}\"", etag(record));
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, etag.as_str()));
    if let Some(content) = record.content() {
        response.insert_header(("x-oss-hash-crc64ecma", content.crc64.to_string()));
    }
    if let Some(version) = source.bucket.version_of(&source.record) {
        response.insert_header(("x-oss-copy-source-version-id", version));
    }
    if let Some(version) = bucket.version_of(record) {
        response.insert_header(("x-oss-version-id", version));
    }
    for (name, value) in record.attributes.encryption() {
        response.insert_header((name.as_str(), value.as_str()));
    }
    let mut xml = Xml::new("CopyObjectResult");
    xml.text("ETag", &etag).text("LastModified", &iso_date(record.last_modified));
    xml.answer_as(&mut response)
}

/// 304: the conditions ask for another state of the source than it has.
pub(in crate::simulator) fn not_modified(source: &CopySource) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::NOT_MODIFIED);
    response.insert_header((header::ETAG, format!("\"{}\"", etag(&source.record))));
    response.finish()
}
