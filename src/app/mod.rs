//! The use cases: fetch facts → ask `grant`/`oss` → store. Async, but no HTTP types, no SQL, no reqwest.
//!
//! One verb a file. Callback, `complete` and the reconciler all end in [`record_completion`].

pub mod accept_callback;
pub mod ask_hook;
pub mod audit;
pub mod cancel;
pub mod complete;
pub mod confirm;
pub mod deliver;
pub mod directory_session;
pub mod issue;
pub mod issue_directory;
pub mod list_profiles;
pub mod live;
pub mod look_into_directory;
pub mod look_up;
pub mod open_ticket;
pub mod parts;
pub mod ports;
pub mod purge;
pub mod reconcile;
pub mod record_completion;
pub mod redeem_ticket;
pub mod refresh_credentials;
pub mod renew;
pub mod session;
pub mod signing;
pub mod transfer;
mod verdict;
pub mod watch;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::{
    ask_hook::{ConfiguredHook, HookTurns},
    directory_session::DirectorySessions,
    ports::{Credentials, NextCheck, ObjectStore, Outbox, Sink, Store, TokenService},
    purge::Retention,
    reconcile::Pacing,
    signing::SigningKeyCache,
    watch::GrantWatch,
};
use crate::{
    clock::Clock,
    entropy::Entropy,
    grant::{
        event::Origin,
        grant::{Grant, State},
        looks::LookSchedule,
        profile::Profile,
        quota::Quotas,
        request::CLOCK_SKEW,
        seal::SealKeys,
        ticket::TicketKeys,
    },
    instruments::NOT_CONFIGURED,
    oss::{
        access_key::AccessKey,
        callback_signature::TrustedKeys,
        endpoint::Endpoint,
        presign::SigningContext,
        request::SignatureVersion,
        sign_v4::{Scope, SigningKey},
    },
    trace,
};

/// Everything the use cases stand on; made in `startup`, and made anew by a reload.
pub struct Valet {
    /// Tells the time, once per request.
    pub clock: Arc<dyn Clock>,
    /// Makes ids unpredictable.
    pub entropy: Arc<dyn Entropy>,
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The ledger's events.
    pub outbox: Arc<dyn Outbox>,
    /// By name.
    pub profiles: BTreeMap<String, Profile>,
    /// How many grants one user may have.
    pub quotas: Quotas,
    /// By configuration name.
    pub buckets: BTreeMap<String, Arc<Bucket>>,
    /// What buckets are signed and confirmed with, by section name: what is renewed ahead of need.
    pub credentials: BTreeMap<String, Arc<dyn Credentials>>,
    /// `[hooks.NAME]`, by name.
    pub hooks: BTreeMap<String, ConfiguredHook>,
    /// Who may ask a hook now.
    pub hook_turns: Arc<HookTurns>,
    /// `[[sinks]]`, by name: who is told of events.
    pub sinks: BTreeMap<String, Arc<dyn Sink>>,
    /// Credentials for directories that were lent and last.
    pub directory_sessions: DirectorySessions,
    /// Seals and checks callbacks.
    pub seal_keys: SealKeys,
    /// Makes and opens tickets.
    pub ticket_keys: TicketKeys,
    /// Whose callbacks we believe to be signed by OSS.
    pub trusted_keys: TrustedKeys,
    /// Where OSS calls back, unless the profile says otherwise.
    pub callback_urls: Vec<String>,
    /// The percent-encoded paths of all configured callback URLs: what OSS signed, whatever a proxy made of it.
    pub callback_paths: Vec<String>,
    /// The CloudEvents `source` of this service.
    pub event_source: String,
    /// When the reconciler looks for a grant's object.
    pub looks: LookSchedule,
    /// How fast it does.
    pub pacing: Arc<Pacing>,
    /// How long the ledger remembers.
    pub retention: Retention,
    /// Wakes those who wait for a grant's change.
    pub watch: GrantWatch,
}

/// A bucket, and what we need to sign for it and to ask it.
pub struct Bucket {
    /// Its real name.
    pub bucket: String,
    /// `cn-hangzhou`.
    pub region: String,
    /// The endpoint as SDKs take it, without the bucket.
    pub endpoint_url: String,
    /// What clients get.
    pub endpoint: Endpoint,
    /// V4 unless configured otherwise.
    pub signature_version: SignatureVersion,
    /// Name of the section that signs grants.
    pub signer: String,
    /// What we sign grants with.
    pub credentials: Arc<dyn Credentials>,
    /// Issues the credentials of `sts` grants, where a role is configured for them.
    pub tokens: Option<Arc<dyn TokenService>>,
    /// Our own calls to it.
    pub objects: Arc<dyn ObjectStore>,
    /// The derived V4 key of the day.
    pub signing_keys: SigningKeyCache,
}

impl Bucket {
    /// The V4 key of the day, where this bucket signs V4.
    pub fn signing_key(&self, key: &AccessKey, now: DateTime<Utc>) -> Option<SigningKey> {
        (self.signature_version == SignatureVersion::V4)
            .then(|| self.signing_keys.get(key, &Scope::oss(now, &self.region)))
    }

    /// What a signature for a client depends on.
    pub fn signing_context<'a>(
        &'a self,
        key: &'a AccessKey,
        signing_key: Option<&'a SigningKey>,
        now: DateTime<Utc>,
    ) -> SigningContext<'a> {
        let Self { signature_version: version, endpoint, region, .. } = self;
        SigningContext { version: *version, endpoint, region, key, signing_key, now }
    }
}

impl Valet {
    /// The bucket of that real name.
    pub fn bucket_named(&self, bucket: &str) -> Option<&Bucket> {
        self.buckets.values().map(|candidate| &**candidate).find(|candidate| candidate.bucket == bucket)
    }

    /// The profile of that name as metrics name it: a name that nobody has configured may be anything.
    pub fn profile_label(&self, name: &str) -> &str {
        self.profiles.get_key_value(name).map_or(NOT_CONFIGURED, |(known, _)| known)
    }

    /// A fresh id, sortable by time.
    pub fn new_id(&self, now: DateTime<Utc>) -> Uuid {
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// Where an event comes from that is recorded now.
    fn event_origin(&self) -> Origin<'_> {
        Origin { source: &self.event_source, trace: trace::current() }
    }

    /// The reconciler's first appointment with a new grant.
    fn first_look(&self, grant: &Grant, now: DateTime<Utc>) -> DateTime<Utc> {
        self.looks.next_look(grant, now).unwrap_or_else(|| self.looks.deciding_look(grant))
    }

    /// The reconciler's next appointment with a grant that goes into this state now.
    fn next_check(&self, grant: &Grant, state: State, now: DateTime<Utc>) -> NextCheck {
        self.looks.next_look_as(grant, state, now).map_or(NextCheck::Never, NextCheck::At)
    }
}

/// The last instant at which OSS may still accept an upload begun under signatures that end at `expires_at`.
pub fn write_until(expires_at: DateTime<Utc>) -> DateTime<Utc> {
    expires_at + CLOCK_SKEW
}
