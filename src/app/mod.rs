//! The use cases: fetch facts → ask `grant`/`oss` → store. Async, but no HTTP types, no SQL, no reqwest.

pub mod ports;
