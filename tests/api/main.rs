//! Black-box tests of the service: real HTTP, a real ledger on disk, the OSS simulator beside it, a clock set by hand.
//!
//! `cfg(test)` on each module lets clippy see tests where there are helpers too.

#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod crash;
#[cfg(test)]
#[path = "../lib/dev.rs"]
mod dev;
#[cfg(test)]
mod forger;
#[cfg(test)]
mod forgeries;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tampering;
