//! Whose request it is, by address: behind proxies that are trusted, what they say; of everybody else, the address itself.
//!
//! Only `X-Forwarded-For` is read, as the setting says: a proxy that writes `Forwarded` alone must be told to write this one, and
//! one that passes either on as it came must not be trusted.

use std::net::{IpAddr, SocketAddr};

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::HeaderName,
    middleware::Next,
};
use ipnet::IpNet;

use super::house::House;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address; a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// That of a request, an `HttpRequest` or a `ServiceRequest`.
    pub fn of(request: &impl HttpMessage) -> Option<IpAddr> {
        request.extensions().get::<Self>().map(|address| address.0)
    }
}

/// Middleware: notes the client's address.
///
/// # Errors
/// Those of the inner service.
pub async fn note_client_address<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some(address) = address_of(&request) {
        request.extensions_mut().insert(ClientAddress(address));
    }
    next.call(request).await
}

fn address_of(request: &ServiceRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let house = House::of(request.request());
    let lines: Vec<&str> =
        request.headers().get_all(X_FORWARDED_FOR).map(|line| line.to_str().unwrap_or_default()).collect();
    Some(client_address(peer, &lines, house.limits.trusted_proxies()))
}

/// Walks from the peer to the left of `X-Forwarded-For`, whose lines count as one, for as long as proxies are trusted: each has
/// written down who came to it. What stands further left, the client may have made up. An entry that is no address makes the
/// peer's count.
pub fn client_address(peer: IpAddr, lines: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let peer = peer.to_canonical();
    let mut client = peer;
    let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    while is_trusted(&client) {
        match hops.next().map(parse_hop) {
            Some(Some(hop)) => client = hop,
            Some(None) => return peer,
            None => break,
        }
    }
    client
}

/// An address, as some proxies write it with a port, and in brackets.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn only_what_trusted_proxies_say_is_believed() {
        let trusted = networks(&["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
        let cases: [(&str, &str, &[&str], &str); 19] = [
            ("nobody in between", "203.0.113.9", &[], "203.0.113.9"),
            ("a stranger who says something", "203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("a proxy", "10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("a proxy that says nothing", "10.0.0.1", &[], "10.0.0.1"),
            ("a client that made something up", "10.0.0.1", &["8.8.8.8, 198.51.100.1"], "198.51.100.1"),
            ("a client that made a proxy up", "10.0.0.1", &["10.9.9.9, 198.51.100.1"], "198.51.100.1"),
            ("two proxies", "10.0.0.1", &["198.51.100.1, 192.0.2.7"], "198.51.100.1"),
            ("two proxies on two lines", "10.0.0.1", &["8.8.8.8, 198.51.100.1", "192.0.2.7"], "198.51.100.1"),
            ("a client inside", "10.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            ("what is no address", "10.0.0.1", &["unknown"], "10.0.0.1"),
            ("what is no address, behind a proxy", "10.0.0.1", &["198.51.100.1, _hidden, 10.3.3.3"], "10.0.0.1"),
            ("what is no address, made up", "10.0.0.1", &["<script>, 198.51.100.1"], "198.51.100.1"),
            ("an empty line", "10.0.0.1", &["198.51.100.1", ""], "10.0.0.1"),
            ("a port", "10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("IPv6", "fd00::1", &["2001:db8::1"], "2001:db8::1"),
            ("IPv6 in brackets", "fd00::1", &["[2001:db8::1]"], "2001:db8::1"),
            ("IPv6 with a port", "fd00::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("a proxy at a socket for both", "::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("tabs and spaces", "10.0.0.1", &[" \t198.51.100.1 ,\t192.0.2.7 "], "198.51.100.1"),
        ];
        for (case, peer, lines, expected) in cases {
            let found = client_address(peer.parse().unwrap(), lines, &trusted);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{case}");
        }
    }

    #[test]
    fn where_nobody_is_trusted_the_peer_counts() {
        let peer = "::ffff:10.0.0.1".parse().unwrap();
        assert_eq!(client_address(peer, &["198.51.100.1"], &[]), "10.0.0.1".parse::<IpAddr>().unwrap());
    }

    proptest! {
        /// Whatever stands to the left of what our own proxy has written changes nothing.
        #[test]
        fn nothing_a_client_sends_changes_its_address(
            client in any::<[u8; 4]>().prop_map(IpAddr::from).prop_filter("outside", |ip| !"10.0.0.0/8".parse::<IpNet>().unwrap().contains(ip)),
            sent in prop::collection::vec("[ -~]{0,40}", 0..4),
            joined in any::<bool>(),
        ) {
            let written = client.to_string();
            let mut lines: Vec<String> = sent;
            match lines.last_mut().filter(|_| joined) {
                Some(last) => *last = format!("{last}, {written}"),
                None => lines.push(written),
            }
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let found = client_address("10.0.0.1".parse().unwrap(), &lines, &networks(&["10.0.0.0/8"]));
            prop_assert_eq!(found, client);
        }

        #[test]
        fn any_line_at_all_gives_an_address(line in "\\PC{0,200}", peer in any::<[u8; 16]>()) {
            let found = client_address(peer.into(), &[&line], &networks(&["0.0.0.0/0", "::/0"]));
            prop_assert_eq!(found, found.to_canonical());
        }
    }
}
