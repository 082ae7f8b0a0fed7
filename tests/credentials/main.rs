//! Credential providers, against stand-ins of STS, the metadata service and a credentials URI.
#![expect(clippy::unwrap_used, reason = "a test that can't go on may panic, in its helpers too")]

mod assume_role;
mod chain;
mod ecs_ram_role;
mod harness;
mod metadata;
mod oidc;
mod outlive;
mod refreshing;
mod rotation;
mod secrets;
mod service;
mod settings;
mod sts;
mod token_service;
mod uri;
mod world;
