//! OSS's protocol, pure: no I/O, no async, no clock, no randomness, no framework, no settings.
//!
//! Facts cite the protocol reference as `P§`; see `docs/architecture.md` for its sources.

pub mod access_key;
pub mod callback;
pub mod callback_body;
pub mod callback_signature;
pub mod encoding;
pub mod endpoint;
pub mod endpoint_host;
pub mod network;
pub mod post_form;
pub mod post_policy;
pub mod presign;
pub mod request;
pub mod sign_acs3;
pub mod sign_rpc;
pub mod sign_v1;
pub mod sign_v4;
pub mod sts;
pub mod verify;
pub mod xml;
