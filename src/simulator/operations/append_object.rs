//! `POST /key?append&position=…`: bytes at the end of an object that was made so.

use actix_web::{HttpResponse, http::StatusCode};

use crate::simulator::{
    access::{authorise::authorise, permissions::Action},
    body::Body,
    errors::OssError,
    operations::{
        put_object::check_length,
        stored::{check_integrity, permit_attributes},
    },
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{
        attributes::Attributes,
        objects::{WriteMode, appended_etag},
        record::{Content, Kind, ObjectType, Record},
        upload::{MAX_OBJECT_BYTES, Received},
    },
};

/// Appends the body. The first append makes the object, and only it brings metadata. No callback (P§1.1).
///
/// In a bucket that knows versions the object is the version `null`, and appending makes no other one.
pub(in crate::simulator) async fn append_object(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let caller = authorise(incoming, oss)?;
    caller.permit(Action::PutObject, incoming.resource())?;
    let key = incoming.object_key()?;
    let position = position(incoming)?;
    let attributes = Attributes::of_headers(incoming)?;
    permit_attributes(&caller, &attributes, incoming.resource())?;
    check_length(incoming)?;
    let current = oss.objects.find(&bucket.name, key, None).await?;
    let before = appendable(current.as_ref())?;
    check_position(position, before)?;
    let max = MAX_OBJECT_BYTES - before.map_or(0, |content| content.size);
    let received = oss.objects.begin().await?.receive(body, max, |_| OssError::incomplete_body()).await?;
    check_integrity(incoming, &received)?;
    let record = match current {
        None => create(oss, incoming, bucket, attributes, received).await?,
        // No byte came: the object stays what it was.
        Some(record) if received.size() == 0 => record,
        Some(record) => extend(oss, incoming, bucket, &record, received).await?,
    };
    Ok(answer(bucket, &record))
}

fn position(incoming: &Incoming) -> Result<u64, OssError> {
    let text = incoming.query("position").filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| OssError::missing_argument("position").ec("0016-00000501"))?;
    // The wording is an assumption.
    text.parse()
        .map_err(|_| OssError::invalid_argument("The position must be a number, zero or greater.", "position", text))
}

/// The bytes to append to; `None` where there is no object yet.
fn appendable(current: Option<&Record>) -> Result<Option<&Content>, OssError> {
    match current.map(|record| &record.kind) {
        None => Ok(None),
        Some(Kind::Normal(content)) if content.object_type == ObjectType::Appendable => Ok(Some(content)),
        Some(_) => Err(OssError::new(StatusCode::CONFLICT, "ObjectNotAppendable", "The object is not appendable.")),
    }
}

fn check_position(position: u64, current: Option<&Content>) -> Result<(), OssError> {
    let length = current.map_or(0, |content| content.size);
    if position == length { Ok(()) } else { Err(wrong_position(current)) }
}

/// 409, with the position that would be right now.
fn wrong_position(current: Option<&Content>) -> OssError {
    let length = current.map_or(0, |content| content.size);
    let message = "Position is not equal to file length.";
    let error = OssError::new(StatusCode::CONFLICT, "PositionNotEqualToLength", message);
    let error = error.header("x-oss-next-append-position", length.to_string());
    match current {
        Some(content) => error.header("x-oss-hash-crc64ecma", content.crc64.to_string()),
        None => error,
    }
}

/// The first append. Somebody else may have been first: then the position is wrong now.
async fn create(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    attributes: Attributes,
    received: Received,
) -> Result<Record, OssError> {
    let etag = appended_etag(&received, received.size());
    let content = Content { object_type: ObjectType::Appendable, etag, ..received.into_content()? };
    let kind = Kind::Normal(content);
    let record = Record { version_id: None, kind, last_modified: incoming.now, attributes };
    let mode = WriteMode { versioning: false, forbid_overwrite: true };
    match oss.objects.put(&bucket.name, &incoming.key, record, mode).await {
        Err(error) if error.code == "FileAlreadyExists" => Err(overtaken(oss, incoming, bucket).await?),
        outcome => outcome,
    }
}

/// A later append, unless somebody else has changed the object since it was read.
async fn extend(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    before: &Record,
    received: Received,
) -> Result<Record, OssError> {
    match oss.objects.append(&bucket.name, &incoming.key, before, received, incoming.now).await? {
        Some(record) => Ok(record),
        None => Err(overtaken(oss, incoming, bucket).await?),
    }
}

/// What there is to say when somebody else came first.
async fn overtaken(oss: &Oss, incoming: &Incoming, bucket: &BucketSpec) -> Result<OssError, OssError> {
    let current = oss.objects.find(&bucket.name, &incoming.key, None).await?;
    Ok(wrong_position(appendable(current.as_ref())?))
}

fn answer(bucket: &BucketSpec, record: &Record) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(content) = record.content() {
        response
            .insert_header(("etag", format!("\"{}\"", content.etag)))
            .insert_header(("x-oss-next-append-position", content.size.to_string()))
            .insert_header(("x-oss-hash-crc64ecma", content.crc64.to_string()));
    }
    if let Some(version) = bucket.version_of(record) {
        response.insert_header(("x-oss-version-id", version));
    }
    for (name, value) in record.attributes.encryption() {
        response.insert_header((name.as_str(), value.as_str()));
    }
    response.finish()
}
