//! Bearer tokens: what is accepted, every refusal, and how key sets are fetched.
#![cfg(test)]

mod harness;
mod key_sets;
mod refusals;
mod tokens;
