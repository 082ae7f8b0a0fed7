//! `/livez` and `/readyz` on the operations listener, and the benchmark's ceiling.

use actix_web::{
    HttpResponse,
    web::{Bytes, Data},
};
use chrono::TimeDelta;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::app::{Bucket, Valet};

/// How far our clock may be off from OSS's: signatures made with a wrong one are refused there from 15 minutes on.
const MAX_CLOCK_OFFSET: TimeDelta = TimeDelta::seconds(60);

/// An object that nobody has.
const CLOCK_PROBE: &str = "oss-valet-clock-probe";

/// Cancelled once the service is told to stop: it still serves, but wants no new work.
#[derive(Debug, Clone)]
pub struct Draining(pub CancellationToken);

/// The process answers.
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

/// Whether the service should get traffic; 503 with the reasons when not.
pub async fn readyz(valet: Data<Valet>, draining: Data<Draining>) -> HttpResponse {
    let mut reasons = Vec::new();
    if draining.0.is_cancelled() {
        reasons.push("draining".to_owned());
    }
    if let Err(error) = valet.store.ping().await {
        tracing::error!(cause = %error, "the store does not answer");
        reasons.push("store down".to_owned());
    }
    if !any_credentials(&valet).await {
        reasons.push("no bucket has credentials".to_owned());
    }
    if clock_is_off(&valet).await {
        reasons.push("clock off from OSS's".to_owned());
    }
    if reasons.is_empty() {
        HttpResponse::Ok().json(json!({"status": "ready"}))
    } else {
        HttpResponse::ServiceUnavailable().json(json!({"status": "not ready", "reasons": reasons}))
    }
}

/// A fixed JSON answer: as fast as this server can be.
#[expect(clippy::unused_async, reason = "a handler is a future")]
pub async fn fixed_answer(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body)
}

/// Judges by OSS's last answer. Where that was bad, asks again: without traffic nobody else would notice that the clock
/// has been set right.
async fn clock_is_off(valet: &Valet) -> bool {
    let is_off = |bucket: &Bucket| bucket.objects.clock_offset().is_some_and(|offset| offset.abs() > MAX_CLOCK_OFFSET);
    for bucket in valet.buckets.values().filter(|bucket| is_off(bucket)) {
        // Whatever the answer says, it is dated.
        let _ = bucket.objects.head(CLOCK_PROBE, valet.clock.now()).await;
        if is_off(bucket) {
            return true;
        }
    }
    false
}

async fn any_credentials(valet: &Valet) -> bool {
    let now = valet.clock.now();
    for bucket in valet.buckets.values() {
        if bucket.credentials.current(now).await.is_ok() {
            return true;
        }
    }
    false
}
