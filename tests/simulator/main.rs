//! The simulator from outside: signed requests in, OSS's answers out.
#![cfg(test)]

mod callbacks;
mod callbacks_failures;
mod callbacks_presets;
mod callbacks_refused;
mod callbacks_tls;
mod cors;
mod error_codes;
mod every_error;
mod every_error_surface;
mod faults;
mod forms;
mod forms_rules;
mod harness;
mod kill;
mod large;
mod memory;
mod multipart;
mod mutations;
mod objects;
mod ram;
mod receiver;
mod refusals;
mod restart;
mod sdk_needs;
mod streams;
mod sts;
mod sts_calls;
mod sts_oidc;
mod sts_signatures;
