//! What a simulator is started with.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::{
    access::{
        permissions::Permissions,
        roles::{OidcProviderSpec, RoleSpec},
    },
    cors::CorsRule,
};
use crate::{clock::Clock, oss::access_key::AccessKey};

/// OSS's own limit for one callback, all URLs together (P§1.1).
pub const CALLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Whose buckets, keys and roles these are, unless said otherwise; the id that Alibaba Cloud's documentation uses.
pub const DEFAULT_ACCOUNT_ID: &str = "1234567890123456";

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
    /// Addresses of callback hosts that no name service knows, names in lower case.
    pub callback_hosts: BTreeMap<String, IpAddr>,
    /// PEM of authorities whose certificates callback receivers may show, beside those that this machine trusts.
    pub callback_roots_pem: Option<String>,
    /// Judges expiry and skew, and dates objects.
    pub clock: Arc<dyn Clock>,
}

impl SimulatorSettings {
    /// Nothing in it yet: no bucket, no credential; OSS's callback time-out, private callbacks allowed.
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
    /// Keep every version; `x-oss-forbid-overwrite` then has no effect (P§3.2).
    pub versioning: bool,
    /// Custom domains (without port) that stand for this bucket.
    pub cname_hosts: Vec<String>,
    /// First match wins; without a match a preflight is refused.
    pub cors: Vec<CorsRule>,
}

impl BucketSpec {
    /// Unversioned, no custom domain, CORS open.
    pub fn new(name: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            region: region.into(),
            versioning: false,
            cname_hosts: Vec::new(),
            cors: vec![CorsRule::open()],
        }
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
