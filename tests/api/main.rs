//! Black-box tests of the service: real HTTP, a real ledger on disk, the OSS simulator beside it, a clock set by hand.
//!
//! `cfg(test)` on each module lets clippy see tests where there are helpers too.

#[cfg(test)]
mod auth;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod complete;
#[cfg(test)]
mod cors;
#[cfg(test)]
mod crash;
#[cfg(test)]
#[path = "../lib/dev.rs"]
mod dev;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod forger;
#[cfg(test)]
mod forgeries;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod issue;
#[cfg(test)]
mod issue_refusals;
#[cfg(test)]
mod list;
#[cfg(test)]
mod one_upload;
#[cfg(test)]
mod ops;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod static_files;
#[cfg(test)]
mod story;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tampering;
