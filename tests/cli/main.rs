//! The command line as a user meets it: the real binary, plain curl, a POSIX shell.
#![cfg(test)]

mod check_online;
mod commands;
#[path = "../lib/dev.rs"]
mod dev;
mod development;
mod events;
mod harness;
mod reloading;
mod serving;
mod simulator;
mod uploads;
