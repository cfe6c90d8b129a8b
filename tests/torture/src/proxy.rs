//! What stands before an ERP and loses answers. It knows just enough of HTTP to tell requests
//! apart.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mortar_sim::chance::Chance;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::setup::TIMEOUT_MS;

/// Of a hundred requests, so many meet a fault of their own.
const FAULTY: f64 = 0.08;

/// What holds for all requests at the moment.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Some requests meet a fault.
    pub(crate) faults: bool,
    /// No connection is taken.
    pub(crate) refusing: bool,
    /// Every answer is 503.
    pub(crate) unavailable: bool,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    shared: Arc<Shared>,
}

struct Shared {
    erp: SocketAddr,
    chance: Chance,
    met: Mutex<BTreeMap<&'static str, u64>>,
}

#[derive(Clone, Copy)]
enum Fault {
    Cut,
    Torn,
    Slow,
    Late,
    HalfClosed,
    Garbage,
    BadGateway,
    Unavailable,
}

impl Fault {
    const ALL: [Self; 8] =
        [Self::Cut, Self::Torn, Self::Slow, Self::Late, Self::HalfClosed, Self::Garbage, Self::BadGateway, Self::Unavailable];
}

impl Proxy {
    pub(crate) async fn start(erp: SocketAddr, chance: Chance) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { erp, chance, met: Mutex::default() });
        let weather = watch::Sender::new(Weather::default());
        tokio::spawn(listen(listener, shared.clone(), weather.subscribe()));
        Ok(Self { address, weather, shared })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn weather(&self, change: impl FnOnce(&mut Weather)) {
        self.weather.send_modify(change);
    }

    /// The faults that requests met, and how many did.
    pub(crate) fn met(&self) -> BTreeMap<&'static str, u64> {
        self.shared.met.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Takes connections, and none while the weather says so.
async fn listen(first: TcpListener, shared: Arc<Shared>, mut weather: watch::Receiver<Weather>) -> io::Result<()> {
    let address = first.local_addr()?;
    let mut listener = Some(first);
    loop {
        let open = match listener.take() {
            Some(open) => open,
            None => TcpListener::bind(address).await?,
        };
        loop {
            let taken = tokio::select! {
                taken = open.accept() => taken,
                _ = weather.wait_for(|weather| weather.refusing) => break,
            };
            if let Ok((stream, _)) = taken {
                tokio::spawn(serve(shared.clone(), weather.clone(), stream));
            }
        }
        drop(open);
        shared.count("connections refused for a while");
        if weather.wait_for(|weather| !weather.refusing).await.is_err() {
            return Ok(());
        }
    }
}

/// Carries requests until one ends badly, which is what most of them are here for.
async fn serve(shared: Arc<Shared>, mut weather: watch::Receiver<Weather>, mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut way = Way { client: Buffered::default(), erp: None, shared: &shared };
    loop {
        let request = tokio::select! {
            request = way.client.message(&mut client) => request?,
            _ = weather.wait_for(|weather| weather.refusing) => return Ok(()),
        };
        let now = *weather.borrow();
        if now.unavailable {
            shared.count("503 for a while");
            client.write_all(&answer("503 Service Unavailable", "Retry-After: 1\r\n")).await?;
        } else if now.faults && shared.chance.hits(FAULTY) {
            way.fail(&mut client, &request).await?;
        } else {
            let answer = way.forward(&request).await?;
            client.write_all(&answer).await?;
        }
    }
}

/// One connection of the host and its continuation to the ERP.
struct Way<'a> {
    client: Buffered,
    erp: Option<(TcpStream, Buffered)>,
    shared: &'a Shared,
}

impl Way<'_> {
    /// The ERP's whole answer.
    async fn forward(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        let (mut stream, mut buffered) = match self.erp.take() {
            Some(open) => open,
            None => (TcpStream::connect(self.shared.erp).await?, Buffered::default()),
        };
        stream.set_nodelay(true)?;
        stream.write_all(request).await?;
        let answer = buffered.message(&mut stream).await?;
        self.erp = Some((stream, buffered));
        Ok(answer)
    }

    /// Answers a request badly. An error ends the connection, as do most faults.
    async fn fail(&mut self, client: &mut TcpStream, request: &[u8]) -> io::Result<()> {
        let chance = &self.shared.chance;
        let fault = chance.pick(&Fault::ALL);
        let after = Duration::from_millis(TIMEOUT_MS).mul_f64(1.8);
        let wait = chance.up_to(after);
        // Whether the ERP gets to see it.
        let applied = chance.hits(0.6);
        self.shared.count(fault.name(applied));
        match fault {
            Fault::Unavailable => return client.write_all(&answer("503 Service Unavailable", "Retry-After: 0\r\n")).await,
            Fault::Slow => {
                let answer = self.forward(request).await?;
                tokio::time::sleep(wait).await;
                return client.write_all(&answer).await;
            }
            Fault::Late => {
                tokio::time::sleep(wait).await;
                let answer = self.forward(request).await?;
                return client.write_all(&answer).await;
            }
            Fault::Torn => {
                let answer = self.forward(request).await?;
                let some = usize::try_from(self.shared.chance.below(answer.len() as u64)).unwrap_or(0);
                client.write_all(&answer[..some]).await?;
                return Err(cut());
            }
            Fault::Cut | Fault::HalfClosed | Fault::Garbage | Fault::BadGateway => {}
        }
        if applied {
            self.forward(request).await?;
        }
        match fault {
            Fault::HalfClosed => {
                client.shutdown().await?;
                // Its other half stays open for as long as the host wants.
                let _ = tokio::time::timeout(after, client.read_to_end(&mut Vec::new())).await;
            }
            Fault::Garbage => client.write_all(b"\xff\xfe 2OO okay?\r\n<html>\0\r\n\r\n").await?,
            Fault::BadGateway => return client.write_all(&answer("502 Bad Gateway", "")).await,
            _ => {}
        }
        Err(cut())
    }
}

impl Fault {
    fn name(self, applied: bool) -> &'static str {
        match (self, applied) {
            (Self::Cut, false) => "cut before the ERP saw it",
            (Self::Cut, true) => "cut after the ERP had it",
            (Self::Torn, _) => "half an answer",
            (Self::Slow, _) => "slow answer",
            (Self::Late, _) => "reached the ERP late",
            (Self::HalfClosed, _) => "half-closed",
            (Self::Garbage, _) => "garbage",
            (Self::BadGateway, _) => "502",
            (Self::Unavailable, _) => "503",
        }
    }
}

impl Shared {
    fn count(&self, what: &'static str) {
        *self.met.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }
}

/// What was read beyond the last message.
#[derive(Default)]
struct Buffered(Vec<u8>);

impl Buffered {
    /// A whole request or answer.
    async fn message(&mut self, stream: &mut TcpStream) -> io::Result<Vec<u8>> {
        loop {
            if let Some(length) = length(&self.0).filter(|length| *length <= self.0.len()) {
                return Ok(self.0.drain(..length).collect());
            }
            if stream.read_buf(&mut self.0).await? == 0 {
                return Err(cut());
            }
        }
    }
}

/// How long the message is that begins here, once its head is there.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    Some(head + 4 + body.unwrap_or(0))
}

fn answer(status: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n\r\n").into_bytes()
}

fn cut() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}
