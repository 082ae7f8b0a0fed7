//! `POST /?delete`: up to a thousand keys at once (DeleteMultipleObjects).

use actix_web::HttpResponse;

use crate::{
    oss::xml::{Element, MAX_DOCUMENT},
    simulator::{
        access::{authorise::authorise, permissions::Resource},
        body::Body,
        errors::OssError,
        operations::{
            delete_object::{Deletion, delete, permit_deletion},
            paging::Encoding,
        },
        request::{Incoming, check_key},
        server::Oss,
        settings::BucketSpec,
        xml::Xml,
    },
};

const MAX_OBJECTS: usize = 1000;

/// Deletes all that the body names, and tells of each unless asked to be quiet. Nothing is deleted when one may not be.
pub(in crate::simulator) async fn delete_multiple_objects(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let caller = authorise(incoming, oss)?;
    let encoding = Encoding::of(incoming)?;
    let expected = incoming.header("content-md5").ok_or_else(|| OssError::missing_argument("Content-MD5"))?;
    body.start_md5();
    let xml = body.clone().read_text(MAX_DOCUMENT).await?;
    body.check_md5(expected)?;
    let request = DeleteRequest::parse(&xml)?;
    for (key, version) in &request.objects {
        permit_deletion(&caller, Resource { bucket: &bucket.name, key }, version.as_deref())?;
    }
    let mut answer = Xml::new("DeleteResult");
    answer.optional("EncodingType", encoding.name());
    for (key, version) in &request.objects {
        let deletion = delete(oss, incoming, bucket, key, version.as_deref()).await?;
        answer.element("Deleted", |xml| deleted(xml, &encoding.apply(key), version.as_deref(), &deletion));
    }
    Ok(if request.quiet { HttpResponse::Ok().finish() } else { answer.answer() })
}

fn deleted(xml: &mut Xml, key: &str, version: Option<&str>, deletion: &Deletion) {
    xml.text("Key", key).optional("VersionId", version);
    if deletion.is_marker {
        xml.text("DeleteMarker", "true").optional("DeleteMarkerVersionId", deletion.version.as_deref());
    }
}

/// The body.
struct DeleteRequest {
    quiet: bool,
    /// Keys, with the version where one is named.
    objects: Vec<(String, Option<String>)>,
}

impl DeleteRequest {
    fn parse(xml: &str) -> Result<Self, OssError> {
        let root = Element::parse(xml).filter(|root| root.name == "Delete").ok_or_else(OssError::malformed_xml)?;
        let quiet = root.child_text("Quiet").is_some_and(|quiet| quiet.trim().eq_ignore_ascii_case("true"));
        let object = |element: &Element| {
            let key = element.child_text("Key").unwrap_or_default();
            if key.is_empty() {
                return Err(OssError::bad_request("UserKeyMustBeSpecified", "User key must be specified."));
            }
            let version = element.child_text("VersionId").map(str::trim).filter(|version| !version.is_empty());
            Ok((check_key(key)?.to_owned(), version.map(str::to_owned)))
        };
        let objects: Vec<_> = root.children_named("Object").map(object).collect::<Result<_, _>>()?;
        if objects.is_empty() || objects.len() > MAX_OBJECTS {
            return Err(OssError::malformed_xml());
        }
        Ok(Self { quiet, objects })
    }
}
