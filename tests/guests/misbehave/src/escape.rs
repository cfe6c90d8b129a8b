//! Looking for a way out of the sandbox: what is found is logged as an error.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::time::SystemTime;

use mortar_sdk::{Failure, Outcome, done, log};

pub(crate) fn run(behaviour: &str) -> Option<Result<Outcome, Failure>> {
    match behaviour {
        "read-file" => {
            found("/etc/passwd", std::fs::read("/etc/passwd"));
            found("plugin.toml", std::fs::read("plugin.toml"));
            found("..", std::fs::read_dir("..").map(Iterator::count));
            found("/", std::fs::read_dir("/").map(Iterator::count));
            found("write", std::fs::write("/tmp/misbehave", "x"));
        }
        "read-env" => {
            log::info!("variables: {}", std::env::vars().count());
            log::info!("arguments: {}", std::env::args().count());
            // Rust answers `/` where the host says nothing.
            log::info!("directory: {:?}", std::env::current_dir());
        }
        "network" => {
            found("tcp", TcpStream::connect("127.0.0.1:80").map(drop));
            found("udp", UdpSocket::bind("0.0.0.0:0").map(drop));
            found("dns", "localhost:80".to_socket_addrs().map(Iterator::count));
        }
        "clock" => {
            #[allow(clippy::disallowed_methods, reason = "the guest reads whatever clock the host shows it")]
            let now = SystemTime::now();
            log::info!("clock: {:?}", now.duration_since(SystemTime::UNIX_EPOCH));
            log::info!("random: {:016x}", RandomState::new().hash_one(0));
            log::info!("order: {:?}", (0..8).collect::<HashSet<_>>());
        }
        _ => return None,
    }
    Some(done())
}

fn found<T: Debug>(what: &str, result: std::io::Result<T>) {
    match result {
        Ok(value) => log::error!("{what}: found {value:?}"),
        Err(error) => log::info!("{what}: {error}"),
    }
}
