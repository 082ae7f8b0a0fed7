//! Golden vectors made by other implementations; see README.md.

mod sdk_suites;
mod signing;
