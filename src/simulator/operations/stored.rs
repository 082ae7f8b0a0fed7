//! What the uploads share: committing the bytes, and the answer with or without a callback.

use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode};

use crate::{
    oss::callback::SystemVariables,
    simulator::{
        access::{
            authorise::Caller,
            permissions::{Action, Resource},
        },
        body::check_md5,
        callback::{answer::Answer, order::CallbackOrder},
        errors::OssError,
        request::Incoming,
        request_log,
        server::Oss,
        settings::BucketSpec,
        storage::{
            attributes::Attributes,
            image::Image,
            objects::{Objects, WriteMode},
            record::{Content, Kind, Record},
            upload::Received,
        },
    },
};

/// An object about to be committed.
pub(in crate::simulator) struct NewObject<'a> {
    pub(in crate::simulator) bucket: &'a BucketSpec,
    pub(in crate::simulator) key: &'a str,
    pub(in crate::simulator) attributes: Attributes,
    pub(in crate::simulator) forbid_overwrite: bool,
}

/// An object that is there now.
pub(in crate::simulator) struct Stored<'a> {
    bucket: &'a BucketSpec,
    pub(in crate::simulator) key: &'a str,
    pub(in crate::simulator) record: Record,
    pub(in crate::simulator) content: Content,
    image_is_broken: bool,
}

/// How the bucket takes a new object.
pub(in crate::simulator) fn write_mode(bucket: &BucketSpec, forbid_overwrite: bool) -> WriteMode {
    WriteMode {
        versioning: bucket.versioning.is_enabled(),
        forbid_overwrite: forbid_overwrite && !bucket.versioning.knows_versions(),
    }
}

/// An ACL and tags need permissions of their own.
pub(in crate::simulator) fn permit_attributes(
    caller: &Caller,
    attributes: &Attributes,
    resource: Resource<'_>,
) -> Result<(), OssError> {
    if attributes.acl.is_some() {
        caller.permit(Action::PutObjectAcl, resource)?;
    }
    if !attributes.tags.is_empty() {
        caller.permit(Action::PutObjectTagging, resource)?;
    }
    Ok(())
}

/// `Content-MD5` and `x-oss-hash-crc64ecma` of the request against what came.
pub(in crate::simulator) fn check_integrity(incoming: &Incoming, received: &Received) -> Result<(), OssError> {
    if let Some(expected) = incoming.header("content-md5") {
        check_md5(expected, &received.md5)?;
    }
    match incoming.header("x-oss-hash-crc64ecma") {
        Some(claimed) if claimed != received.crc64().to_string() => {
            Err(OssError::invalid_crc64(claimed, received.crc64()))
        }
        _ => Ok(()),
    }
}

impl NewObject<'_> {
    fn mode(&self) -> WriteMode {
        write_mode(self.bucket, self.forbid_overwrite)
    }

    /// Refuses early, before the bytes arrive, what [`NewObject::commit`] would refuse anyway.
    pub(in crate::simulator) async fn check_overwrite(&self, objects: &Objects) -> Result<(), OssError> {
        if self.mode().forbid_overwrite && objects.exists(&self.bucket.name, self.key).await? {
            return Err(OssError::already_exists());
        }
        Ok(())
    }
}

impl<'a> NewObject<'a> {
    /// Makes the object visible.
    pub(in crate::simulator) async fn commit(
        self,
        received: Received,
        oss: &Oss,
        incoming: &Incoming,
    ) -> Result<Stored<'a>, OssError> {
        let image_is_broken = received.image == Image::Broken;
        self.commit_content(received.into_content()?, image_is_broken, None, oss, incoming).await
    }

    /// The same for bytes that are on disk already, of a multipart upload that ends with it.
    pub(in crate::simulator) async fn commit_content(
        self,
        content: Content,
        image_is_broken: bool,
        upload: Option<&str>,
        oss: &Oss,
        incoming: &Incoming,
    ) -> Result<Stored<'a>, OssError> {
        let mode = self.mode();
        let record = Record {
            version_id: None,
            kind: Kind::Normal(content.clone()),
            last_modified: incoming.now,
            attributes: self.attributes,
        };
        let record = oss.objects.put_completing(&self.bucket.name, self.key, record, mode, upload).await?;
        Ok(Stored { bucket: self.bucket, key: self.key, record, content, image_is_broken })
    }
}

impl<'a> Stored<'a> {
    /// What was there before the request came.
    pub(in crate::simulator) fn existing(
        bucket: &'a BucketSpec,
        key: &'a str,
        record: Record,
        content: Content,
    ) -> Self {
        Self { bucket, key, record, content, image_is_broken: false }
    }
}

impl Stored<'_> {
    /// `ETag`, CRC, version.
    pub(in crate::simulator) fn headers(&self, response: &mut HttpResponseBuilder) {
        for (name, value) in self.named_headers() {
            response.insert_header((name, value));
        }
        for (name, value) in self.record.attributes.encryption() {
            response.insert_header((name.as_str(), value.as_str()));
        }
    }

    fn named_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("etag", format!("\"{}\"", self.content.etag)),
            ("x-oss-hash-crc64ecma", self.content.crc64.to_string()),
        ];
        headers.extend(self.content.content_md5().map(|md5| ("content-md5", md5)));
        let version = self.bucket.version_of(&self.record);
        headers.extend(version.map(|version| ("x-oss-version-id", version.to_owned())));
        headers
    }

    /// Calls back: 200 with the receiver's answer, or 203 with the reason; the object stays stored (P§1.7).
    pub(in crate::simulator) async fn call_back(
        &self,
        order: &CallbackOrder,
        operation: &str,
        oss: &Oss,
        incoming: &Incoming,
    ) -> HttpResponse {
        let system = self.variables(operation, incoming);
        let fault = oss.faults.callback(&self.bucket.name, self.key);
        match oss.callbacks.call(order, &system, self.image_is_broken, fault).await {
            Ok(Answer { content_type, body }) => {
                incoming.notes.callback(request_log::OK);
                let mut response = HttpResponse::Ok();
                self.headers(&mut response);
                response.content_type(content_type).body(body)
            }
            Err(failure) => {
                incoming.notes.callback(&failure.message);
                let status = StatusCode::NON_AUTHORITATIVE_INFORMATION;
                let error = OssError::new(status, "CallbackFailed", failure.message).ec(failure.ec);
                error.response_with(incoming, |response| self.headers(response))
            }
        }
    }

    fn variables(&self, operation: &str, incoming: &Incoming) -> SystemVariables {
        SystemVariables {
            bucket: self.bucket.name.clone(),
            object: self.key.to_owned(),
            etag: self.content.etag.clone(),
            size: self.content.size,
            mime_type: self.record.attributes.content_type.clone(),
            image: self.content.image.clone(),
            crc64: self.content.crc64.to_string(),
            content_md5: self.content.content_md5().unwrap_or_default(),
            vpc_id: String::new(),
            client_ip: incoming.client_ip.clone(),
            req_id: incoming.request_id.clone(),
            operation: operation.to_owned(),
        }
    }
}
