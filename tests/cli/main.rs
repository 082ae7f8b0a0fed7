//! The command line as a user meets it: the real binary, plain curl, a POSIX shell.

#[cfg(test)]
mod commands;
#[cfg(test)]
#[path = "../lib/dev.rs"]
mod dev;
#[cfg(test)]
mod development;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod serving;
