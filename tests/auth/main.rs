//! Bearer tokens: what is accepted, every refusal, and how key sets are fetched.
#![expect(clippy::unwrap_used, reason = "a test that can't go on may panic, in its helpers too")]

#[cfg(test)]
mod harness;
#[cfg(test)]
mod key_sets;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tokens;
