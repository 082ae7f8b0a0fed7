//! The simulator from outside: signed requests in, OSS's answers out.
#![cfg(test)]

mod addressing;
mod appending;
mod attributes;
mod bucket;
mod callbacks;
mod callbacks_failures;
mod callbacks_presets;
mod callbacks_refused;
mod callbacks_tls;
mod copying;
mod cors;
mod faults;
mod forms;
mod harness;
mod kill;
mod large;
mod listing;
mod memory;
mod multipart;
mod mutations;
mod objects;
mod permissions;
mod ram;
mod reading;
mod receiver;
mod refusals;
mod restart;
mod sdk_needs;
mod streams;
mod sts;
mod sts_calls;
mod sts_oidc;
mod sts_signatures;
mod surface;
mod versions;
