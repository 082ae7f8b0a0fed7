//! Golden vectors made by other implementations; see README.md.
//!
//! `cfg(test)` lets clippy see tests where there are helpers too.
#![cfg(test)]

mod callback_properties;
mod callbacks;
mod properties;
mod sdk_suites;
mod signature_properties;
mod signing;
