//! The backend: it takes what is signed, and does what its mood is.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use oss_valet::clock::{Clock as _, SystemClock};
use sha2::Sha256;

use crate::sink::{Mood, Sink};

const KEY: &[u8] = b"chaos-chaos-chaos-chaos-chaos";

fn sink() -> Sink {
    Sink::start(&format!("whsec_{}", STANDARD.encode(KEY)))
}

/// Sends a message signed by this key; answers the status.
async fn send(sink: &Sink, key: &[u8], id: &str, age: i64, body: &str) -> u16 {
    let _installed_already = rustls::crypto::ring::default_provider().install_default();
    let timestamp = SystemClock.now().timestamp() - age;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    let signature = format!("v1,AAAA v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let message = client.post(format!("http://{}/events", sink.address)).body(body.to_owned());
    let message = message.header("webhook-id", id).header("webhook-timestamp", timestamp.to_string());
    message.header("webhook-signature", signature).send().await.unwrap().status().as_u16()
}

#[actix_web::test]
async fn it_takes_what_is_signed_and_nothing_else() {
    let sink = sink();
    let body = r#"{"id":"e1"}"#;
    assert_eq!(send(&sink, KEY, "e1", 0, body).await, 204);
    for (what, key, id, age) in [
        ("another key", b"other-other-other-other-other".as_slice(), "e1", 0),
        ("an old message", KEY, "e1", 1000),
        ("a message from the future", KEY, "e1", -1000),
        ("another event's id", KEY, "e2", 0),
    ] {
        assert_eq!(send(&sink, key, id, age, body).await, 400, "{what}");
    }
    assert_eq!((sink.receipts().len(), sink.strangers().len()), (1, 4), "{:?}", sink.strangers());
    sink.stop().await;
}

#[actix_web::test]
async fn what_it_says_and_what_it_keeps_are_two_things() {
    let sink = sink();
    for (mood, status, kept) in [(Mood::Failing(500), 500, 0), (Mood::Forgetful, 500, 1), (Mood::Well, 204, 2)] {
        sink.set_mood(mood);
        let got = send(&sink, KEY, "e1", 0, r#"{"id":"e1"}"#).await;
        assert_eq!((got, sink.receipts().len()), (status, kept), "{mood:?}");
    }
    sink.set_mood(Mood::Silent);
    let mut unanswered = sink.unanswered();
    let waiting = async {
        unanswered.changed().await.unwrap();
        sink.set_mood(Mood::Well);
    };
    let (got, ()) = tokio::join!(send(&sink, KEY, "e1", 0, r#"{"id":"e1"}"#), waiting);
    assert_eq!((got, sink.receipts().len()), (503, 2), "no word until the mood changes, and nothing kept");
    sink.stop().await;
}
