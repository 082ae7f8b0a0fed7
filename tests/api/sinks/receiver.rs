//! Receivers of events: they answer as the test likes, and keep what they got.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use wiremock::ResponseTemplate;

use crate::webhook_server::{SignedPost, WebhookServer};

/// The newer one first.
pub(super) const SECRETS: [&str; 2] =
    ["whsec_bmV3LXNlY3JldC1vZi10aGUtc2luay10ZXN0cw==", "whsec_b2xkLXNlY3JldC1vZi10aGUtc2luay10ZXN0cw=="];

/// Says the next thing of its script, and then always 204.
pub(super) struct Receiver(WebhookServer);

impl Receiver {
    pub(super) async fn start() -> Self {
        Self(WebhookServer::start(ResponseTemplate::new(204)).await)
    }

    pub(super) fn url(&self) -> String {
        format!("{}/events?tenant=7", self.0.url())
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port()
    }

    /// What it says next.
    pub(super) fn will_say(&self, status: u16) {
        self.will_answer(ResponseTemplate::new(status));
    }

    pub(super) fn will_answer(&self, answer: ResponseTemplate) {
        self.0.will_answer(answer);
    }

    pub(super) async fn received(&self) -> Vec<SignedPost> {
        self.0.received().await
    }

    /// The ids of what was received, in the order of arrival.
    pub(super) async fn ids(&self) -> Vec<String> {
        self.received().await.iter().map(|received| received.header("webhook-id").to_owned()).collect()
    }
}

/// A receiver that takes connections and then does what no HTTP library would.
pub(super) struct RudeReceiver {
    port: u16,
    /// A number for each request that came in whole.
    pub(super) requests: mpsc::UnboundedReceiver<()>,
    task: JoinHandle<()>,
}

/// How it behaves once it has the request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manners {
    /// Says nothing, and keeps the connection.
    Silent,
    /// This head, and then bytes for as long as somebody takes them.
    Endless(&'static str),
    /// This head, and then nothing, with the connection open.
    Stuck(&'static str),
}

impl RudeReceiver {
    pub(super) async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (count, requests) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut held = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                held.spawn(behave(stream, manners, count.clone()));
            }
        });
        Self { port, requests, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/events", self.port)
    }

    /// So many requests have come in, no more and no less.
    pub(super) fn count(&mut self) -> usize {
        std::iter::from_fn(|| self.requests.try_recv().ok()).count()
    }
}

impl Drop for RudeReceiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn behave(mut stream: TcpStream, manners: Manners, count: mpsc::UnboundedSender<()>) {
    let mut request = Vec::new();
    // The whole event: its document ends so.
    while !request.ends_with(b"}}") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let _ = count.send(());
    match manners {
        Manners::Silent => {}
        Manners::Stuck(head) => {
            let _ = stream.write_all(head.as_bytes()).await;
        }
        Manners::Endless(head) => {
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&[b'x'; 16 << 10]).await.is_ok() {}
        }
    }
    // Until the other side goes away.
    while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
}
