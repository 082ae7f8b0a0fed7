//! Golden vectors made by other implementations; see README.md.

#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod sdk_suites;
#[cfg(test)]
mod signing;
