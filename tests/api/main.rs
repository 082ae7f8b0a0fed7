//! Black-box tests of the service: real HTTP, a real ledger on disk, the OSS simulator beside it, a clock set by hand.

mod bad_input;
mod batch;
mod complete;
mod harness;
mod idempotency;
mod issue;
mod issue_refusals;
mod one_upload;
mod policy;
mod story;
mod support;
