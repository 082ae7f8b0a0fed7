//! `GET /?uploads`: multipart uploads that are neither completed nor aborted.

use actix_web::HttpResponse;

use crate::simulator::{
    access::{authorise::authorise, permissions::Action},
    errors::OssError,
    operations::{
        list_objects::iso_date,
        paging::{self, Encoding, Entry, Wanted},
    },
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::parts::Pending,
    xml::Xml,
};

const MAX_UPLOADS: usize = 1000;

/// By key, and by id within a key.
pub(in crate::simulator) async fn list_multipart_uploads(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    authorise(incoming, oss)?.permit(Action::ListMultipartUploads, incoming.resource())?;
    let encoding = Encoding::of(incoming)?;
    let key_marker = paging::name(incoming, "key-marker")?;
    // Without a key marker the other one means nothing.
    let id_marker = incoming.query("upload-id-marker").filter(|_| !key_marker.is_empty()).unwrap_or_default();
    let wanted = Wanted {
        prefix: paging::name(incoming, "prefix")?,
        delimiter: paging::name(incoming, "delimiter")?,
        after: key_marker,
        limit: paging::limit(incoming, "max-uploads", MAX_UPLOADS, 1..=MAX_UPLOADS)?,
    };
    let comes_later = |(id, pending): &(String, Pending)| {
        let same_key = pending.key == key_marker && !id_marker.is_empty();
        pending.key.as_str() > key_marker || (same_key && id.as_str() > id_marker)
    };
    let uploads = oss.uploads.in_bucket(&bucket.name).await?;
    let page = wanted.page(uploads.into_iter().filter(comes_later), |(_, pending)| &pending.key);
    let (next_key, next_id) = match page.entries.last() {
        Some(Entry::Item((id, pending))) => (pending.key.as_str(), id.as_str()),
        Some(Entry::CommonPrefix(prefix)) => (prefix.as_str(), ""),
        None => ("", ""),
    };
    let mut xml = Xml::new("ListMultipartUploadsResult");
    xml.optional("EncodingType", encoding.name())
        .text("Bucket", &bucket.name)
        .text("KeyMarker", &encoding.apply(key_marker))
        .text("UploadIdMarker", id_marker)
        .text("NextKeyMarker", &encoding.apply(next_key))
        .text("NextUploadIdMarker", next_id)
        .text("Delimiter", &encoding.apply(wanted.delimiter))
        .text("Prefix", &encoding.apply(wanted.prefix))
        .text("MaxUploads", &wanted.limit.to_string())
        .text("IsTruncated", if page.is_truncated { "true" } else { "false" });
    for entry in &page.entries {
        match entry {
            Entry::Item((id, pending)) => xml.element("Upload", |xml| {
                xml.text("Key", &encoding.apply(&pending.key))
                    .text("UploadId", id)
                    .text("Initiated", &iso_date(pending.initiated));
            }),
            Entry::CommonPrefix(prefix) => xml.element("CommonPrefixes", |xml| {
                xml.text("Prefix", &encoding.apply(prefix));
            }),
        };
    }
    Ok(xml.answer())
}
