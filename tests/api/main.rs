//! Black-box tests of the service: real HTTP, a real ledger on disk, the OSS simulator beside it, a clock set by hand.
//!
//! `cfg(test)` lets clippy see tests where there are helpers too.
#![cfg(test)]

mod auth;
mod bad_input;
mod batch;
mod callbacks;
mod companion;
mod complete;
mod contract;
mod cors;
mod crash;
#[path = "../lib/dev.rs"]
mod dev;
mod directory;
mod endpoints;
mod errors;
mod forger;
mod forgeries;
mod harness;
mod hook;
mod idempotency;
mod issue;
mod issue_refusals;
mod least_privilege;
mod ledger;
mod limits;
mod list;
mod logs;
mod metrics;
mod multipart;
mod one_upload;
mod openapi;
mod ops;
mod policy;
#[path = "../lib/postgres.rs"]
mod postgres;
mod profiles;
mod reconcile;
mod reload;
mod replicas;
mod secrets;
mod sinks;
mod static_files;
mod story;
mod sts;
mod support;
mod tampering;
mod tickets;
mod webhook_server;
