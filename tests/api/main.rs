//! Black-box tests of the service: real HTTP, a real ledger on disk, the OSS simulator beside it, a clock set by hand.

mod callbacks;
mod forger;
mod forgeries;
mod harness;
mod story;
mod tampering;
