//! Servers made by hand, and connections to them.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_connect::{ConnectError, Connections, Keeper, Secrets};
use mortar_core::call::{Request, Response};
use mortar_core::config::{ConnectionConfig, Secret};
use mortar_core::ports::{Clock, Connector, Observation, Observer, SendError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A clock that stands still until it is moved.
pub(crate) struct TestClock(Mutex<Timestamp>);

impl TestClock {
    pub(crate) fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Moves tokio's clock on. Nothing may be under way: whatever waits for a time is late afterwards.
pub(crate) async fn jump(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Keeps the connection and status of each observed call, and what the breaker became.
#[derive(Default)]
pub(crate) struct Observed(pub(crate) Mutex<Vec<(String, Option<u16>)>>, pub(crate) Mutex<Vec<&'static str>>);

impl Observer for Observed {
    fn observe(&self, observation: &Observation<'_>) {
        match observation {
            Observation::Call { connection, status, .. } => self.0.lock().unwrap().push(((*connection).to_owned(), *status)),
            Observation::Breaker { state, .. } => self.1.lock().unwrap().push(state),
            _ => {}
        }
    }
}

/// Connections with what they observe and the clock that they read.
pub(crate) struct World {
    pub(crate) connections: Connections,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) kept: Kept,
}

/// Reads `[NAME]` tables of connections. The secret `{ env = "X" }` is `X-s3cret`; `MISSING` is not there.
pub(crate) fn try_connect(toml: &str) -> Result<World, Vec<ConnectError>> {
    let config: BTreeMap<String, ConnectionConfig> = toml::from_str(toml).unwrap();
    let clock = Arc::new(TestClock(Mutex::new("2025-01-01T00:00:00Z".parse().unwrap())));
    let observed = Arc::new(Observed::default());
    let kept = Kept::default();
    let connections = Connections::new(&config, &TestSecrets(kept.clone()), clock.clone(), observed.clone())?;
    Ok(World { connections, clock, observed, kept })
}

/// What was put in the place of secrets.
pub(crate) type Kept = Arc<Mutex<Vec<String>>>;

struct TestSecrets(Kept);

impl Secrets for TestSecrets {
    fn resolve(&self, secret: &Secret) -> Result<String, String> {
        match secret {
            Secret::Env(name) if name == "MISSING" => Err("the environment variable MISSING is not set".to_owned()),
            Secret::Env(name) => Ok(format!("{name}-s3cret")),
            Secret::Credential(name) => Err(format!("there is no credential {name}")),
            Secret::File(path) => std::fs::read_to_string(path).map_err(|e| e.to_string()),
        }
    }

    fn keeper(&self, _: &Secret) -> Option<Keeper> {
        let kept = self.0.clone();
        Some(Box::new(move |secret| {
            kept.lock().unwrap().push(secret.to_owned());
            Ok(())
        }))
    }
}

/// One connection `erp` to an address on this machine, with further settings.
pub(crate) fn connect(address: SocketAddr, settings: &str) -> World {
    try_connect(&format!("[erp]\nurl = \"http://{address}/api\"\nprivate_addresses = true\n{settings}")).unwrap()
}

impl World {
    pub(crate) async fn send(&self, request: &Request) -> Result<Response, SendError> {
        self.connections.send(request, "key1").await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Response, SendError> {
        self.send(&request("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Result<Response, SendError> {
        self.send(&Request { body: Some(body.into()), ..request("POST", path) }).await
    }
}

pub(crate) fn request(method: &str, path: &str) -> Request {
    Request { connection: "erp".into(), method: method.into(), path: path.into(), headers: Vec::new(), body: None }
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The server's end of a connection.
pub(crate) struct Peer {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) number: usize,
    buffer: Vec<u8>,
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The connection that it came over, from 0.
    pub(crate) peer: usize,
    /// `GET /path HTTP/1.1`
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Peer {
    pub(crate) fn new(stream: Box<dyn Stream>, number: usize) -> Self {
        Self { stream, number, buffer: Vec::new() }
    }

    /// The next line, without its end; none once the client has closed.
    pub(crate) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|w| w == b"\r\n") {
                let line = self.buffer.drain(..end + 2).take(end).collect();
                return Some(String::from_utf8(line).unwrap());
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The next request; none once the client has closed.
    pub(crate) async fn request(&mut self) -> Option<Seen> {
        let line = self.line().await?;
        let mut headers = Vec::new();
        loop {
            let header = self.line().await?;
            let Some((name, value)) = header.split_once(": ") else { break };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        let mut seen = Seen { peer: self.number, line, headers, body: String::new() };
        let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.buffer.len() < length {
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
        seen.body = String::from_utf8(self.buffer.drain(..length).collect()).unwrap();
        Some(seen)
    }

    /// Writes; false once the client has closed.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Waits until the client closes.
    pub(crate) async fn until_closed(&mut self) {
        while self.line().await.is_some() {}
    }
}

/// A server on this machine, until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Runs `serve` on each connection.
pub(crate) async fn serve_raw<F, Fut>(serve: F) -> Server
where
    F: Fn(TcpStream, usize) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, number));
        }
    });
    Server { address, accepting }
}

/// Runs `serve` on each connection.
pub(crate) async fn serve<F, Fut>(serve: F) -> Server
where
    F: Fn(Peer) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    serve_raw(move |stream, number| serve(Peer::new(Box::new(stream), number))).await
}

/// All requests that a server saw.
pub(crate) type Log = Arc<Mutex<Vec<Seen>>>;

/// Answers every request with what `answer` makes of it, and keeps all of them.
pub(crate) async fn answering<F>(answer: F) -> (Server, Log)
where
    F: Fn(&Seen) -> String + Send + Sync + 'static,
{
    let (log, answer) = (Log::default(), Arc::new(answer));
    let kept = log.clone();
    let server = serve(move |mut peer| {
        let (answer, kept) = (answer.clone(), kept.clone());
        async move {
            while let Some(seen) = peer.request().await {
                let text = answer(&seen);
                kept.lock().unwrap().push(seen);
                peer.write(text).await;
            }
        }
    })
    .await;
    (server, log)
}

/// An answer with a body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// One word for each kind of result.
pub(crate) fn kind(result: &Result<Response, SendError>) -> &'static str {
    match result {
        Ok(_) => "answered",
        Err(SendError::Denied(_)) => "denied",
        Err(SendError::TooLarge { sent: true, .. }) => "answer too large",
        Err(SendError::TooLarge { sent: false, .. }) => "request too large",
        Err(SendError::NotSent { spent: true, .. }) => "not sent",
        Err(SendError::NotSent { spent: false, .. }) => "held back",
        Err(SendError::Lost(_)) => "lost",
    }
}
