//! `/livez` and `/readyz` on the operations listener, and the benchmark's ceiling.

use crate::{
    app::{
        Bucket, Valet,
        ports::{CredentialState, CredentialStatus},
    },
    http::{
        drain::Draining,
        house::Current,
        openapi::schemas::{Liveness, Readiness},
    },
};
use actix_web::{
    HttpResponse,
    web::{Bytes, Data},
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

/// How far our clock may be off from OSS's: signatures made with a wrong one are refused there from 15 minutes on.
const MAX_CLOCK_OFFSET: TimeDelta = TimeDelta::seconds(60);

/// An object that nobody has.
const CLOCK_PROBE: &str = "oss-valet-clock-probe";

/// The process answers.
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "isLive",
    tag = "Operations",
    description = "Nothing else is looked at: restarting helps against nothing else.",
    responses((status = 200, description = "It lives.", body = Liveness)),
    security(())
)]
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

/// Whether the service should get traffic; 503 with the reasons when not. Credentials that can't be renewed are told in either case.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "isReady",
    tag = "Operations",
    summary = "Whether the service should get traffic",
    description = "Credentials that can't be renewed are told in either case.",
    responses(
        (status = 200, description = "It should.", body = Readiness),
        (status = 503, description = "It should not, for these reasons.", body = Readiness)
    ),
    security(())
)]
pub async fn readyz(valet: Current, draining: Data<Draining>) -> HttpResponse {
    let mut reasons = Vec::new();
    if draining.0.is_cancelled() {
        reasons.push("draining".to_owned());
    }
    if let Err(error) = valet.store.ping().await {
        tracing::error!(error.cause = %error, "the store does not answer");
        reasons.push("store down".to_owned());
    }
    let (any_credentials, doubtful) = credentials(&valet).await;
    if !any_credentials {
        reasons.push("no bucket has credentials".to_owned());
    }
    if clock_is_off(&valet).await {
        reasons.push("clock off from OSS's".to_owned());
    }
    let is_ready = reasons.is_empty();
    let mut view =
        if is_ready { json!({"status": "ready"}) } else { json!({"status": "not ready", "reasons": reasons}) };
    if !doubtful.is_empty() {
        view["credentials"] = Value::Object(doubtful);
    }
    if is_ready { HttpResponse::Ok().json(view) } else { HttpResponse::ServiceUnavailable().json(view) }
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

/// Whether any bucket can sign, and how the credentials stand that are not simply fine.
async fn credentials(valet: &Valet) -> (bool, Map<String, Value>) {
    let statuses = valet.credential_statuses(valet.clock.now()).await;
    let can_sign = |bucket: &Bucket| statuses.iter().any(|(name, status)| *name == bucket.signer && status.usable);
    let any = valet.buckets.values().any(|bucket| can_sign(bucket));
    let is_doubtful = |status: &CredentialStatus| {
        !status.usable || matches!(status.state, CredentialState::Failing | CredentialState::Expired)
    };
    let doubtful = statuses.iter().filter(|(_, status)| is_doubtful(status));
    (any, doubtful.map(|(name, status)| ((*name).to_owned(), view_of(status))).collect())
}

fn view_of(status: &CredentialStatus) -> Value {
    let written = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    json!({
        "state": status.state.as_str(),
        "usable": status.usable,
        "expires_at": written(status.expires_at),
        "failing_since": written(status.failing_since),
        "reason": status.reason,
    })
}
