//! The handlers; this folder mirrors the URLs.

pub mod callbacks;
pub mod demo;
pub mod health;
pub mod metrics;
pub mod profiles;
pub mod tickets;
pub mod uploads;
