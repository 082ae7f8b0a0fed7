//! Bearer tokens: what is accepted, every refusal, and how key sets are fetched.

mod harness;
mod key_sets;
mod refusals;
mod tokens;
