//! The simulator from outside: signed requests in, OSS's answers out.
#![cfg(test)]

mod callbacks;
mod cors;
mod forms;
mod harness;
mod kill;
mod large;
mod memory;
mod multipart;
mod objects;
mod receiver;
mod refusals;
mod restart;
mod streams;
mod tampering;
