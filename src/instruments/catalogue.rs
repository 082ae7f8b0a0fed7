//! Every metric of the service, in one table: whoever wants to know what there is looks here.
//!
//! Label values are words of this program, route patterns, or names from the settings. Never anything that a user sends: each new value
//! would be a new time series, for ever.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often which size was seen: the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As Prometheus writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Instrument {
    /// By Prometheus' conventions: the unit last, `_total` for what only grows.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells, in one sentence.
    pub help: &'static str,
}

/// From a thousandth of a second to the longest `wait`; finer where a callback has to be answered.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// One commit: from a fast disk's to one that hardly answers.
const COMMIT_SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// Up to the most that one transaction takes.
const OPERATIONS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

macro_rules! catalogue {
    ($($id:ident $name:literal $kind:expr, [$($label:literal),*] $help:literal;)+) => {
        $(#[doc = $help] pub const $id: &str = $name;)+

        /// All of them.
        pub const ALL: &[Instrument] =
            &[$(Instrument { name: $name, kind: $kind, labels: &[$($label),*], help: $help },)+];
    };
}

use Kind::{Counter, Gauge, Histogram};

catalogue! {
    BUILD_INFO "oss_valet_build_info" Gauge, ["version", "revision"] "1, with version and git revision of this program.";
    DRAINING "oss_valet_draining" Gauge, [] "1 while the service is stopping.";

    HTTP_REQUESTS "oss_valet_http_requests_total" Counter, ["listener", "method", "route", "status"] "Requests by route pattern; status 499 for those whose client went away before the answer.";
    HTTP_SECONDS "oss_valet_http_request_duration_seconds" Histogram(SECONDS), ["listener", "method", "route"] "From the request's header to its answer.";
    HTTP_IN_FLIGHT "oss_valet_http_requests_in_flight" Gauge, ["listener"] "Requests being answered now, those that wait too.";
    LIMITED "oss_valet_limited_total" Counter, ["limit"] "What was refused because of a limit.";

    GRANTS "oss_valet_grants_total" Counter, ["profile", "method", "outcome"] "Asks for a grant: issued, replayed, or refused by this code.";
    LONG_FIELDS "oss_valet_long_form_fields_total" Counter, [] "Form fields over 4 KB: OSS may refuse them.";
    CALLBACKS "oss_valet_callbacks_total" Counter, ["outcome"] "Callbacks: recorded, or refused by this code.";
    CALLBACK_SECONDS "oss_valet_callback_duration_seconds" Histogram(SECONDS), ["result"] "From a callback's header to its answer; OSS waits five seconds.";
    CONFIRM_SECONDS "oss_valet_confirm_duration_seconds" Histogram(SECONDS), ["outcome"] "Asking OSS for an object, by what it said.";
    HOOK_SECONDS "oss_valet_hook_duration_seconds" Histogram(SECONDS), ["hook", "outcome"] "Asking the business backend, by what it said.";
    COMPLETIONS "oss_valet_completions_total" Counter, ["source", "profile", "state"] "Objects recorded: who told of them, and what became of them.";

    DELIVERIES "oss_valet_deliveries_total" Counter, ["sink", "outcome"] "Attempts to tell a sink of an event.";
    DELIVERY_SECONDS "oss_valet_delivery_duration_seconds" Histogram(SECONDS), ["sink"] "One attempt, from sending to the sink's answer.";
    OUTBOX_PENDING "oss_valet_outbox_pending" Gauge, ["sink"] "Deliveries still to be made.";
    OUTBOX_OLDEST_AGE "oss_valet_outbox_oldest_pending_age_seconds" Gauge, ["sink"] "How long ago the oldest event that waits was recorded; 0 while none does.";
    OUTBOX_OLDEST "oss_valet_outbox_oldest_pending_timestamp_seconds" Gauge, ["sink"] "When the oldest event that waits was recorded.";
    OUTBOX_DEAD "oss_valet_outbox_dead" Gauge, ["sink"] "Deliveries given up: dead letters.";
    SINK_DISABLED "oss_valet_sink_disabled" Gauge, ["sink"] "1 while the sink gets nothing, because it answered 410.";

    LOOKS "oss_valet_reconciler_looks_total" Counter, ["finding"] "The reconciler's looks, by what they found.";

    STORE_UP "oss_valet_store_up" Gauge, [] "1 while the ledger answers.";
    STORE_BATCH "oss_valet_store_batch_operations" Histogram(OPERATIONS), [] "Operations that shared one transaction.";
    STORE_COMMIT_SECONDS "oss_valet_store_commit_duration_seconds" Histogram(COMMIT_SECONDS), [] "One transaction, from its begin to its durable commit.";
    STORE_ERRORS "oss_valet_store_errors_total" Counter, ["kind"] "Operations that the ledger could not do.";

    CREDENTIALS_USABLE "oss_valet_credentials_usable" Gauge, ["credentials"] "1 while these credentials can sign.";
    CREDENTIALS_STATE "oss_valet_credentials_state" Gauge, ["credentials", "state"] "1 for the state that the provider is in, 0 for the others.";
    CREDENTIALS_AGE "oss_valet_credentials_age_seconds" Gauge, ["credentials"] "How long ago they were last renewed.";
    CREDENTIALS_EXPIRY "oss_valet_credentials_expiry_timestamp_seconds" Gauge, ["credentials"] "When what the provider holds expires.";
    CREDENTIALS_FAILING_SINCE "oss_valet_credentials_failing_since_timestamp_seconds" Gauge, ["credentials"] "Since when renewing fails.";
    CREDENTIALS_REFRESHES "oss_valet_credentials_refreshes_total" Counter, ["credentials", "outcome"] "Attempts to renew credentials.";

    JWKS_KEYS "oss_valet_jwks_keys" Gauge, ["issuer"] "Usable keys of the issuer.";
    JWKS_AGE "oss_valet_jwks_age_seconds" Gauge, ["issuer"] "How long ago the issuer's key set was last fetched.";
    JWKS_LAST_FAILURE "oss_valet_jwks_last_failure_timestamp_seconds" Gauge, ["issuer"] "When fetching the issuer's key set last failed.";
    JWKS_FETCHES "oss_valet_jwks_fetches_total" Counter, ["issuer", "outcome"] "Attempts to fetch the issuer's key set.";

    CLOCK_OFFSET "oss_valet_clock_offset_seconds" Gauge, ["bucket"] "How far OSS's clock was ahead of ours when it last answered.";

    CONFIG_RELOADS "oss_valet_config_reloads_total" Counter, ["outcome"] "Configurations read again: applied, or refused.";
    CONFIG_RELOADED "oss_valet_config_last_reload_success_timestamp_seconds" Gauge, [] "When the configuration in use was read.";

    TRACE_SPANS "oss_valet_trace_spans_total" Counter, ["outcome"] "Spans for the traces' collector: exported, or lost.";

    PROCESS_CPU "process_cpu_seconds_total" Counter, [] "Processor time of this process, user and system.";
    PROCESS_RESIDENT "process_resident_memory_bytes" Gauge, [] "Resident memory.";
    PROCESS_VIRTUAL "process_virtual_memory_bytes" Gauge, [] "Virtual memory.";
    PROCESS_OPEN_FDS "process_open_fds" Gauge, [] "Open file descriptors.";
    PROCESS_MAX_FDS "process_max_fds" Gauge, [] "The most file descriptors that it may open.";
    PROCESS_THREADS "process_threads" Gauge, [] "Threads.";
    PROCESS_START "process_start_time_seconds" Gauge, [] "When this process began.";
}

/// Series that are there before anything has happened: a rule on a counter sees its first event only if it was 0 before.
pub(super) const FROM_THE_START: &[(&str, &str, &[&str])] = &[
    (CONFIG_RELOADS, "outcome", &["applied", "refused"]),
    (TRACE_SPANS, "outcome", &["exported", "lost"]),
    (
        LOOKS,
        "finding",
        &[
            "absent",
            "expired",
            "completed",
            "rejected",
            "changed",
            "known",
            "partly",
            "unconfirmed",
            "deferred",
            "unknown",
            "bucket_unknown",
        ],
    ),
    (TRACE_SPANS, "outcome", &["exported", "lost"]),
    (LIMITED, "limit", &["user", "address", "open_grants", "grants_per_day", "open_multiparts"]),
    (STORE_ERRORS, "kind", &["sql", "timed_out", "closed", "corrupt", "unrepresentable"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_keep_to_the_conventions() {
        let names: BTreeSet<_> = ALL.iter().map(|instrument| instrument.name).collect();
        assert_eq!(names.len(), ALL.len());
        for Instrument { name, kind, labels, help } in ALL {
            assert!(name.starts_with("oss_valet_") || name.starts_with("process_"), "{name}");
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(!help.is_empty() && help.ends_with('.') && !help.contains('\n'), "{name}");
            assert!(labels.iter().all(|label| label.bytes().all(|b| b.is_ascii_lowercase())), "{name}");
        }
    }

    #[test]
    fn buckets_go_upwards() {
        for instrument in ALL {
            if let Kind::Histogram(bounds) = instrument.kind {
                assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{}", instrument.name);
            }
        }
    }

    #[test]
    fn what_is_there_from_the_start_is_in_the_table() {
        for (name, label, _) in FROM_THE_START {
            let found = ALL.iter().find(|instrument| instrument.name == *name).expect("it is in the table");
            assert_eq!(found.labels, [*label]);
        }
    }
}
