//! What the service tells of itself: traces, log lines, audit lines. The real binary, a collector and a sink beside it.
//!
//! `cfg(test)` lets clippy see tests where there are helpers too.
#![cfg(test)]

mod audit;
#[path = "../lib/dev.rs"]
#[expect(dead_code, reason = "other suites use more of it")]
mod dev;
mod receiver;
mod secrets;
mod switching;
mod traces;
mod world;
