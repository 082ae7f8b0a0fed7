//! Where a callback goes: its host is resolved once, judged, and called at that very address (P§1.2, P§1.7).
//!
//! OSS does this before it stores anything: an unknown host or a private address is a 400 with nothing stored. (The error
//! page for 400 lists both messages, and the tests of the official C++ SDK expect `InvalidArgument` for 192.168.1.1.)

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use crate::{oss::network::is_private, simulator::errors::OssError};

/// One callback URL, and the addresses that its host has.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Target {
    pub(in crate::simulator) url: Url,
    addresses: Vec<SocketAddr>,
}

/// Resolves and judges hosts.
#[derive(Debug)]
pub(in crate::simulator) struct Hosts {
    /// Names that are known without asking.
    pub(in crate::simulator) known: BTreeMap<String, IpAddr>,
    pub(in crate::simulator) refuse_private: bool,
}

impl Hosts {
    /// OSS calls IPv4 only, and no private address (P§1.2).
    pub(in crate::simulator) async fn resolve(&self, text: &str) -> Result<Target, OssError> {
        let no_address = || OssError::invalid_argument("Can not get ip by this host.", "callbackUrl", text);
        let url = parse_url(text).ok_or_else(no_address)?;
        let host = url.host_str().ok_or_else(no_address)?;
        let addresses: Vec<SocketAddr> = match self.known.get(host) {
            Some(address) => vec![SocketAddr::new(*address, 0)],
            None => tokio::net::lookup_host((host, 0)).await.map_err(|_| no_address())?.collect(),
        };
        let addresses: Vec<_> = addresses.into_iter().filter(SocketAddr::is_ipv4).collect();
        if addresses.is_empty() {
            return Err(no_address());
        }
        if self.refuse_private && addresses.iter().any(|address| is_private(address.ip())) {
            let message = "Private address is forbidden to callback.";
            return Err(OssError::invalid_argument(message, "callbackUrl", text).ec("0007-00000008"));
        }
        Ok(Target { url, addresses })
    }
}

/// A missing scheme means http (P§1.2).
fn parse_url(text: &str) -> Option<Url> {
    if text.contains("://") { Url::parse(text).ok() } else { Url::parse(&format!("http://{text}")).ok() }
}

/// The callback client's only name service. It knows what has been judged and nothing else, so that a name that changes
/// its address between the judgement and the call leads nowhere new.
#[derive(Clone, Default)]
pub(in crate::simulator) struct Pins(Arc<Mutex<HashMap<String, Vec<SocketAddr>>>>);

impl Pins {
    /// From now on this is where the target's host is.
    pub(in crate::simulator) fn pin(&self, target: &Target) {
        let host = target.url.host_str().unwrap_or_default().to_owned();
        self.0.lock().expect("no holder of this lock panics").insert(host, target.addresses.clone());
    }

    fn addresses(&self, host: &str) -> Option<Vec<SocketAddr>> {
        self.0.lock().expect("no holder of this lock panics").get(host).cloned()
    }
}

impl Resolve for Pins {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.addresses(name.as_str());
        Box::pin(async move {
            let found = found.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        let known = [("public.test", "8.8.8.8"), ("inside.test", "10.1.2.3"), ("six.test", "2001:db8::1")];
        let known = known.map(|(name, address)| (name.to_owned(), address.parse().unwrap()));
        Hosts { known: known.into(), refuse_private: true }
    }

    #[tokio::test]
    async fn private_addresses_are_refused_however_they_are_written() {
        let refused = [
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1:8080",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "inside.test",
            "https://inside.test/cb",
        ];
        for host in refused {
            let error = hosts().resolve(host).await.map(|target| target.url).unwrap_err();
            assert_eq!(error.message, "Private address is forbidden to callback.", "{host}");
        }
        let allowed = ["8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "169.253.0.1", "public.test:81/cb"];
        for host in allowed {
            assert!(hosts().resolve(host).await.is_ok(), "{host}");
        }
        let known_only = Hosts { refuse_private: false, ..hosts() };
        assert!(known_only.resolve("127.0.0.1").await.is_ok());
        assert_eq!(hosts().resolve("six.test").await.unwrap_err().message, "Can not get ip by this host.");
    }

    #[tokio::test]
    async fn the_client_learns_only_the_addresses_that_were_judged() {
        let pins = Pins::default();
        assert_eq!(pins.addresses("public.test"), None, "not even localhost is looked up");
        pins.pin(&hosts().resolve("http://PUBLIC.test/").await.unwrap());
        let found: Vec<_> = Resolve::resolve(&pins, "public.test".parse().unwrap()).await.unwrap().collect();
        assert_eq!(found, ["8.8.8.8:0".parse().unwrap()]);
        assert!(Resolve::resolve(&pins, "localhost".parse().unwrap()).await.is_err());
    }
}
