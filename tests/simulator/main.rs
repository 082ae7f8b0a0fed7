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
mod listing;
mod multipart;
mod objects;
mod permissions;
mod reading;
mod receiver;
mod refusals;
mod restart;
mod streams;
mod surface;
mod tampering;
mod versions;
