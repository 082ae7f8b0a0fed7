//! What we sign with: one provider per kind, each implementing [`Credentials`](crate::app::ports::Credentials).
//!
//! Those whose credentials expire are a [`CredentialSource`] (how to ask) inside [`RefreshingCredentials`] (when to ask).

mod assume_role;
mod chain;
mod ecs_ram_role;
mod environment;
mod fixed;
mod http_client;
mod issued;
mod limited;
mod oidc;
mod refreshing;
mod schedule;
mod sts_client;
mod unavailable;
mod uri;

pub use self::{
    assume_role::AssumeRole,
    chain::ChainCredentials,
    ecs_ram_role::{EcsRamRole, METADATA_URL},
    environment::EnvCredentials,
    fixed::{Part, StaticCredentials},
    http_client::{HttpClient, Timeouts},
    limited::LimitedTokenService,
    oidc::Oidc,
    refreshing::{CredentialSource, RefreshingCredentials},
    sts_client::{AssumeRoleRequest, StsClient},
    unavailable::UnavailableCredentials,
    uri::CredentialsUri,
};
