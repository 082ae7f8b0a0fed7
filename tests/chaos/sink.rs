//! The business backend: takes events by webhook, believes only what is signed, and is as unreliable as it is told to be.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Bytes, Data},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use oss_valet::clock::{Clock as _, SystemClock};
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::watch;

use crate::facts::Receipt;

/// How old or how far ahead a message may be, in seconds; as Standard Webhooks says.
const TOLERANCE: i64 = 300;

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// 204 at once.
    Well,
    /// 204, so much later.
    Slow(Duration),
    /// This status, nothing kept.
    Failing(u16),
    /// This status, although the event was taken: it will come again.
    Forgetful,
    /// Nothing, until the mood changes.
    Silent,
}

/// The running receiver.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
    server: ServerHandle,
}

struct Inner {
    key: Vec<u8>,
    mood: watch::Sender<Mood>,
    receipts: Mutex<Vec<Receipt>>,
    /// What was no message of ours, and why.
    strangers: Mutex<Vec<String>>,
    /// Count messages, for who waits for them: those that were taken, and those that got no answer while it was silent.
    accepted: watch::Sender<usize>,
    unanswered: watch::Sender<usize>,
}

impl Sink {
    /// Listens on a free port; `secret` is `whsec_…`.
    pub(crate) fn start(secret: &str) -> Self {
        let inner = Arc::new(Inner {
            key: STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap(),
            mood: watch::Sender::new(Mood::Well),
            receipts: Mutex::default(),
            strangers: Mutex::default(),
            accepted: watch::Sender::new(0),
            unanswered: watch::Sender::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let data = Data::from(Arc::clone(&inner));
        let app = move || App::new().app_data(data.clone()).default_service(web::post().to(receive));
        let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(0);
        let server = server.listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, inner, server: handle }
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        self.inner.mood.send_replace(mood);
    }

    /// What it took, in order.
    pub(crate) fn receipts(&self) -> Vec<Receipt> {
        self.inner.receipts.lock().unwrap().clone()
    }

    /// What it did not believe.
    pub(crate) fn strangers(&self) -> Vec<String> {
        self.inner.strangers.lock().unwrap().clone()
    }

    /// How many messages it took so far; tells when there are more.
    pub(crate) fn accepted(&self) -> watch::Receiver<usize> {
        self.inner.accepted.subscribe()
    }

    /// How many messages it left without an answer so far; tells when there are more.
    pub(crate) fn unanswered(&self) -> watch::Receiver<usize> {
        self.inner.unanswered.subscribe()
    }

    pub(crate) async fn stop(&self) {
        self.set_mood(Mood::Well);
        self.server.stop(false).await;
    }
}

async fn receive(request: HttpRequest, body: Bytes, sink: Data<Inner>) -> HttpResponse {
    let receipt = match sink.read(&request, &body) {
        Ok(receipt) => receipt,
        Err(why) => {
            sink.strangers.lock().unwrap().push(why);
            return HttpResponse::BadRequest().finish();
        }
    };
    let mut mood = sink.mood.subscribe();
    let now = *mood.borrow();
    match now {
        Mood::Well => {}
        Mood::Slow(delay) => tokio::time::sleep(delay).await,
        Mood::Failing(status) => return answer(status),
        Mood::Forgetful => {
            sink.take(receipt);
            return answer(500);
        }
        Mood::Silent => {
            sink.unanswered.send_modify(|count| *count += 1);
            let _ = mood.wait_for(|mood| *mood != Mood::Silent).await;
            return answer(503);
        }
    }
    sink.take(receipt);
    answer(204)
}

fn answer(status: u16) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap();
    HttpResponse::build(status).finish()
}

impl Inner {
    fn take(&self, receipt: Receipt) {
        self.receipts.lock().unwrap().push(receipt);
        self.accepted.send_modify(|count| *count += 1);
    }

    /// Believes a message only if it is signed, fresh, and the event that its id says.
    fn read(&self, request: &HttpRequest, body: &[u8]) -> Result<Receipt, String> {
        let header = |name: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.ok_or_else(|| format!("no {name}"))
        };
        let (id, timestamp, signatures) =
            (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
        let sent: i64 = timestamp.parse().map_err(|_| format!("sent at {timestamp}"))?;
        if (SystemClock.now().timestamp() - sent).abs() > TOLERANCE {
            return Err(format!("{id}: sent at {timestamp}"));
        }
        let is_ours = |signature: &str| {
            let Some(Ok(signature)) = signature.strip_prefix("v1,").map(|base64| STANDARD.decode(base64)) else {
                return false;
            };
            let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).unwrap();
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            mac.verify_slice(&signature).is_ok()
        };
        if !signatures.split(' ').any(is_ours) {
            return Err(format!("{id}: its signature is wrong"));
        }
        let event: Value = serde_json::from_slice(body).map_err(|error| format!("{id}: {error}"))?;
        if event["id"] != id {
            return Err(format!("{id}: holds the event {}", event["id"]));
        }
        Ok(Receipt { id: id.to_owned(), event })
    }
}
