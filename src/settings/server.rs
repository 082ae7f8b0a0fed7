//! `[server]`: where we listen and whom we trust in front of us.

use std::net::{IpAddr, SocketAddr};

use chrono::TimeDelta;
use ipnet::{IpNet, Ipv4Net};
use url::Url;

use super::reader::Section;

/// Looking more often would gain nothing: mounted files change after a minute or so.
const MIN_WATCH_INTERVAL: TimeDelta = TimeDelta::seconds(1);

/// `[server]`.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The public port.
    pub listen: SocketAddr,
    /// Readiness and metrics.
    pub ops_listen: SocketAddr,
    /// As clients see us; also the CloudEvents `source`.
    pub public_url: Option<Url>,
    /// Threads that serve requests; `None` = as many as cores.
    pub workers: Option<usize>,
    /// How long requests may take to finish once we were asked to stop.
    pub shutdown_grace: TimeDelta,
    /// How long the listener stays open once we were asked to stop; readiness fails at once.
    pub drain_delay: TimeDelta,
    /// How long a client may take to send the head of its request, and again for the body.
    pub request_timeout: TimeDelta,
    /// How long a connection without a request stays open.
    pub keep_alive: TimeDelta,
    /// Connections to the public port at once.
    pub max_connections: usize,
    /// Origins of pages that may call us; `*` alone means any.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How often the files of the configuration are looked at; `None` = never.
    pub watch_interval: Option<TimeDelta>,
}

impl ServerSettings {
    /// What running requests get once we are asked to stop.
    pub fn grace(&self) -> std::time::Duration {
        self.shutdown_grace.to_std().unwrap_or_default()
    }

    /// What load balancers get to notice that we stop; half of the grace at most.
    pub fn drain_delay(&self) -> std::time::Duration {
        self.drain_delay.min(self.shutdown_grace / 2).to_std().unwrap_or_default()
    }

    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let listen = section.required("listen", parse_address);
        let ops_listen = section.required("ops_listen", parse_address);
        let public_url = section.parse("public_url", parse_web_url);
        let workers = Some(section.number::<usize>("workers")).filter(|&workers| workers > 0);
        let shutdown_grace = section.required_duration("shutdown_grace");
        let drain_delay = section.required_duration("drain_delay");
        let request_timeout = read_patience(section, "request_timeout");
        let keep_alive = read_patience(section, "keep_alive");
        let max_connections = section.number::<usize>("max_connections");
        if max_connections == 0 {
            section.fault("max_connections", "at least 1");
        }
        let cors_origins = section.parsed_texts("cors_origins", parse_origin);
        let trusted_proxies = section.parsed_texts("trusted_proxies", parse_network);
        let watch_interval = Some(section.required_duration("watch_interval")).filter(|every| !every.is_zero());
        if watch_interval.is_some_and(|every| every < MIN_WATCH_INTERVAL) {
            section.fault("watch_interval", "at least 1s, or 0s: only when told by SIGHUP");
        }
        Some(Self {
            listen: listen?,
            ops_listen: ops_listen?,
            public_url,
            workers,
            shutdown_grace,
            drain_delay,
            request_timeout,
            keep_alive,
            max_connections,
            cors_origins,
            trusted_proxies,
            watch_interval,
        })
    }
}

/// A time-out: none at all would wait for ever.
fn read_patience(section: &mut Section<'_>, key: &str) -> TimeDelta {
    let patience = section.required_duration(key);
    if patience <= TimeDelta::zero() {
        section.fault(key, "must be longer than nothing");
    }
    patience
}

/// An `http` or `https` URL without user, fragment or a missing host.
pub(super) fn parse_web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("`{text}` is no http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("a URL here holds neither user, password nor fragment".to_owned());
    }
    Ok(url)
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address: write `0.0.0.0:8080`"))
}

/// Origins are compared as text, so they must be written as browsers send them.
fn parse_origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let url = parse_web_url(text)?;
    let origin = url.origin().ascii_serialization();
    if origin == text { Ok(origin) } else { Err(format!("`{text}` is no origin: write `{origin}`")) }
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map(canonical).map_err(|_| format!("`{text}` is no network: write `10.0.0.0/8` or `10.1.2.3`"))
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`: addresses are compared in that form.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= MAPPED => {
            v6.addr().to_ipv4_mapped().map(|v4| (v4, v6.prefix_len() - MAPPED))
        }
        _ => None,
    };
    mapped.and_then(|(v4, length)| Ipv4Net::new(v4, length).ok()).map_or(network, IpNet::V4)
}
