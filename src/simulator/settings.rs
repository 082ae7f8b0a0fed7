//! What a simulator is started with.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};

use super::{
    access::{
        permissions::Permissions,
        roles::{OidcProviderSpec, RoleSpec},
    },
    bucket::{Acl, LifecycleRule, StorageClass, Versioning},
    cors::CorsRule,
    storage::record::Record,
};
use crate::{clock::Clock, oss::access_key::AccessKey};

/// OSS's own limit for one callback, all URLs together (P§1.1).
pub const CALLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Whose buckets, keys and roles these are, unless said otherwise; the id that Alibaba Cloud's documentation uses.
pub const DEFAULT_ACCOUNT_ID: &str = "1234567890123456";

/// OSS's smallest part but the last (P§5): 100 KiB.
pub const MIN_PART_BYTES: u64 = 100 * 1024;

/// OSS's largest part number (P§5).
pub const MAX_PART_NUMBER: u32 = 10_000;

/// Everything a simulator needs to know.
#[derive(Clone)]
pub struct SimulatorSettings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Objects and the callback key live here and survive a restart. Created when missing.
    pub data_dir: PathBuf,
    /// The buckets that exist. All are private.
    pub buckets: Vec<BucketSpec>,
    /// The credentials that exist.
    pub access_keys: Vec<KeySpec>,
    /// The account's id, in resource names and role ARNs.
    pub account_id: String,
    /// The roles that STS hands out sessions of.
    pub roles: Vec<RoleSpec>,
    /// Whose tokens `AssumeRoleWithOIDC` takes.
    pub oidc_providers: Vec<OidcProviderSpec>,
    /// STS calls in one second; more are answered `Throttling.User`. The real STS has 100 (P§6.1); without a limit when `None`.
    pub sts_calls_per_second: Option<u32>,
    /// Time for one callback, all URLs together.
    pub callback_timeout: Duration,
    /// Refuse callbacks to private and loopback addresses, as OSS does (P§1.2); off, because here everything is local.
    pub refuse_private_callbacks: bool,
    /// Every part but the last must have this many bytes; Complete checks. Tests set it small.
    pub min_part_bytes: u64,
    /// Part numbers run from 1 to this.
    pub max_part_number: u32,
    /// Threads that serve.
    pub workers: usize,
    /// Addresses of callback hosts that no name service knows, names in lower case.
    pub callback_hosts: BTreeMap<String, IpAddr>,
    /// PEM of authorities whose certificates callback receivers may show, beside those that this machine trusts.
    pub callback_roots_pem: Option<String>,
    /// Judges expiry and skew, and dates objects.
    pub clock: Arc<dyn Clock>,
}

impl SimulatorSettings {
    /// Nothing in it yet: no bucket, no credential; OSS's callback time-out, private callbacks allowed, two threads.
    pub fn new(listen: SocketAddr, data_dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self {
            listen,
            data_dir: data_dir.into(),
            buckets: Vec::new(),
            access_keys: Vec::new(),
            account_id: DEFAULT_ACCOUNT_ID.to_owned(),
            roles: Vec::new(),
            oidc_providers: Vec::new(),
            sts_calls_per_second: None,
            callback_timeout: CALLBACK_TIMEOUT,
            refuse_private_callbacks: false,
            min_part_bytes: MIN_PART_BYTES,
            max_part_number: MAX_PART_NUMBER,
            workers: 2,
            callback_hosts: BTreeMap::new(),
            callback_roots_pem: None,
            clock,
        }
    }

    /// With one more bucket.
    #[must_use]
    pub fn with_bucket(mut self, bucket: BucketSpec) -> Self {
        self.buckets.push(bucket);
        self
    }

    /// With one more credential.
    #[must_use]
    pub fn with_key(mut self, key: AccessKey, permissions: Permissions) -> Self {
        self.access_keys.push(KeySpec { key, permissions });
        self
    }

    /// With one more role.
    #[must_use]
    pub fn with_role(mut self, role: RoleSpec) -> Self {
        self.roles.push(role);
        self
    }

    /// The ARN of a role of this account.
    pub fn role_arn(&self, name: &str) -> String {
        format!("acs:ram::{}:role/{name}", self.account_id)
    }

    pub(super) fn role(&self, name: &str) -> Option<&RoleSpec> {
        self.roles.iter().find(|role| role.name == name)
    }

    pub(super) fn bucket(&self, name: &str) -> Option<&BucketSpec> {
        self.buckets.iter().find(|bucket| bucket.name == name)
    }

    pub(super) fn access_key(&self, id: &str) -> Option<&KeySpec> {
        self.access_keys.iter().find(|spec| spec.key.id() == id)
    }
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct BucketSpec {
    /// `dev-media`.
    pub name: String,
    /// `cn-hangzhou`, which V4 signatures must name.
    pub region: String,
    /// Once it is on, `x-oss-forbid-overwrite` has no effect (P§3.2).
    pub versioning: Versioning,
    /// For objects that are stored without `x-oss-storage-class`.
    pub storage_class: StorageClass,
    /// For objects without an ACL of their own.
    pub acl: Acl,
    /// When it was made, as GetBucketInfo tells.
    pub created: DateTime<Utc>,
    /// The account that owns it.
    pub owner: String,
    /// Custom domains (without port) that stand for this bucket.
    pub cname_hosts: Vec<String>,
    /// First match wins; without a match a preflight is refused.
    pub cors: Vec<CorsRule>,
    /// Answers say `Vary: Origin`, whoever asks.
    pub response_vary: bool,
    /// What GetBucketLifecycle tells; without rules it is `NoSuchLifecycle`.
    pub lifecycle: Vec<LifecycleRule>,
}

const JANUARY_2025: i64 = 1_735_689_600;

impl BucketSpec {
    /// Private, unversioned, of 1 January 2025; no custom domain, no lifecycle rule, CORS open.
    pub fn new(name: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            region: region.into(),
            versioning: Versioning::Unversioned,
            storage_class: StorageClass::Standard,
            acl: Acl::Private,
            created: DateTime::from_timestamp(JANUARY_2025, 0).unwrap_or(DateTime::UNIX_EPOCH),
            owner: DEFAULT_ACCOUNT_ID.to_owned(),
            cname_hosts: Vec::new(),
            cors: vec![CorsRule::open()],
            response_vary: false,
            lifecycle: Vec::new(),
        }
    }

    /// The version as answers name it: an id, `null` where the bucket knows versions, else nothing.
    pub(super) fn version_of<'a>(&self, record: &'a Record) -> Option<&'a str> {
        record.version_id.as_deref().or(self.versioning.knows_versions().then_some("null"))
    }
}

/// A credential and what RAM lets it do.
#[derive(Debug, Clone)]
pub struct KeySpec {
    /// Id, secret and, for STS credentials, the token that every request must bring.
    pub key: AccessKey,
    /// What it may do.
    pub permissions: Permissions,
}
