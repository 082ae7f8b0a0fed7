//! Bearer tokens: what is accepted, every refusal, and how key sets are fetched.
#![expect(clippy::unwrap_used, reason = "a test that can't go on may panic, in its helpers too")]

mod harness;
mod key_sets;
mod refusals;
mod tokens;
