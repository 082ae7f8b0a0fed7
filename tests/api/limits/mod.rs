//! How much may be asked for: requests by user and by address, grants by user, and how large and slow a request may be.

mod pace;
mod quotas;
mod rates;
mod reloaded;
mod sizes;

use std::net::SocketAddr;

use crate::harness::TestApp;

impl TestApp {
    /// With these lines in place of `[limits]`, and these more in `[server]`.
    async fn spawn_limited(limits: &str, server: &str) -> Self {
        Self::spawn_with(|settings| limited(&settings, limits, server)).await
    }

    /// The public port.
    fn address(&self) -> SocketAddr {
        self.service.trim_start_matches("http://").parse().unwrap()
    }
}

fn limited(settings: &str, limits: &str, server: &str) -> String {
    settings
        .replace("requests_per_minute = 0\naddress_requests_per_minute = 0\n", &format!("{limits}\n"))
        .replace("[server]\n", &format!("[server]\n{server}\n"))
}
