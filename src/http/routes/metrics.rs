//! `/metrics` on the operations listener, in Prometheus' text format: what has happened since the start ([`crate::instruments`]), and how
//! credentials, keys, outbox, ledger and clock stand.
//!
//! The latter is asked when it is scraped: nothing that is gone lingers, and every replica tells the same of what is shared. Labels are
//! names from the settings, never anything a user sends.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use chrono::{DateTime, Utc};
use metrics::gauge;

use crate::{
    app::{
        Valet,
        ports::{CredentialState, CredentialStatus, KeySetStatus, SinkDepth},
    },
    http::{drain::Draining, house::House},
    instruments::{
        self,
        catalogue::{
            BUILD_INFO, CLOCK_OFFSET, CREDENTIALS_AGE, CREDENTIALS_EXPIRY, CREDENTIALS_FAILING_SINCE,
            CREDENTIALS_STATE, CREDENTIALS_USABLE, DRAINING, JWKS_AGE, JWKS_KEYS, JWKS_LAST_FAILURE, OUTBOX_DEAD,
            OUTBOX_OLDEST, OUTBOX_OLDEST_AGE, OUTBOX_PENDING, SINK_DISABLED, STORE_UP,
        },
    },
};

/// Of which commit this program is, where whoever built it has said so.
const REVISION: Option<&str> = option_env!("OSS_VALET_REVISION");

/// What a scrape finds.
struct Findings<'a> {
    valet: &'a Valet,
    now: DateTime<Utc>,
    draining: bool,
    credentials: Vec<(&'a str, CredentialStatus)>,
    key_sets: Vec<KeySetStatus>,
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
pub async fn metrics(http: HttpRequest, draining: Data<Draining>) -> HttpResponse {
    let house = House::of(&http);
    let valet = &house.valet;
    let now = valet.clock.now();
    let outbox = valet.outbox.depth().await;
    if let Err(error) = &outbox {
        tracing::error!(error.cause = %error, "the store does not answer");
    }
    let findings = Findings {
        valet,
        now,
        draining: draining.0.is_cancelled(),
        credentials: valet.credential_statuses(now).await,
        key_sets: house.authenticator.key_sets(),
        outbox: outbox.ok(),
    };
    let page = instruments::page(|| findings.tell());
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, instruments::CONTENT_TYPE)).body(page)
}

impl Findings<'_> {
    fn tell(&self) {
        gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION"), "revision" => REVISION.unwrap_or("unknown")).set(1);
        gauge!(DRAINING).set(flag(self.draining));
        gauge!(STORE_UP).set(flag(self.outbox.is_some()));
        for (name, status) in &self.credentials {
            self.tell_credentials(name, status);
        }
        for keys in &self.key_sets {
            self.tell_keys(keys);
        }
        for depth in self.outbox.iter().flatten() {
            self.tell_sink(depth);
        }
        for (name, bucket) in &self.valet.buckets {
            if let Some(offset) = bucket.objects.clock_offset() {
                gauge!(CLOCK_OFFSET, "bucket" => name.clone()).set(offset.as_seconds_f64());
            }
        }
    }

    fn tell_credentials(&self, name: &str, status: &CredentialStatus) {
        let set = |metric, value: f64| gauge!(metric, "credentials" => name.to_owned()).set(value);
        set(CREDENTIALS_USABLE, flag(status.usable));
        for state in CredentialState::ALL {
            gauge!(CREDENTIALS_STATE, "credentials" => name.to_owned(), "state" => state.as_str())
                .set(flag(status.state == state));
        }
        if let Some(at) = status.renewed_at {
            set(CREDENTIALS_AGE, self.since(at));
        }
        if let Some(at) = status.expires_at {
            set(CREDENTIALS_EXPIRY, timestamp(at));
        }
        if let Some(at) = status.failing_since {
            set(CREDENTIALS_FAILING_SINCE, timestamp(at));
        }
    }

    fn tell_keys(&self, keys: &KeySetStatus) {
        let set = |metric, value: f64| gauge!(metric, "issuer" => keys.issuer.clone()).set(value);
        set(JWKS_KEYS, count(keys.keys as u64));
        if let Some(at) = keys.fetched_at {
            set(JWKS_AGE, self.since(at));
        }
        if let Some(at) = keys.failed_at {
            set(JWKS_LAST_FAILURE, timestamp(at));
        }
    }

    fn tell_sink(&self, depth: &SinkDepth) {
        let set = |metric, value: f64| gauge!(metric, "sink" => depth.sink.clone()).set(value);
        set(OUTBOX_PENDING, count(depth.pending));
        set(OUTBOX_DEAD, count(depth.dead));
        set(SINK_DISABLED, flag(depth.disabled.is_some()));
        set(OUTBOX_OLDEST_AGE, depth.oldest_pending.map_or(0.0, |at| self.since(at)));
        if let Some(at) = depth.oldest_pending {
            set(OUTBOX_OLDEST, timestamp(at));
        }
    }

    /// Seconds from then until now; none where a replica's clock is ahead of ours.
    fn since(&self, at: DateTime<Utc>) -> f64 {
        (self.now - at).as_seconds_f64().max(0.0)
    }
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
