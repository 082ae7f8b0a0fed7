//! The simulator from outside: signed requests in, OSS's answers out.
#![cfg(test)]

mod callbacks;
mod cors;
mod forms;
mod harness;
mod multipart;
mod objects;
mod receiver;
mod refusals;
mod restart;
mod sdk_needs;
mod streams;
mod tampering;
