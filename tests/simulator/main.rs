//! The simulator from outside: signed requests in, OSS's answers out.
#![cfg(test)]

mod callbacks;
mod callbacks_failures;
mod callbacks_presets;
mod callbacks_refused;
mod callbacks_tls;
mod cors;
mod faults;
mod forms;
mod harness;
mod multipart;
mod objects;
mod ram;
mod receiver;
mod refusals;
mod restart;
mod streams;
mod sts;
mod sts_calls;
mod sts_oidc;
mod tampering;
