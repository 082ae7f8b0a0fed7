//! Calling back: the signed request, one URL after the other, within one budget of time (P§1.5, P§2.1, P§2.2).

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use md5::{Digest, Md5};
use reqwest::{Certificate, Client, header};

use crate::{
    clock::Clock,
    oss::{
        callback::{SystemVariables, substitute},
        callback_signature::string_to_sign,
        presign::http_date,
    },
    simulator::{
        callback::{
            answer::{self, Answer},
            key::CallbackKey,
            order::CallbackOrder,
            resolve::{Hosts, Pins, Target},
        },
        faults::CallbackFault,
    },
};

/// The account that owns every bucket here.
const ACCOUNT: &str = "1234567890123456";

/// Why a callback failed: what the uploader reads in its 203 (P§1.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct CallbackFailure {
    pub(in crate::simulator) message: String,
    pub(in crate::simulator) ec: &'static str,
}

impl CallbackFailure {
    /// Unreachable or an answer that OSS does not accept.
    pub(in crate::simulator) fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), ec: "0007-00000203" }
    }

    fn too_long(message: impl Into<String>) -> Self {
        Self { message: message.into(), ec: "0007-00000202" }
    }
}

/// Sends callbacks.
pub(in crate::simulator) struct CallbackSender {
    pub(in crate::simulator) key: CallbackKey,
    pub(in crate::simulator) key_url: String,
    pub(in crate::simulator) timeout: Duration,
    pub(in crate::simulator) clock: Arc<dyn Clock>,
    pub(in crate::simulator) hosts: Hosts,
    pub(in crate::simulator) clients: Clients,
}

/// OSS sends SNI only when told to (P§1.2).
pub(in crate::simulator) struct Clients {
    with_sni: Client,
    without_sni: Client,
    pins: Pins,
}

impl Clients {
    /// A certificate must be for the URL's host and come from an authority that this machine trusts, or from one in
    /// `roots_pem`. What OSS checks is not documented. That a virtual host's wrong certificate fails the callback (P§1.2)
    /// speaks for both; that a certificate of one's own making fails as well is an assumption.
    pub(in crate::simulator) fn build(roots_pem: Option<&str>) -> reqwest::Result<Self> {
        let roots = Certificate::from_pem_bundle(roots_pem.unwrap_or_default().as_bytes())?;
        let pins = Pins::default();
        let build = |sni| {
            let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().http1_only();
            let client = client.tls_sni(sni).tls_certs_merge(roots.clone()).dns_resolver(pins.clone());
            client.pool_max_idle_per_host(0).user_agent("aliyun-oss-callback").build()
        };
        Ok(Self { with_sni: build(true)?, without_sni: build(false)?, pins: pins.clone() })
    }
}

impl CallbackSender {
    /// The receiver's answer.
    pub(in crate::simulator) async fn call(
        &self,
        order: &CallbackOrder,
        system: &SystemVariables,
        image_is_broken: bool,
        fault: Option<CallbackFault>,
    ) -> Result<Answer, CallbackFailure> {
        if image_is_broken && order.callback.body.contains("${imageInfo.") {
            return Err(CallbackFailure::failed("Get image info failed."));
        }
        match fault {
            Some(CallbackFault::Drop) => Err(unreachable_url()),
            Some(CallbackFault::Throttle) => {
                Err(CallbackFailure { message: "Too many callback requests.".to_owned(), ec: "0007-00000201" })
            }
            Some(CallbackFault::LoseAnswer) => {
                self.within_budget(order, system).await?;
                Err(CallbackFailure::too_long("Cost too long time."))
            }
            Some(CallbackFault::Duplicate) => {
                self.within_budget(order, system).await?;
                self.within_budget(order, system).await
            }
            Some(CallbackFault::Delay { milliseconds }) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                self.within_budget(order, system).await
            }
            None => self.within_budget(order, system).await,
        }
    }

    async fn within_budget(&self, order: &CallbackOrder, system: &SystemVariables) -> Result<Answer, CallbackFailure> {
        let called = tokio::time::timeout(self.timeout, self.each_target(order, system)).await;
        called.unwrap_or_else(|_| Err(self.timed_out(order)))
    }

    fn timed_out(&self, order: &CallbackOrder) -> CallbackFailure {
        let [target] = order.targets.as_slice() else {
            return CallbackFailure::too_long("Cost too long time.");
        };
        let (authority, millis) = (target.url.authority(), self.timeout.as_millis());
        CallbackFailure::too_long(format!(
            "error status:-1 {authority} reply timeout, cost:{millis}ms, timeout:{millis}ms (err -4, errno115)"
        ))
    }

    async fn each_target(&self, order: &CallbackOrder, system: &SystemVariables) -> Result<Answer, CallbackFailure> {
        let callback = &order.callback;
        let body = substitute(&callback.body, callback.body_type, system, &order.variables);
        let body = Bytes::from(body);
        let mut failure = unreachable_url();
        for target in &order.targets {
            match self.one_target(target, order, system, &body).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failure = failed,
            }
        }
        Err(failure)
    }

    async fn one_target(
        &self,
        target: &Target,
        order: &CallbackOrder,
        system: &SystemVariables,
        body: &Bytes,
    ) -> Result<Answer, CallbackFailure> {
        let (url, callback) = (&target.url, &order.callback);
        self.clients.pins.pin(target);
        let client = if callback.sni { &self.clients.with_sni } else { &self.clients.without_sni };
        let signed = string_to_sign(url.path(), url.query(), body);
        let names: Vec<_> = callback.additional_headers.iter().map(|(name, _)| name.as_str()).collect();
        let mut request = client
            .post(url.clone())
            .header(header::CONTENT_TYPE, callback.body_type.as_str())
            .header(header::CONNECTION, "close")
            .header("Content-MD5", STANDARD.encode(Md5::digest(body)))
            .header(header::DATE, http_date(self.clock.now()))
            .header(header::AUTHORIZATION, self.key.sign(&signed))
            .header("x-oss-pub-key-url", STANDARD.encode(&self.key_url))
            .header("x-oss-bucket", &system.bucket)
            .header("x-oss-requester", ACCOUNT)
            .header("x-oss-owner", ACCOUNT)
            .header("x-oss-request-id", &system.req_id)
            .header("x-oss-signature-version", "1.0")
            .header("x-oss-tag", "CALLBACK")
            // Empty in every capture; how several names would be joined is assumed from V4's header of that name.
            .header("x-oss-additional-headers", names.join(";"));
        for (name, value) in &callback.additional_headers {
            request = request.header(name, value);
        }
        if let Some(host) = &callback.host {
            request = request.header(header::HOST, host);
        }
        let sent = request.body(body.clone()).send().await;
        answer::read(sent.map_err(|error| answer::transport_failure(url, &error))?).await
    }
}

/// What OSS says when nobody answers.
pub(in crate::simulator) fn unreachable_url() -> CallbackFailure {
    CallbackFailure::failed("Error status : -1. OSS can not connect to your callbackUrl, please check it.")
}
