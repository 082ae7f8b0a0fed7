//! Questions about a bucket itself, for `oss-valet check --online`. Nothing here changes a bucket or an object.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Call, OssBucket, OssClient, Signers,
    answers::{Answer, error_document, says_no_such_key},
};
use crate::{
    app::ports::{Credentials, ObjectStore, ObjectStoreError},
    oss::{
        presign::head_object,
        request::SignableRequest,
        xml::{BucketInfo, CorsRule, Element, ErrorDocument, LifecycleRule, Versioning, read_location},
    },
};

/// For each question.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<T> {
    /// The answer.
    Told(T),
    /// OSS (or what stands in its place) refused.
    Refused(Refusal),
    /// No usable answer in time, for this reason.
    Silent(String),
    /// Nothing to sign with, for this reason.
    NoCredential(String),
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// HTTP's.
    pub status: u16,
    /// OSS's `Code`; empty when what answered was not OSS.
    pub code: String,
    /// OSS's words.
    pub message: String,
    /// OSS's finer code, `0003-00000001`.
    pub ec: Option<String>,
    /// `Endpoint`, where OSS names a better one.
    pub endpoint: Option<String>,
    /// `x-oss-request-id`.
    pub request_id: String,
}

impl<T> Asked<T> {
    /// OSS's code, when it refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }

    fn and_then<U>(self, operation: &str, read: impl FnOnce(T) -> Option<U>) -> Asked<U> {
        match self {
            Self::Told(told) => read(told)
                .map_or_else(|| Asked::Silent(format!("the answer to {operation} can't be read")), Asked::Told),
            Self::Refused(refusal) => Asked::Refused(refusal),
            Self::Silent(reason) => Asked::Silent(reason),
            Self::NoCredential(reason) => Asked::NoCredential(reason),
        }
    }
}

/// Asks about one bucket. What only one of our two credentials may ask is asked by that one.
pub struct BucketInspector(OssClient);

impl BucketInspector {
    /// Asks `bucket` over the client of [`super::build_http_client`].
    pub fn new(bucket: OssBucket, signers: Signers, http: reqwest::Client) -> Self {
        Self(OssClient::new(bucket, signers, http))
    }

    /// HEADs an object, as the confirming credential: `NoSuchKey` is the answer where it may.
    pub async fn head(&self, key: &str, now: DateTime<Utc>) -> Asked<()> {
        let request = head_object(&self.0.bucket.bucket, key);
        self.ask("HeadObject", request, &*self.0.signers.confirm, now).await.and_then("HeadObject", |_| Some(()))
    }

    /// Asks to make an object private that is not there, as the signing credential: RAM is asked before the object is looked
    /// for, so `NoSuchKey` tells that it may, and `AccessDenied` that it may not.
    pub async fn put_absent_acl(&self, key: &str, now: DateTime<Utc>) -> Asked<()> {
        let mut request = SignableRequest::object("PUT", &self.0.bucket.bucket, key);
        request.query.push(("acl".to_owned(), String::new()));
        request.headers.push(("x-oss-object-acl".to_owned(), "private".to_owned()));
        self.ask("PutObjectACL", request, &*self.0.signers.write, now).await.and_then("PutObjectACL", |_| Some(()))
    }

    /// What the bucket is.
    pub async fn info(&self, now: DateTime<Utc>) -> Asked<BucketInfo> {
        self.document("GetBucketInfo", "bucketInfo", now, BucketInfo::read).await
    }

    /// `oss-cn-hangzhou`.
    pub async fn location(&self, now: DateTime<Utc>) -> Asked<String> {
        self.document("GetBucketLocation", "location", now, read_location).await
    }

    /// Its cross-origin rules.
    pub async fn cors(&self, now: DateTime<Utc>) -> Asked<Vec<CorsRule>> {
        self.document("GetBucketCors", "cors", now, CorsRule::read_all).await
    }

    /// Whether it keeps versions.
    pub async fn versioning(&self, now: DateTime<Utc>) -> Asked<Versioning> {
        self.document("GetBucketVersioning", "versioning", now, Versioning::read).await
    }

    /// Its lifecycle rules.
    pub async fn lifecycle(&self, now: DateTime<Utc>) -> Asked<Vec<LifecycleRule>> {
        self.document("GetBucketLifecycle", "lifecycle", now, LifecycleRule::read_all).await
    }

    /// How far OSS's clock was ahead of ours at its last answer.
    pub fn clock_offset(&self) -> Option<TimeDelta> {
        self.0.clock_offset()
    }

    /// `GET /?what`, by whichever credential may.
    async fn document<T>(
        &self,
        operation: &'static str,
        what: &str,
        now: DateTime<Utc>,
        read: impl FnOnce(&Element) -> Option<T>,
    ) -> Asked<T> {
        let mut request = SignableRequest::object("GET", &self.0.bucket.bucket, "");
        request.query.push((what.to_owned(), String::new()));
        let Signers { confirm, write } = &self.0.signers;
        let mut asked = self.ask(operation, request.clone(), &**confirm, now).await;
        if asked.code() == Some("AccessDenied") && !Arc::ptr_eq(confirm, write) {
            asked = self.ask(operation, request, &**write, now).await;
        }
        asked.and_then(operation, |answer| read(&answer.document().ok()?))
    }

    async fn ask(
        &self,
        operation: &'static str,
        request: SignableRequest,
        signer: &dyn Credentials,
        now: DateTime<Utc>,
    ) -> Asked<Answer> {
        let call = Call { request, body: String::new(), timeout: TIMEOUT };
        let response = match self.0.send(call, signer, now).await {
            Ok(response) => response,
            Err(ObjectStoreError::Unavailable(reason)) => return Asked::Silent(reason),
            Err(ObjectStoreError::Credentials(error)) => return Asked::NoCredential(error.0),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = match Answer::read(operation, response).await {
            Ok(answer) => answer,
            Err(error) => return Asked::Silent(error.to_string()),
        };
        let Some(document) = answer.refusal_document() else { return Asked::Told(answer) };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
        let mut refusal =
            Refusal { status: status.as_u16(), request_id: text("x-oss-request-id"), ..Refusal::default() };
        // An answer to HEAD has its document in a header; where even that is missing, status and header say the least.
        let from_header = error_document(&headers).unwrap_or_default();
        refusal.fill(if document.code.is_empty() { &from_header } else { document });
        refusal.ec = refusal.ec.or_else(|| Some(text("x-oss-ec")).filter(|ec| ec != "-"));
        if refusal.code.is_empty() && says_no_such_key(&headers) {
            "NoSuchKey".clone_into(&mut refusal.code);
        }
        let is_oss = headers.contains_key("x-oss-request-id");
        if refusal.code.is_empty() && is_oss && refusal.status == 403 {
            "AccessDenied".clone_into(&mut refusal.code);
        }
        Asked::Refused(refusal)
    }
}

impl Refusal {
    fn fill(&mut self, document: &ErrorDocument) {
        self.code.clone_from(&document.code);
        self.message.clone_from(&document.message);
        self.ec.clone_from(&document.ec);
        self.endpoint =
            document.details.iter().find(|(name, _)| name == "Endpoint").map(|(_, endpoint)| endpoint.clone());
    }
}
