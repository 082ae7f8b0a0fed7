//! Golden vectors made by other implementations; see README.md.
//!
//! `cfg(test)` on each module lets clippy see tests where there are helpers too.

#[cfg(test)]
mod callback_properties;
#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod sdk_suites;
#[cfg(test)]
mod signing;
