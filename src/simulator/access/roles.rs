//! Roles that can be assumed, and the identity providers that roles can trust.

use super::permissions::Permissions;

/// What a role's sessions may last when nothing is said, seconds (P§6.1).
pub const DEFAULT_MAX_SESSION_SECONDS: u32 = 3600;

/// A RAM role: what its sessions may do, and who may have one.
#[derive(Debug, Clone)]
pub struct RoleSpec {
    /// `oss-valet-uploads`, of `acs:ram::ACCOUNT:role/oss-valet-uploads`.
    pub name: String,
    /// What every session may do at most; a session policy can only narrow it.
    pub permissions: Permissions,
    /// `MaxSessionDuration`, seconds: 3600 to 43200 (P§6.1).
    pub max_session_seconds: u32,
    /// Who may assume it.
    pub trust: RoleTrust,
}

/// The trust policy of a role.
#[derive(Debug, Clone, Default)]
pub struct RoleTrust {
    /// Which access keys may assume it, beside having the permission `sts:AssumeRole` themselves.
    pub keys: TrustedKeys,
    /// When given, `AssumeRole` must bring exactly this `ExternalId`.
    pub external_id: Option<String>,
    /// The names of the OIDC providers whose tokens may assume it.
    pub oidc_providers: Vec<String>,
    /// What a token's `sub` must be, with `*` and `?`; any when not given.
    pub oidc_subject: Option<String>,
}

/// Access keys that a role trusts.
#[derive(Debug, Clone, Default)]
pub enum TrustedKeys {
    /// Every key of the account.
    #[default]
    Every,
    /// The keys of these ids.
    Only(Vec<String>),
}

impl TrustedKeys {
    pub(super) fn include(&self, id: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Only(ids) => ids.iter().any(|known| known == id),
        }
    }
}

impl RoleSpec {
    /// A role that every key may assume, for an hour at most.
    pub fn new(name: impl Into<String>, permissions: Permissions) -> Self {
        let max_session_seconds = DEFAULT_MAX_SESSION_SECONDS;
        Self { name: name.into(), permissions, max_session_seconds, trust: RoleTrust::default() }
    }
}

/// An `OpenID Connect` provider that the account knows: `acs:ram::ACCOUNT:oidc-provider/NAME`.
#[derive(Debug, Clone)]
pub struct OidcProviderSpec {
    /// `NAME` of its ARN.
    pub name: String,
    /// What its tokens have as `iss`.
    pub issuer: String,
    /// Of these the tokens' `aud` must name one ("client ids" in RAM).
    pub audiences: Vec<String>,
    /// PEM: RSA, P-256, P-384 or Ed25519. (RAM asks the issuer for its key set instead.)
    pub public_key_pem: String,
}
