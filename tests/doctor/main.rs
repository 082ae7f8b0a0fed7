//! `oss-valet verify-callback`, run as its users run it.
#![cfg(test)]

mod captured;
mod sealed;
