//! Who sent a request, where proxies stand in between.

use std::net::IpAddr;

use hyper::HeaderMap;
use mortar_core::config::{EdgeConfig, ForwardedHeader};

/// The client's address: the peer's, or, where the peer is a trusted proxy, the last address in the
/// proxies' header that is not a trusted proxy itself. What a client writes there on its own stands
/// further left and is never believed.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, config: &EdgeConfig) -> IpAddr {
    let mut client = peer.to_canonical();
    let is_trusted = |address: &IpAddr| config.trusted_proxies.iter().any(|net| net.contains(address));
    if !is_trusted(&client) {
        return client;
    }
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match config.forwarded_header {
        ForwardedHeader::XForwardedFor => ("x-forwarded-for", parse),
        ForwardedHeader::Forwarded => ("forwarded", forwarded),
    };
    let values: Vec<_> = headers.get_all(name).iter().collect();
    let hops = values.iter().rev().flat_map(|v| v.to_str().unwrap_or("").rsplit(','));
    for hop in hops {
        // A hop that cannot be read hides who sent it: the last known address stands.
        let Some(address) = read(hop.trim()) else { return client };
        client = address;
        if !is_trusted(&client) {
            return client;
        }
    }
    client
}

/// The address that an element of `Forwarded` names: `for=192.0.2.43;proto=https`, `for="[2001:db8::1]:80"`.
fn forwarded(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.map(|(name, node)| (name.trim(), node.trim())).find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    parse(node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node))
}

fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|h| h.split_once(']')).map_or(hop, |(address, _)| address);
    let parsed = bare.parse().or_else(|_| bare.parse::<std::net::SocketAddr>().map(|s| s.ip()));
    parsed.ok().map(|a: IpAddr| a.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        client(peer.parse().unwrap(), &headers, &trusting(trusted)).to_string()
    }

    fn trusting(trusted: &[&str]) -> EdgeConfig {
        EdgeConfig { trusted_proxies: trusted.iter().map(|t| t.parse().unwrap()).collect(), ..EdgeConfig::default() }
    }

    #[test]
    fn the_header_that_is_not_configured_is_never_believed() {
        let mut headers = HeaderMap::new();
        headers.append("forwarded", "for=192.0.2.60;proto=http, FOR=\"[2001:db8:cafe::17]:4711\"".parse().unwrap());
        headers.append("x-forwarded-for", "198.51.100.7".parse().unwrap());
        let mut config = trusting(&["10.0.0.0/8"]);
        let peer = "10.0.0.1".parse().unwrap();
        assert_eq!(client(peer, &headers, &config).to_string(), "198.51.100.7");
        config.forwarded_header = ForwardedHeader::Forwarded;
        assert_eq!(client(peer, &headers, &config).to_string(), "2001:db8:cafe::17");
    }

    #[test]
    fn an_element_that_names_nobody_hides_who_sent_it() {
        let named = ["for=192.0.2.43", "proto=https; For=\"192.0.2.43:80\"", "for=_hidden", "for=unknown", "by=192.0.2.43", ""];
        let told = named.map(|element| forwarded(element).map(|address| address.to_string()));
        let address = Some("192.0.2.43".to_owned());
        assert_eq!(told, [address.clone(), address, None, None, None, None]);
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(seen("203.0.113.9", &["10.0.0.1"], &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["10.0.0.1"], &["192.0.2.0/24"]), "203.0.113.9");
    }

    #[test]
    fn the_last_hop_before_the_trusted_proxies_counts() {
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        assert_eq!(seen("::ffff:10.0.0.1", &["[2001:db8::1]:443"], &["10.0.0.0/8"]), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7:1234"], &["10.0.0.0/8"]), "198.51.100.7");
    }

    #[test]
    fn what_cannot_be_read_hides_nothing() {
        assert_eq!(seen("10.0.0.1", &["198.51.100.7, unknown"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }
}
