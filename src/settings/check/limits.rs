//! Whether limits limit whom they are meant for.

use ipnet::IpNet;

use super::Check;

impl Check<'_> {
    pub(super) fn limits(&mut self) {
        let (server, limits) = (&self.settings.server, &self.settings.limits);
        let everybody = server.trusted_proxies.iter().any(|network: &IpNet| network.prefix_len() == 0);
        // We speak plain HTTP: where clients speak https, somebody is in between.
        let behind_a_proxy = server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let nobody = server.trusted_proxies.is_empty() && behind_a_proxy && limits.address.is_some();
        let quotas = limits.quotas;
        let never =
            quotas.open_multiparts.zip(quotas.open_grants).is_some_and(|(multiparts, grants)| multiparts > grants);
        if everybody {
            let message = "trusts everybody: whoever calls can pretend to come from any address";
            self.fault_outside_development("server.trusted_proxies", message);
        }
        if nobody {
            let message =
                "is empty, and `public_url` is https: all who come through the proxy in front count as one address";
            self.warn("server.trusted_proxies", message);
        }
        if never {
            self.warn("limits.open_multiparts", "is never reached: `open_grants` is lower");
        }
    }
}
