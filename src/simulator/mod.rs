//! An OSS that runs on this machine: it refuses what OSS refuses, says what OSS says, stores on disk and calls back signed.
//!
//! Of ours it knows only [`crate::oss`] and [`crate::clock`], so that it can contradict the rest of the service.
//! Facts cite the protocol reference as `P§`.
//!
//! One request: [`server`] parses it ([`request`], [`address`]), answers CORS ([`cors`]), hands it to its operation
//! ([`operations`]), and dresses the answer ([`errors`]). An operation asks [`access`] who signed and what RAM lets them do,
//! keeps bytes and records in [`storage`], and reports what arrived through [`callback`]. Tests use [`admin`]: there are
//! [`faults`] on demand and a [log](request_log) of what happened.

mod access;
mod address;
mod admin;
mod body;
mod bucket;
mod buckets;
mod callback;
mod cors;
mod errors;
mod faults;
mod operation_name;
mod operations;
mod request;
mod request_log;
mod server;
mod settings;
mod storage;
mod xml;

pub use access::{
    permissions::{Action, Permissions},
    policy::MalformedPolicy,
    roles::{DEFAULT_MAX_SESSION_SECONDS, OidcProviderSpec, RoleSpec, RoleTrust, TrustedKeys},
    sts::{IssueError, SessionInfo, StsHandle},
};
pub use bucket::{Acl, LifecycleRule, StorageClass, Versioning};
pub use cors::CorsRule;
pub use server::{BindError, Simulator};
pub use settings::{
    BucketSpec, CALLBACK_TIMEOUT, DEFAULT_ACCOUNT_ID, KeySpec, MAX_PART_NUMBER, MIN_PART_BYTES, SimulatorSettings,
};
