//! A name service that knows public addresses only.
//!
//! What it judged is what is connected to: a name that changes its address between the judgement and the call leads nowhere new.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::oss::network::is_private;

/// The address is not one of the public internet, and the sink may not live at such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its address is private, and `allow_private` is not set")]
pub(super) struct PrivateAddress;

/// Resolves as the system does; a name with any private address is refused.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is the caller's business.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            judge(&found)?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// One private address among them is enough: whoever mixes them is up to something.
fn judge(addresses: &[SocketAddr]) -> Result<(), PrivateAddress> {
    if addresses.iter().any(|address| is_private(address.ip())) { Err(PrivateAddress) } else { Ok(()) }
}

/// Judges a URL whose host is an address: for those nobody asks a name service.
pub(super) fn judge_literal(url: &Url) -> Result<(), PrivateAddress> {
    let address = match url.host() {
        Some(Host::Ipv4(v4)) => v4.into(),
        Some(Host::Ipv6(v6)) => v6.into(),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if is_private(address) { Err(PrivateAddress) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_a_private_address_is_refused() {
        let refused = PublicOnly.resolve("localhost".parse().unwrap()).await.err().expect("refused");
        assert_eq!(refused.to_string(), PrivateAddress.to_string());
    }

    #[test]
    fn one_private_address_spoils_the_name() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(judge(&addresses(&["8.8.8.8:0", "8.8.4.4:0"])), Ok(()));
        assert_eq!(judge(&addresses(&["8.8.8.8:0", "[::ffff:10.0.0.1]:0"])), Err(PrivateAddress));
    }

    #[test]
    fn an_address_is_judged_however_it_is_written() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0/",
            "http://100.100.100.200/latest/meta-data/",
            "http://[::1]/",
            "http://[::ffff:169.254.169.254]/",
        ] {
            assert_eq!(judge_literal(&Url::parse(url).unwrap()), Err(PrivateAddress), "{url}");
        }
        for url in ["https://8.8.8.8/", "https://[2400:3200::1]/", "https://sink.example.com/"] {
            assert_eq!(judge_literal(&Url::parse(url).unwrap()), Ok(()), "{url}");
        }
    }
}
