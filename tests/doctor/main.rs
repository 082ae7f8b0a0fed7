//! `oss-valet verify-callback`, run as its users run it.

#[cfg(test)]
mod captured;
#[cfg(test)]
mod sealed;
