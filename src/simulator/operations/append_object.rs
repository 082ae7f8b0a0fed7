//! `POST /key?append&position=…`: bytes at the end of an object that was made so.

use actix_web::{HttpResponse, http::StatusCode};
use futures_util::{StreamExt, TryStreamExt};

use crate::simulator::{
    access::{authorise::authorise, permissions::Action},
    body::Body,
    errors::OssError,
    operations::{
        get_object::chunks,
        put_object::check_length,
        stored::{NewObject, permit_attributes},
    },
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{
        attributes::Attributes,
        objects::{Objects, WriteMode},
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
    let received = receive(oss, incoming, bucket, before, body).await?;
    let (Some(record), true) = (&current, before.is_some()) else {
        return create(oss, incoming, bucket, attributes, received).await;
    };
    if before.is_some_and(|content| content.size == received.size()) {
        // No byte came: the object stays what it was.
        return Ok(answer(bucket, record, before));
    }
    let record = extend(oss, incoming, bucket, before, received).await?;
    Ok(answer(bucket, &record, record.content()))
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

/// The old bytes and the new ones in one file, so that a crash leaves either the old object or the new one.
async fn receive(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    before: Option<&Content>,
    body: Body,
) -> Result<Received, OssError> {
    if incoming.header("content-md5").is_some() {
        body.start_md5();
    }
    let new = body.clone().map_err(|_| OssError::incomplete_body());
    let upload = oss.objects.begin().await?;
    let received = match before {
        Some(content) => {
            let file = oss.objects.read(&bucket.name, &content.file).await?;
            let old = chunks(file, content.size).map_err(OssError::from);
            upload.receive(Box::pin(old.chain(new)), MAX_OBJECT_BYTES, |error| error).await?
        }
        None => upload.receive(new, MAX_OBJECT_BYTES, |error| error).await?,
    };
    if let Some(expected) = incoming.header("content-md5") {
        body.check_md5(expected)?;
    }
    let etag = etag(&received);
    Ok(received.of_type(ObjectType::Appendable, etag))
}

/// 32 hex digits that are no MD5. What OSS puts there it does not say; its examples end in eight digits that begin with zeros, so
/// the length stands there here: an assumption.
fn etag(received: &Received) -> String {
    format!("{}{:08X}", hex::encode_upper(&received.md5[..12]), received.size())
}

/// The first append. Somebody else may have been first: then the position is wrong now.
async fn create(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    attributes: Attributes,
    received: Received,
) -> Result<HttpResponse, OssError> {
    let object = NewObject { bucket, key: &incoming.key, attributes, forbid_overwrite: true };
    let mode = WriteMode { versioning: false, forbid_overwrite: true };
    match object.commit_as(mode, received, oss, incoming).await {
        Ok(stored) => Ok(answer(bucket, &stored.record, Some(&stored.content))),
        Err(error) if error.code == "FileAlreadyExists" => {
            let current = oss.objects.find(&bucket.name, &incoming.key, None).await?;
            check_position(0, appendable(current.as_ref())?)?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// A later append, unless somebody else has changed the object since it was read.
async fn extend(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    before: Option<&Content>,
    received: Received,
) -> Result<Record, OssError> {
    let name = Objects::content_name();
    oss.objects.adopt(&bucket.name, received.path(), &name).await?;
    let content = received.into_content(name);
    let file = before.map(|content| content.file.as_str());
    let change = |record: &mut Record| {
        let current = appendable(Some(record))?;
        if current.map(|content| content.file.as_str()) != file {
            return Err(wrong_position(current));
        }
        record.kind = Kind::Normal(content.clone());
        record.last_modified = incoming.now;
        Ok(())
    };
    let outcome = oss.objects.update(&bucket.name, &incoming.key, None, change).await;
    match outcome {
        Ok(Some(record)) => Ok(record),
        Ok(None) => {
            oss.objects.discard(&bucket.name, &content).await;
            Err(wrong_position(None))
        }
        Err(error) => {
            oss.objects.discard(&bucket.name, &content).await;
            Err(error)
        }
    }
}

fn answer(bucket: &BucketSpec, record: &Record, content: Option<&Content>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(content) = content {
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
