//! Which addresses may be reached. Plugins and redirects cannot choose a host, but a name that an
//! operator trusts can be made to point inward; so the check is on what the name resolves to, at
//! the moment of connecting, by the same look-up that is then connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// The IPv4 blocks that IANA's special-purpose registry does not call globally reachable.
const SPECIAL_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 0, 8),       // this network
    v4(10, 0, 0, 0, 8),      // private
    v4(100, 64, 0, 0, 10),   // carrier-grade NAT
    v4(127, 0, 0, 0, 8),     // loopback
    v4(169, 254, 0, 0, 16),  // link-local, cloud metadata
    v4(172, 16, 0, 0, 12),   // private
    v4(192, 0, 0, 0, 24),    // protocol assignments
    v4(192, 0, 2, 0, 24),    // documentation
    v4(192, 88, 99, 0, 24),  // 6to4 relays
    v4(192, 168, 0, 0, 16),  // private
    v4(198, 18, 0, 0, 15),   // benchmarks
    v4(198, 51, 100, 0, 24), // documentation
    v4(203, 0, 113, 0, 24),  // documentation
    v4(224, 0, 0, 0, 4),     // multicast
    v4(240, 0, 0, 0, 4),     // reserved, broadcast
];

/// The only IPv6 block of which anything is public.
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

/// The parts of it that are not.
const SPECIAL_V6: [Ipv6Net; 3] = [
    v6(0x2001, 0, 0, 23),     // protocol assignments, Teredo, ORCHID
    v6(0x2001, 0xdb8, 0, 32), // documentation
    v6(0x3fff, 0, 0, 20),     // documentation
];

const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 0, 16);
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// True where the address is on the public internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|block| block.contains(&address)),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => is_public(IpAddr::V4(inner)),
            None => GLOBAL_UNICAST.contains(&address) && !SPECIAL_V6.iter().any(|block| block.contains(&address)),
        },
    }
}

/// The IPv4 address that packets to this IPv6 address end up at.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, a, b, .., c, d] = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    if SIX_TO_FOUR.contains(&address) {
        return Some(join(a, b));
    }
    if NAT64.contains(&address) {
        return Some(join(c, d));
    }
    address.to_ipv4_mapped()
}

/// The address that a URL's host is, where it is no name.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Says that an address was refused.
pub(crate) fn refusal(host: &str, address: IpAddr) -> String {
    let what = if literal(host).is_some() { format!("`{host}`") } else { format!("`{host}` resolves to {address}, which") };
    format!("{what} is not a public address; if it is meant, set `private_addresses = true` on the connection")
}

/// Looks a host up, and leaves out what may not be reached.
///
/// # Errors
/// It cannot be found, or nothing of it may be reached.
pub(crate) async fn resolve(host: &str, port: u16, private_addresses: bool) -> Result<Vec<SocketAddr>, String> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|e| format!("cannot find the address of `{host}`: {e}"))?;
    let (reachable, refused): (Vec<_>, Vec<_>) = found.partition(|address| private_addresses || is_public(address.ip()));
    match (reachable.is_empty(), refused.first()) {
        (false, _) => Ok(reachable),
        (true, Some(address)) => Err(refusal(host, address.ip())),
        (true, None) => Err(format!("`{host}` has no address")),
    }
}

/// [`resolve`], as the HTTP client takes it.
pub(crate) struct Resolver {
    /// True where any address may be reached.
    pub(crate) private_addresses: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private_addresses = self.private_addresses;
        Box::pin(async move {
            let addresses = resolve(name.as_str(), 0, private_addresses).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let public =
            ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "2002:808:808::1", "64:ff9b::808:808", "::ffff:8.8.8.8"];
        for address in public {
            assert!(is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn everything_inward_is_refused_however_it_is_written() {
        let inward = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.31.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255", // IPv4
            "::",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
            "64:ff9b:1::1", // IPv6
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::ffff:0:10.0.0.1", // IPv4 inside IPv6
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1", // 6to4, NAT64
        ];
        for address in inward {
            assert!(!is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_points_inward_is_refused() {
        let refused = resolve("localhost", 80, false).await.expect_err("localhost is loopback");
        assert!(refused.contains("private_addresses = true"), "{refused}");
        assert!(resolve("localhost", 80, true).await.is_ok_and(|found| found.iter().all(|a| a.ip().is_loopback())));
    }
}
