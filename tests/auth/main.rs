//! Bearer tokens: what is accepted, every refusal, and how key sets are fetched.

#[cfg(test)]
mod harness;
#[cfg(test)]
mod key_sets;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tokens;
