//! Our rules, pure: given facts and `now`, decide. Knows of the world only [`crate::oss`].

pub mod completion;
pub mod directory;
pub mod event;
pub mod fault;
pub mod file_name;
#[expect(clippy::module_inception, reason = "the module is named for its noun, and so is the file")]
pub mod grant;
pub mod hook;
pub mod key_template;
pub mod limits;
pub mod looks;
pub mod media_type;
pub mod multipart;
pub mod pace;
pub mod policy_digest;
pub mod profile;
pub mod quota;
pub mod request;
pub mod retry;
pub mod seal;
pub mod session_policy;
pub mod ticket;
pub mod trace_context;
pub mod webhook;
