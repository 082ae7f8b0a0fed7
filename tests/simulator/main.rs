//! The simulator from outside: signed requests in, OSS's answers out.
#![cfg(test)]

mod callbacks;
mod cors;
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
mod sts_signatures;
mod tampering;
