//! Calling back: the signed request, one URL after the other, within one budget of time (P§1.5, P§2.1, P§2.2).

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use md5::{Digest, Md5};
use reqwest::{Client, Url, header};

use crate::{
    clock::Clock,
    oss::{
        callback::{SystemVariables, substitute},
        callback_signature::string_to_sign,
        presign::http_date,
    },
    simulator::callback::{answer, key::CallbackKey, order::CallbackOrder},
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

/// What tests may do to the next callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulator) enum Fault {
    /// Not sent; the uploader is told that nobody answered.
    Drop,
    /// Not sent; the uploader is told that there were too many.
    Throttle,
    /// Sent; the answer is lost and the uploader told that it took too long.
    LoseAnswer,
    /// Sent twice; the second answer counts.
    Duplicate,
}

/// Sends callbacks.
pub(in crate::simulator) struct CallbackSender {
    pub(in crate::simulator) key: CallbackKey,
    pub(in crate::simulator) key_url: String,
    pub(in crate::simulator) timeout: Duration,
    pub(in crate::simulator) refuse_private: bool,
    pub(in crate::simulator) clock: Arc<dyn Clock>,
    pub(in crate::simulator) faults: Mutex<Vec<Fault>>,
    pub(in crate::simulator) clients: Clients,
}

/// OSS sends SNI only when told to (P§1.2).
pub(in crate::simulator) struct Clients {
    with_sni: Client,
    without_sni: Client,
}

impl Clients {
    pub(in crate::simulator) fn build() -> reqwest::Result<Self> {
        let build = |sni| {
            let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().tls_sni(sni);
            client.pool_max_idle_per_host(0).user_agent("aliyun-oss-callback").build()
        };
        Ok(Self { with_sni: build(true)?, without_sni: build(false)? })
    }
}

impl CallbackSender {
    /// The receiver's answer, verbatim.
    pub(in crate::simulator) async fn call(
        &self,
        order: &CallbackOrder,
        system: &SystemVariables,
        image_is_broken: bool,
    ) -> Result<Bytes, CallbackFailure> {
        if image_is_broken && order.callback.body.contains("${imageInfo.") {
            return Err(CallbackFailure::failed("Get image info failed."));
        }
        match self.next_fault() {
            Some(Fault::Drop) => Err(unreachable_url()),
            Some(Fault::Throttle) => {
                Err(CallbackFailure { message: "Too many callback requests.".to_owned(), ec: "0007-00000201" })
            }
            Some(Fault::LoseAnswer) => {
                self.within_budget(order, system).await?;
                Err(CallbackFailure::too_long("Cost too long time."))
            }
            Some(Fault::Duplicate) => {
                self.within_budget(order, system).await?;
                self.within_budget(order, system).await
            }
            None => self.within_budget(order, system).await,
        }
    }

    fn next_fault(&self) -> Option<Fault> {
        let mut faults = self.faults.lock().expect("no holder of this lock panics");
        (!faults.is_empty()).then(|| faults.remove(0))
    }

    async fn within_budget(&self, order: &CallbackOrder, system: &SystemVariables) -> Result<Bytes, CallbackFailure> {
        let called = tokio::time::timeout(self.timeout, self.each_url(order, system)).await;
        called.unwrap_or_else(|_| Err(self.timed_out(order)))
    }

    fn timed_out(&self, order: &CallbackOrder) -> CallbackFailure {
        let [url] = order.callback.urls.as_slice() else {
            return CallbackFailure::too_long("Cost too long time.");
        };
        let authority = parse_url(url).map(|url| url.authority().to_owned()).unwrap_or_default();
        let millis = self.timeout.as_millis();
        CallbackFailure::too_long(format!(
            "error status:-1 {authority} reply timeout, cost:{millis}ms, timeout:{millis}ms (err -4, errno115)"
        ))
    }

    async fn each_url(&self, order: &CallbackOrder, system: &SystemVariables) -> Result<Bytes, CallbackFailure> {
        let callback = &order.callback;
        let body = substitute(&callback.body, callback.body_type, system, &order.variables);
        let body = Bytes::from(body);
        let mut failure = unreachable_url();
        for url in &callback.urls {
            match self.one_url(url, order, system, &body).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failure = failed,
            }
        }
        Err(failure)
    }

    async fn one_url(
        &self,
        url: &str,
        order: &CallbackOrder,
        system: &SystemVariables,
        body: &Bytes,
    ) -> Result<Bytes, CallbackFailure> {
        let url = parse_url(url).ok_or_else(unreachable_url)?;
        self.check_host(&url).await?;
        let client = if order.callback.sni { &self.clients.with_sni } else { &self.clients.without_sni };
        let signed = string_to_sign(url.path(), url.query(), body);
        let mut request = client
            .post(url.clone())
            .header(header::CONTENT_TYPE, order.callback.body_type.as_str())
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
            .header("x-oss-additional-headers", "");
        if let Some(host) = &order.callback.host {
            request = request.header(header::HOST, host);
        }
        let sent = request.body(body.clone()).send().await;
        answer::read(sent.map_err(|error| answer::transport_failure(&url, &error))?).await
    }

    /// OSS calls IPv4 only, and no private address (P§1.2).
    async fn check_host(&self, url: &Url) -> Result<(), CallbackFailure> {
        let no_address = || CallbackFailure::failed("Can not get ip by this host.");
        let host = url.host_str().ok_or_else(no_address)?;
        let port = url.port_or_known_default().unwrap_or(80);
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|_| no_address())?
            .filter(SocketAddr::is_ipv4)
            .collect();
        if addresses.is_empty() {
            return Err(no_address());
        }
        if self.refuse_private && addresses.iter().any(|address| is_private(address.ip())) {
            let message = "Private address is forbidden to callback.".to_owned();
            return Err(CallbackFailure { message, ec: "0007-00000008" });
        }
        Ok(())
    }
}

/// A missing scheme means http (P§1.2).
fn parse_url(text: &str) -> Option<Url> {
    if text.contains("://") { Url::parse(text).ok() } else { Url::parse(&format!("http://{text}")).ok() }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(_) => true,
    }
}

/// What OSS says when nobody answers.
pub(in crate::simulator) fn unreachable_url() -> CallbackFailure {
    CallbackFailure::failed("Error status : -1. OSS can not connect to your callbackUrl, please check it.")
}
