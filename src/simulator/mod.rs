//! An OSS that runs on this machine: it refuses what OSS refuses, says what OSS says, stores on disk and calls back signed.
//!
//! Of ours it knows only [`crate::oss`] and [`crate::clock`], so that it can contradict the rest of the service.
//! Facts cite the protocol reference as `P§`.
//!
//! One request: [`server`] parses it ([`request`], [`address`]), answers CORS ([`cors`]), checks the signature
//! ([`authorise`]), runs the operation, and dresses the answer ([`errors`]).

mod address;
mod admin;
mod authorise;
mod body;
mod callback;
mod callback_answer;
mod callback_config;
mod callback_key;
mod cors;
mod delete_object;
mod errors;
mod get_object;
mod image;
mod multipart;
mod objects;
mod parts;
mod permissions;
mod post_form;
mod post_object;
mod put_object;
mod record;
mod request;
mod server;
mod settings;
mod stored;
mod symlink;
mod upload;

pub use cors::CorsRule;
pub use permissions::{Action, Permissions};
pub use server::{BindError, Simulator};
pub use settings::{BucketSpec, CALLBACK_TIMEOUT, KeySpec, SimulatorSettings};
