//! Which addresses others could reach, and we others. Names are judged by how they look: nothing is resolved.

use url::{Host, Url};

use crate::oss::network::is_private;

/// Endings of names that mean something only inside a network.
const PRIVATE_ENDINGS: [&str; 7] = [".local", ".localhost", ".internal", ".intranet", ".lan", ".home.arpa", ".svc"];

/// Whether the URL's host may be a public one.
pub(super) fn may_be_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !is_private(address.into()),
        Some(Host::Ipv6(address)) => !is_private(address.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.contains('.') && !PRIVATE_ENDINGS.iter().any(|ending| name.ends_with(ending))
        }
        None => false,
    }
}

/// Whether the URL's host is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_hosts_are_told_from_public_ones() {
        for (url, reachable) in [
            ("https://uploads.example.com/cb", true),
            ("https://8.8.8.8/cb", true),
            ("https://[2001:4860::1]/cb", true),
            ("http://localhost:8080/cb", false),
            ("http://valet/cb", false),
            ("http://valet.default.svc/cb", false),
            ("http://valet.default.svc.cluster.local/cb", false),
            ("http://127.0.0.1/cb", false),
            ("http://10.1.2.3/cb", false),
            ("http://172.16.0.1/cb", false),
            ("http://192.168.1.1/cb", false),
            ("http://100.100.100.200/cb", false),
            ("http://169.254.169.254/cb", false),
            ("http://0.0.0.0/cb", false),
            ("http://[::1]/cb", false),
            ("http://[fd00::1]/cb", false),
            ("http://[::ffff:10.0.0.1]/cb", false),
        ] {
            assert_eq!(may_be_public(&Url::parse(url).unwrap()), reachable, "{url}");
        }
    }
}
