//! A request's body: streamed, shared between parser and drain, never held in memory.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{error::PayloadError, web};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use md5::{Digest, Md5};

use super::{errors::OssError, request::Incoming};

/// How long a refused upload may go on sending before its connection is given up.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that several owners may read from, one after the other.
#[derive(Clone)]
pub(super) struct Body(Rc<RefCell<Inner>>);

struct Inner {
    payload: web::Payload,
    md5: Option<Md5>,
    ended: bool,
    rest: bool,
}

impl Body {
    pub(super) fn new(payload: web::Payload) -> Self {
        Self(Rc::new(RefCell::new(Inner { payload, md5: None, ended: false, rest: false })))
    }

    /// Whether all of it has been read, or it broke.
    pub(super) fn has_ended(&self) -> bool {
        self.0.borrow().ended
    }

    /// From here on, every byte goes into an MD5.
    pub(super) fn start_md5(&self) {
        self.0.borrow_mut().md5 = Some(Md5::new());
    }

    /// Compares the MD5 of all that was read with a `Content-MD5` header.
    pub(super) fn check_md5(&self, expected: &str) -> Result<(), OssError> {
        let digest = self.0.borrow_mut().md5.take().map(Md5::finalize).unwrap_or_default();
        check_md5(expected, &digest)
    }

    /// Reads a short body.
    pub(super) async fn read_text(mut self, max: usize) -> Result<String, OssError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next().await {
            bytes.extend_from_slice(&chunk.map_err(|_| OssError::incomplete_body())?);
            if bytes.len() > max {
                return Err(OssError::entity_too_large());
            }
        }
        String::from_utf8(bytes).map_err(|_| OssError::bad_request("MalformedXML", "The body is not UTF-8."))
    }

    /// Reads a short body and holds it against its `Content-MD5`, if it has one.
    pub(super) async fn read_checked(self, incoming: &Incoming, max: usize) -> Result<String, OssError> {
        let expected = incoming.header("content-md5");
        if expected.is_some() {
            self.start_md5();
        }
        let text = self.clone().read_text(max).await?;
        expected.map_or(Ok(()), |expected| self.check_md5(expected))?;
        Ok(text)
    }

    /// Reads to the end and throws it away: a client that is still sending must be able to read its refusal.
    pub(super) async fn drain(mut self) {
        let all = async { while let Some(Ok(_)) = self.next().await {} };
        if tokio::time::timeout(DRAIN_TIMEOUT, all).await.is_err() {
            tracing::debug!("gave up draining a refused upload");
        }
    }
}

/// `Content-MD5` against a digest.
pub(super) fn check_md5(expected: &str, digest: &[u8]) -> Result<(), OssError> {
    let Some(claimed) = STANDARD.decode(expected).ok().filter(|claimed| claimed.len() == digest.len()) else {
        return Err(OssError::bad_request("InvalidDigest", "The Content-MD5 you specified was invalid.")
            .detail("Content-MD5", expected));
    };
    if claimed == digest {
        return Ok(());
    }
    Err(OssError::bad_request("InvalidDigest", "The Content-MD5 you specified did not match what we received.")
        .detail("ClientComputedContentMD5", expected)
        .detail("ServerComputedContentMD5", STANDARD.encode(digest)))
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    /// One chunk, then a rest: a reader that takes all that is ready (the multipart parser does) stays bounded.
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut inner = self.0.borrow_mut();
        if inner.ended {
            return Poll::Ready(None);
        }
        if std::mem::take(&mut inner.rest) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = inner.payload.poll_next_unpin(context);
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => {
                inner.rest = true;
                if let Some(md5) = inner.md5.as_mut() {
                    md5.update(chunk);
                }
            }
            Poll::Ready(_) => inner.ended = true,
            Poll::Pending => {}
        }
        polled
    }
}
