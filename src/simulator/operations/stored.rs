//! What PutObject and PostObject share: committing the bytes, and the answer with or without a callback.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
};

use crate::{
    oss::callback::SystemVariables,
    simulator::{
        callback::{answer::Answer, order::CallbackOrder},
        errors::OssError,
        request::Incoming,
        request_log,
        server::Oss,
        settings::BucketSpec,
        storage::{
            image::Image,
            objects::{Objects, WriteMode},
            record::{Attributes, Content, Kind, Record},
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
    bucket: &'a str,
    pub(in crate::simulator) key: &'a str,
    record: Record,
    pub(in crate::simulator) content: Content,
    image_is_broken: bool,
}

impl NewObject<'_> {
    fn mode(&self) -> WriteMode {
        WriteMode { versioning: self.bucket.versioning, forbid_overwrite: self.forbid_overwrite }
    }

    /// Refuses early, before the bytes arrive, what [`NewObject::commit`] would refuse anyway.
    pub(in crate::simulator) async fn check_overwrite(&self, objects: &Objects) -> Result<(), OssError> {
        let mode = self.mode();
        let protected = mode.forbid_overwrite && !mode.versioning;
        if protected && objects.exists(&self.bucket.name, self.key).await? {
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
        Ok(Stored { bucket: &self.bucket.name, key: self.key, record, content, image_is_broken })
    }
}

impl<'a> Stored<'a> {
    /// What was there before the request came.
    pub(in crate::simulator) fn existing(bucket: &'a str, key: &'a str, record: Record, content: Content) -> Self {
        Self { bucket, key, record, content, image_is_broken: false }
    }
}

impl Stored<'_> {
    /// `ETag`, CRC, version.
    pub(in crate::simulator) fn headers(&self, response: &mut HttpResponseBuilder) {
        for (name, value) in self.named_headers() {
            response.insert_header((name, value));
        }
    }

    /// The same, for an answer that is built already.
    pub(in crate::simulator) fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in self.named_headers() {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }

    fn named_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("etag", format!("\"{}\"", self.content.etag)),
            ("x-oss-hash-crc64ecma", self.content.crc64.to_string()),
        ];
        headers.extend(self.content.content_md5().map(|md5| ("content-md5", md5)));
        headers.extend(self.record.version_id.clone().map(|version| ("x-oss-version-id", version)));
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
        let fault = oss.faults.callback(self.bucket, self.key);
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
            bucket: self.bucket.to_owned(),
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
