//! Credentials and key sets: how old they are, and whether renewing them works.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use oss_valet::clock::Clock;
use serde_json::json;
use wiremock::ResponseTemplate;

use super::{Scrape, assert_grew, value};
use crate::{harness::TestApp, webhook_server::WebhookServer};

const SIGNED_BY_ROLE: &str = "credentials = \"signer\"\nsts_credentials = \"uploads\"";

#[tokio::test]
async fn the_age_of_credentials_counts_from_their_renewal_and_failures_are_counted() {
    let mut app = TestApp::spawn_with(|settings| {
        settings.replace(SIGNED_BY_ROLE, "credentials = \"uploads\"\nconfirm_credentials = \"signer\"")
    })
    .await;
    assert_eq!(value(&app, "oss_valet_credentials_age_seconds{credentials=\"uploads\"}").await, None);
    let before = Scrape::of(&app).await;
    app.valet.refresh_credentials(app.clock.now()).await;
    app.clock.advance(TimeDelta::seconds(90));
    let renewed = Scrape::of(&app).await;
    assert_grew(
        &before,
        &renewed,
        1.0,
        "oss_valet_credentials_refreshes_total",
        &["credentials=\"uploads\"", "outcome=\"renewed\""],
    );
    assert_eq!(value(&app, "oss_valet_credentials_age_seconds{credentials=\"uploads\"}").await, Some(90.0));
    assert_eq!(
        value(&app, "oss_valet_credentials_age_seconds{credentials=\"signer\"}").await,
        None,
        "it is never renewed"
    );

    app.stop_simulator().await;
    app.clock.advance(TimeDelta::hours(12));
    app.valet.refresh_credentials(app.clock.now()).await;
    let failed = Scrape::of(&app).await;
    assert_grew(
        &renewed,
        &failed,
        1.0,
        "oss_valet_credentials_refreshes_total",
        &["credentials=\"uploads\"", "outcome=\"failed\""],
    );
}

#[tokio::test]
async fn a_key_set_tells_its_keys_its_age_and_its_last_failure() {
    let host = WebhookServer::start(ResponseTemplate::new(500)).await;
    let part = URL_SAFE_NO_PAD.encode([7; 32]);
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": part});
    host.will_answer(ResponseTemplate::new(200).set_body_json(json!({"keys": [key]})));
    host.will_answer(ResponseTemplate::new(200).set_body_json(json!({"keys": []})));
    let app = TestApp::spawn_with(|settings| {
        let more = format!("[[auth.issuers]]\nissuer = \"https://keys.example.com\"\naudience = \"uploads\"\njwks_url = \"{}/jwks\"\n\n", host.url());
        let settings = settings.replace("algorithms = [\"HS256\"]", "algorithms = [\"HS256\", \"EdDSA\"]");
        settings.replacen("[[auth.issuers]]", &format!("{more}[[auth.issuers]]"), 1)
    })
    .await;
    let of = |name: &str| format!("oss_valet_jwks_{name}{{issuer=\"https://keys.example.com\"}}");
    assert_eq!(value(&app, &of("keys")).await, Some(0.0));
    assert_eq!(value(&app, &of("age_seconds")).await, None);
    let mut last = Scrape::of(&app).await;
    // Nobody has signed it; but whose key it asks for is found out first.
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"other"}"#);
    let claims = URL_SAFE_NO_PAD.encode(r#"{"iss":"https://keys.example.com"}"#);
    let token = format!("{header}.{claims}.AAAA");
    for outcome in ["fetched", "empty", "failed"] {
        app.clock.advance(TimeDelta::minutes(1));
        app.get_by("/v1/profiles", &token).await.assert_refused(401, "unauthorized");
        let now = Scrape::of(&app).await;
        let labels = ["issuer=\"https://keys.example.com\"", &format!("outcome=\"{outcome}\"")];
        assert_grew(&last, &now, 1.0, "oss_valet_jwks_fetches_total", &labels);
        last = now;
    }
    assert_eq!(value(&app, &of("keys")).await, Some(1.0), "the last good ones are kept");
    assert_eq!(value(&app, &of("age_seconds")).await, Some(120.0));
    let failed_at = value(&app, &of("last_failure_timestamp_seconds")).await.unwrap();
    let now = app.clock.now().signed_duration_since(chrono::DateTime::UNIX_EPOCH).as_seconds_f64();
    assert!((failed_at - now).abs() < 1.0, "{failed_at}");
}
