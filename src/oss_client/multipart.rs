//! The calls of a multipart upload (P§5).

use std::{fmt::Write as _, time::Duration};

use super::{
    Call, OssClient,
    answers::{Answer, unavailable},
};
use crate::{
    app::ports::{Joined, ObjectStoreError, PendingUpload, UnfinishedUpload},
    grant::{multipart::UploadedPart, request::Pairs},
    oss::{
        encoding::decode_path,
        presign::{
            abort_multipart_upload, complete_multipart_upload, initiate_multipart_upload, list_multipart_uploads,
            list_parts,
        },
        request::SignableRequest,
        xml::{Element, escape},
    },
};
use chrono::{DateTime, Utc};

/// A client waits for these.
const TIMEOUT: Duration = Duration::from_secs(5);
/// OSS joins ten thousand parts in one request.
const JOIN_TIMEOUT: Duration = Duration::from_secs(25);
/// Most entries that OSS lists at once (P§5).
const PAGE: &str = "1000";
/// More pages than ten thousand parts can fill: whoever sends more is not OSS.
const MAX_PAGES: usize = 20;

impl OssClient {
    pub(super) async fn initiate_upload(
        &self,
        key: &str,
        headers: Pairs,
        now: DateTime<Utc>,
    ) -> Result<String, ObjectStoreError> {
        let request = initiate_multipart_upload(&self.bucket.bucket, key, headers);
        let answer = self.write("InitiateMultipartUpload", request, now).await?;
        let id = answer.document()?.child_text("UploadId").unwrap_or_default().trim().to_owned();
        if id.is_empty() { Err(unavailable("OSS named no upload id")) } else { Ok(id) }
    }

    pub(super) async fn list_all_parts(
        &self,
        key: &str,
        upload_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<UploadedPart>>, ObjectStoreError> {
        let mut parts = Vec::new();
        let mut marker = "0".to_owned();
        for _ in 0..MAX_PAGES {
            let mut request = list_parts(&self.bucket.bucket, key, upload_id);
            let page = [("max-parts", PAGE), ("part-number-marker", marker.as_str())];
            request.query.extend(page.map(|(name, value)| (name.to_owned(), value.to_owned())));
            let answer = self.write("ListParts", request, now).await?;
            if answer.is("NoSuchUpload") {
                return Ok(None);
            }
            let root = answer.document()?;
            for part in root.children_named("Part") {
                parts.push(read_part(part).ok_or_else(|| unavailable("OSS listed a part that can't be read"))?);
            }
            match root.child_text("NextPartNumberMarker") {
                Some(next) if root.child_text("IsTruncated") == Some("true") => next.clone_into(&mut marker),
                _ => return Ok(Some(parts)),
            }
        }
        Err(unavailable("the list of parts does not end"))
    }

    pub(super) async fn complete_upload(
        &self,
        upload: &PendingUpload<'_>,
        parts: &[UploadedPart],
        now: DateTime<Utc>,
    ) -> Result<Joined, ObjectStoreError> {
        let mut headers = Pairs::new();
        if upload.forbid_overwrite {
            headers.push(("x-oss-forbid-overwrite".to_owned(), "true".to_owned()));
        }
        let request = complete_multipart_upload(&self.bucket.bucket, upload.key, upload.oss_upload_id, headers);
        let call = Call { request, body: parts_document(parts), timeout: JOIN_TIMEOUT };
        let response = self.send(call, &*self.signers.write, now).await?;
        let answer = Answer::read("CompleteMultipartUpload", response).await?;
        match answer.refusal() {
            Some("NoSuchUpload" | "FileAlreadyExists") => Ok(Joined::Gone),
            Some(code @ ("InvalidPart" | "InvalidPartOrder" | "EntityTooSmall")) => {
                Ok(Joined::Refused(code.to_owned()))
            }
            _ => answer.accepted().map(|()| Joined::Done),
        }
    }

    pub(super) async fn abort_upload(
        &self,
        key: &str,
        upload_id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), ObjectStoreError> {
        let request = abort_multipart_upload(&self.bucket.bucket, key, upload_id);
        let answer = self.write("AbortMultipartUpload", request, now).await?;
        if answer.is("NoSuchUpload") { Ok(()) } else { answer.accepted() }
    }

    pub(super) async fn list_unfinished(
        &self,
        prefix: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<UnfinishedUpload>, ObjectStoreError> {
        let mut uploads = Vec::new();
        let mut marker = (String::new(), String::new());
        for _ in 0..MAX_PAGES {
            let request = list_multipart_uploads(&self.bucket.bucket, prefix, &marker.0, &marker.1);
            let root = self.write("ListMultipartUploads", request, now).await?.document()?;
            let text = |element: &Element, name: &str| element.child_text(name).unwrap_or_default().to_owned();
            for upload in root.children_named("Upload") {
                let key = decode_path(&text(upload, "Key")).filter(|key| key.starts_with(prefix));
                let oss_upload_id = text(upload, "UploadId");
                uploads.extend(key.map(|key| UnfinishedUpload { key, oss_upload_id }));
            }
            if text(&root, "IsTruncated") != "true" {
                return Ok(uploads);
            }
            let next = decode_path(&text(&root, "NextKeyMarker")).unwrap_or_default();
            marker = (next, text(&root, "NextUploadIdMarker"));
        }
        Err(unavailable("the list of uploads does not end"))
    }

    async fn write(
        &self,
        operation: &'static str,
        request: SignableRequest,
        now: DateTime<Utc>,
    ) -> Result<Answer, ObjectStoreError> {
        let call = Call { request, body: String::new(), timeout: TIMEOUT };
        Answer::read(operation, self.send(call, &*self.signers.write, now).await?).await
    }
}

fn read_part(part: &Element) -> Option<UploadedPart> {
    let text = |name: &str| part.child_text(name).map(str::trim);
    Some(UploadedPart {
        part_number: text("PartNumber")?.parse().ok()?,
        etag: text("ETag")?.trim_matches('"').to_owned(),
        size: text("Size")?.parse().ok()?,
    })
}

fn parts_document(parts: &[UploadedPart]) -> String {
    let mut xml = String::from("<CompleteMultipartUpload>");
    for UploadedPart { part_number, etag, .. } in parts {
        let etag = escape(etag);
        write!(xml, "<Part><PartNumber>{part_number}</PartNumber><ETag>&quot;{etag}&quot;</ETag></Part>")
            .expect("a String takes what is written to it");
    }
    xml.push_str("</CompleteMultipartUpload>");
    xml
}
