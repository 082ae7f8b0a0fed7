//! Black-box tests of the service: real HTTP, a real ledger on disk, the OSS simulator beside it, a clock set by hand.

mod auth;
mod bad_input;
mod batch;
mod complete;
mod cors;
mod errors;
mod harness;
mod idempotency;
mod issue;
mod issue_refusals;
mod list;
mod one_upload;
mod ops;
mod policy;
mod profiles;
mod secrets;
mod static_files;
mod story;
mod support;
