//! Callbacks over TLS: SNI only when asked for, and only certificates that are right (P§1.2).

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

use oss_valet::oss::callback::Callback;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::{
    callbacks::{callback, put_with},
    callbacks_failures::failure,
    harness::{World, text},
    receiver::GOOD_ANSWER,
};

const HOST: &str = "backend.example.com";

/// A server with two names and two certificates. Who sends no name gets the other one's.
#[derive(Debug)]
struct VirtualHosts {
    asked: Arc<CertifiedKey>,
    other: Arc<CertifiedKey>,
    /// The SNI of every handshake.
    names: Arc<Mutex<Vec<Option<String>>>>,
}

impl ResolvesServerCert for VirtualHosts {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_owned);
        let key = if name.as_deref() == Some(HOST) { &self.asked } else { &self.other };
        self.names.lock().expect("no panic").push(name);
        Some(Arc::clone(key))
    }
}

/// Its port, the PEM of its authority, and the names that it is asked for.
struct TlsReceiver {
    port: u16,
    authority_pem: String,
    names: Arc<Mutex<Vec<Option<String>>>>,
}

impl TlsReceiver {
    fn start() -> Self {
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let mut authority = CertificateParams::new(vec![]).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority_pem = authority.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(authority, key);
        let names = Arc::new(Mutex::new(Vec::new()));
        let hosts = VirtualHosts {
            asked: certificate(HOST, &issuer),
            other: certificate("other.example.com", &issuer),
            names: Arc::clone(&names),
        };
        let config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::new(hosts));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || serve(&listener, &Arc::new(config)));
        Self { port, authority_pem, names }
    }

    fn callback(&self, sni: bool) -> Callback {
        Callback { sni, ..callback(&format!("https://{HOST}:{}/callback", self.port)) }
    }

    fn names(&self) -> Vec<Option<String>> {
        self.names.lock().expect("no panic").clone()
    }
}

fn certificate(name: &str, issuer: &Issuer<'_, KeyPair>) -> Arc<CertifiedKey> {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, issuer).expect("a certificate").der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = rustls::crypto::ring::sign::any_supported_type(&key).expect("a key that signs");
    Arc::new(CertifiedKey::new(vec![certificate], key))
}

/// Answers with [`GOOD_ANSWER`]; a handshake that fails is the client's affair.
fn serve(listener: &TcpListener, config: &Arc<ServerConfig>) {
    use std::io::{Read, Write};
    while let Ok((stream, _)) = listener.accept() {
        let connection = ServerConnection::new(Arc::clone(config)).expect("a configuration");
        let mut stream = StreamOwned::new(connection, stream);
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(read) = stream.read(&mut chunk) {
            request.extend_from_slice(&chunk[..read]);
            // The body is form-encoded text without a blank line in it.
            if read == 0 || request.windows(4).any(|four| four == b"\r\n\r\n") {
                break;
            }
        }
        let length = GOOD_ANSWER.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{GOOD_ANSWER}");
        if stream.write_all(answer.as_bytes()).is_ok() {
            stream.conn.send_close_notify();
            let _client_may_be_gone = stream.flush();
        }
    }
}

async fn world(receiver: &TlsReceiver, trusted: bool) -> World {
    let roots = trusted.then(|| receiver.authority_pem.clone());
    World::with(|settings| {
        settings.callback_hosts = [(HOST.to_owned(), "127.0.0.1".parse().expect("an address"))].into();
        settings.callback_roots_pem = roots;
    })
    .await
}

#[tokio::test]
async fn the_name_is_sent_when_the_callback_says_so() {
    let receiver = TlsReceiver::start();
    let world = world(&receiver, true).await;
    let answer = put_with(&world, &receiver.callback(true), "x").await;
    assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, GOOD_ANSWER));
    assert_eq!(receiver.names(), [Some(HOST.to_owned())]);
}

#[tokio::test]
async fn without_sni_a_virtual_host_shows_the_wrong_certificate() {
    let receiver = TlsReceiver::start();
    let world = world(&receiver, true).await;
    let failed = failure(&world, &receiver.callback(false), "x").await;
    assert_eq!(failed.document.message, "Error status : 502.");
    assert_eq!(receiver.names(), [None]);
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let receiver = TlsReceiver::start();
    let world = world(&receiver, false).await;
    let failed = failure(&world, &receiver.callback(true), "x").await;
    assert_eq!(failed.document.message, "Error status : 502.");
    assert_eq!(receiver.names(), [Some(HOST.to_owned())]);
}
