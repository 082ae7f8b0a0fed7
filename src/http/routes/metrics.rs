//! `/metrics` on the operations listener: how credentials, outbox, ledger and clock stand, in Prometheus' text format.
//!
//! Everything is asked when it is scraped, into a recorder of its own: nothing that is gone lingers, and every replica tells the same
//! of what is shared. Labels are names from the settings, never anything a user sends.

use actix_web::{HttpResponse, http::header, web::Data};
use chrono::{DateTime, Utc};
use metrics::{Unit, describe_gauge, gauge, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::{
    app::{
        Valet,
        ports::{CredentialState, CredentialStatus, SinkDepth},
    },
    http::{drain::Draining, house::Current},
};

/// Prometheus' text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a scrape finds.
struct Findings<'a> {
    valet: &'a Valet,
    draining: bool,
    credentials: Vec<(&'a str, CredentialStatus)>,
    /// `None` when the ledger does not answer.
    outbox: Option<Vec<SinkDepth>>,
}

/// The page.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "Operations",
    summary = "Everything that is measured",
    description = "In Prometheus' text format.",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain; version=0.0.4; charset=utf-8")),
    security(())
)]
pub async fn metrics(valet: Current, draining: Data<Draining>) -> HttpResponse {
    let outbox = valet.outbox.depth().await;
    if let Err(error) = &outbox {
        tracing::error!(error.cause = %error, "the store does not answer");
    }
    let findings = Findings {
        valet: &valet,
        draining: draining.0.is_cancelled(),
        credentials: valet.credential_statuses(valet.clock.now()).await,
        outbox: outbox.ok(),
    };
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, CONTENT_TYPE)).body(findings.render())
}

impl Findings<'_> {
    fn render(&self) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        with_local_recorder(&recorder, || {
            describe();
            gauge!("oss_valet_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
            gauge!("oss_valet_draining").set(flag(self.draining));
            gauge!("oss_valet_store_up").set(flag(self.outbox.is_some()));
            for (name, status) in &self.credentials {
                record_credentials(name, status);
            }
            for depth in self.outbox.iter().flatten() {
                record_sink(depth);
            }
            for (name, bucket) in &self.valet.buckets {
                if let Some(offset) = bucket.objects.clock_offset() {
                    gauge!("oss_valet_clock_offset_seconds", "bucket" => name.clone()).set(offset.as_seconds_f64());
                }
            }
        });
        in_order(&recorder.handle().render())
    }
}

/// Always in the same order, so that two pages can be compared by eye: families by name, in each its comments first.
fn in_order(page: &str) -> String {
    let mut families: Vec<Vec<&str>> = page.trim().split("\n\n").map(|family| family.lines().collect()).collect();
    for family in &mut families {
        family.sort_by_key(|line| (!line.starts_with('#'), *line));
    }
    families.sort();
    families.iter().map(|family| family.join("\n") + "\n").collect::<Vec<_>>().join("\n")
}

fn record_credentials(name: &str, status: &CredentialStatus) {
    let name = name.to_owned();
    gauge!("oss_valet_credentials_usable", "credentials" => name.clone()).set(flag(status.usable));
    for state in CredentialState::ALL {
        gauge!("oss_valet_credentials_state", "credentials" => name.clone(), "state" => state.as_str())
            .set(flag(status.state == state));
    }
    if let Some(at) = status.expires_at {
        gauge!("oss_valet_credentials_expiry_timestamp_seconds", "credentials" => name.clone()).set(timestamp(at));
    }
    if let Some(at) = status.failing_since {
        gauge!("oss_valet_credentials_failing_since_timestamp_seconds", "credentials" => name).set(timestamp(at));
    }
}

fn record_sink(depth: &SinkDepth) {
    let sink = depth.sink.clone();
    gauge!("oss_valet_outbox_pending", "sink" => sink.clone()).set(count(depth.pending));
    gauge!("oss_valet_outbox_dead", "sink" => sink.clone()).set(count(depth.dead));
    gauge!("oss_valet_sink_disabled", "sink" => sink.clone()).set(flag(depth.disabled.is_some()));
    if let Some(at) = depth.oldest_pending {
        gauge!("oss_valet_outbox_oldest_pending_timestamp_seconds", "sink" => sink).set(timestamp(at));
    }
}

fn describe() {
    let seconds = |name: &'static str, what: &'static str| describe_gauge!(name, Unit::Seconds, what);
    describe_gauge!("oss_valet_build_info", "1, with the version of this program.");
    describe_gauge!("oss_valet_draining", "1 while the service is stopping.");
    describe_gauge!("oss_valet_store_up", "1 while the ledger answers.");
    describe_gauge!("oss_valet_credentials_usable", "1 while these credentials can sign.");
    describe_gauge!("oss_valet_credentials_state", "1 for the state that the provider is in, 0 for the others.");
    seconds("oss_valet_credentials_expiry_timestamp_seconds", "When what the provider holds expires.");
    seconds("oss_valet_credentials_failing_since_timestamp_seconds", "Since when renewing fails.");
    describe_gauge!("oss_valet_outbox_pending", "Deliveries still to be made.");
    describe_gauge!("oss_valet_outbox_dead", "Deliveries given up: dead letters.");
    describe_gauge!("oss_valet_sink_disabled", "1 while the sink gets nothing, because it answered 410.");
    seconds("oss_valet_outbox_oldest_pending_timestamp_seconds", "When the oldest event that waits was recorded.");
    seconds("oss_valet_clock_offset_seconds", "How far OSS's clock was ahead of ours when it last answered.");
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}

/// Seconds since the epoch.
fn timestamp(at: DateTime<Utc>) -> f64 {
    at.signed_duration_since(DateTime::UNIX_EPOCH).as_seconds_f64()
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}
