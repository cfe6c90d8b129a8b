//! The header of the PROXY protocol, version 2, which a proxy writes before the first byte of a
//! connection: who it speaks for.

use std::io;
use std::net::IpAddr;

use ppp::v2::{Addresses, Command, Header};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes before the part whose length they say.
const FIXED: usize = 16;

/// The most that may follow them: addresses, and what proxies add.
const REST: usize = 2048;

/// Reads the header. None where the proxy speaks for itself, as in its health checks.
pub(super) async fn client(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut bytes = vec![0; FIXED];
    stream.read_exact(&mut bytes).await?;
    if !bytes.starts_with(ppp::v2::PROTOCOL_PREFIX) {
        return Err(refused("it does not begin with a PROXY header of version 2"));
    }
    let rest = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    if rest > REST {
        return Err(refused("its PROXY header is too long"));
    }
    bytes.resize(FIXED + rest, 0);
    stream.read_exact(&mut bytes[FIXED..]).await?;
    let header = Header::try_from(bytes.as_slice()).map_err(|fault| refused(&format!("its PROXY header cannot be read: {fault}")))?;
    Ok(match (header.command, header.addresses) {
        (Command::Proxy, Addresses::IPv4(addresses)) => Some(addresses.source_address.into()),
        (Command::Proxy, Addresses::IPv6(addresses)) => Some(IpAddr::from(addresses.source_address).to_canonical()),
        (Command::Proxy, Addresses::Unspecified | Addresses::Unix(_)) | (Command::Local, _) => None,
    })
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use ppp::v2::{Builder, Protocol, Version};

    use super::*;

    fn header(command: Command, from: &str) -> Vec<u8> {
        let from: std::net::SocketAddr = from.parse().unwrap();
        let to = std::net::SocketAddr::new(from.ip(), 443);
        Builder::with_addresses(Version::Two | command, Protocol::Stream, (from, to)).build().unwrap()
    }

    async fn read(bytes: &[u8]) -> (io::Result<Option<IpAddr>>, Vec<u8>) {
        let mut left = bytes;
        let client = client(&mut left).await;
        (client, left.to_vec())
    }

    #[tokio::test]
    async fn it_says_who_the_proxy_speaks_for_and_takes_nothing_else() {
        for (from, seen) in [("198.51.100.7:1234", "198.51.100.7"), ("[2001:db8::1]:1234", "2001:db8::1")] {
            let (client, left) = read(&[&header(Command::Proxy, from)[..], b"POST /"].concat()).await;
            assert_eq!((client.unwrap(), &left[..]), (Some(seen.parse().unwrap()), &b"POST /"[..]));
        }
        assert_eq!(read(&header(Command::Local, "198.51.100.7:1234")).await.0.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_none_is_refused() {
        let told = |bytes: Vec<u8>| async move { read(&bytes).await.0.unwrap_err().to_string() };
        assert_eq!(told(b"POST /webhooks/masonhub HTTP/1.1".to_vec()).await, "it does not begin with a PROXY header of version 2");
        let mut long = header(Command::Proxy, "198.51.100.7:1234");
        (long[14], long[15]) = (0xff, 0xff);
        assert_eq!(told(long).await, "its PROXY header is too long");
        let mut cut = header(Command::Proxy, "198.51.100.7:1234");
        cut.truncate(20);
        assert!(read(&cut).await.0.is_err());
    }
}
