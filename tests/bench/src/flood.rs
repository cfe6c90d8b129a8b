//! Genuine callbacks among two thousand hostile connections: clients that drip heads and bodies,
//! and floods of forged callbacks. The host's own cap on connections, as it is by default, has room
//! for all of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::Settings;
use crate::figures::{Figures, percentile};
use crate::host::{Server, configure};
use crate::load::{Callbacks, Connection, closed};

/// Connections that drip a head, that drip a body, and that send forged callbacks.
const HEADS: usize = 500;
const BODIES: usize = 500;
const FORGERS: usize = 1000;

/// Between two bytes of a drip.
const DRIP: Duration = Duration::from_secs(1);

/// Between two forged callbacks of one connection: ten for each genuine one.
const FORGE: Duration = Duration::from_millis(250);

/// Genuine connections, and the time between two callbacks of each.
const SENDERS: usize = 32;
const PACE: Duration = Duration::from_millis(80);

/// Connections where it is measured what a callback costs.
const COSTLY: usize = 64;

/// Delivery rows are written and stay pending: the plugin is paused.
const PAUSED: &str = "concurrency = 0\n";

pub(crate) async fn bench(settings: &Settings) -> Result<()> {
    // Here as well as in the host, which inherits it.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit })?;
    let place = tempfile::tempdir()?;
    configure(place.path(), "", &[(settings.plugins.join("rest").join("rest.wasm"), PAUSED)])?;
    let host = Server::host(place.path()).await?;
    let callbacks = Callbacks::new();
    let mut rounds = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=settings.rounds {
        let calm = genuine(&host, &callbacks, settings.lasting()).await?;
        let forged = Arc::new(AtomicU64::new(0));
        let mut flood = flood(host.address, &callbacks, &forged).await?;
        let before = forged.load(Ordering::Relaxed);
        let flooded = genuine(&host, &callbacks, settings.lasting()).await?;
        let forged = forged.load(Ordering::Relaxed) - before;
        while let Some(ended) = flood.try_join_next() {
            ended??;
        }
        flood.shutdown().await;
        let ms = |latencies: &[u64]| percentile(latencies, 0.99) / 1e6;
        eprintln!("round {round}: p99 {:.2} ms, in the flood of {forged} forged callbacks {:.2} ms", ms(&calm), ms(&flooded));
        rounds.0.push(ms(&flooded) / ms(&calm));
        let (cost, blast) = forgers(&host, &callbacks, COSTLY, Duration::ZERO, settings.lasting()).await?;
        let (_, trickle) = forgers(&host, &callbacks, 1, Duration::from_millis(10), settings.lasting()).await?;
        let cpu = host.cpu_ticks()?;
        let accepted = closed(host.address, &callbacks, COSTLY, settings.lasting()).await?;
        #[allow(clippy::cast_precision_loss)]
        let genuine_cost = (host.cpu_ticks()? - cpu) as f64 / accepted.answers as f64;
        rounds.1.push(cost / genuine_cost);
        rounds.2.push(blast / trickle);
    }
    host.stop().await?;
    let mut figures = Figures::default();
    figures.add("flood_p99_ratio", "ratio", "at most 3", rounds.0);
    figures.add("forged_cost", "ratio", "below 1", rounds.1);
    figures.add("flood_disk_growth", "ratio", "at most 1.5", rounds.2);
    figures.setting("hostile_connections", HEADS + BODIES + FORGERS);
    figures.setting("seconds", settings.seconds);
    figures.setting("rounds", settings.rounds);
    figures.report("load", &settings.out)
}

/// Sends at an even pace; from the moment when each was due to its answer, in nanoseconds, sorted.
async fn genuine(host: &Server, callbacks: &Callbacks, lasting: Duration) -> Result<Vec<u64>> {
    let mut senders = JoinSet::new();
    let address = host.address;
    let start = Instant::now();
    for sender in 0..SENDERS {
        let callbacks = callbacks.clone();
        senders.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut latencies = Vec::new();
            let mut due = start + PACE.mul_f64(sender as f64 / SENDERS as f64);
            while due < start + lasting {
                let request = callbacks.request(callbacks.number());
                sleep_until(due).await;
                connection.send(&request).await?;
                latencies.push(u64::try_from(due.elapsed().as_nanos())?);
                due += PACE;
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(sender) = senders.join_next().await {
        latencies.extend(sender??);
    }
    latencies.sort_unstable();
    Ok(latencies)
}

/// Everything hostile at once; returns when all of it is connected.
async fn flood(address: SocketAddr, callbacks: &Callbacks, forged: &Arc<AtomicU64>) -> Result<JoinSet<Result<()>>> {
    let request: Arc<[u8]> = callbacks.forged(callbacks.number()).into();
    let head = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let mut all = JoinSet::new();
    for (count, whole) in [(HEADS, head / 2), (BODIES, head + 4)] {
        for _ in 0..count {
            let stream = TcpStream::connect(address).await?;
            all.spawn(drip(address, stream, request.clone(), whole));
        }
    }
    for _ in 0..FORGERS {
        all.spawn(forge(Connection::open(address).await?, address, request.clone(), FORGE, forged.clone()));
    }
    Ok(all)
}

/// Sends so much of a request at once, the rest byte by byte; and again, once the host has enough.
async fn drip(address: SocketAddr, mut stream: TcpStream, request: Arc<[u8]>, whole: usize) -> Result<()> {
    loop {
        let mut sent = stream.write_all(&request[..whole]).await;
        for byte in &request[whole..] {
            if sent.is_err() {
                break;
            }
            tokio::time::sleep(DRIP).await;
            sent = stream.write_all(&[*byte]).await;
        }
        stream = TcpStream::connect(address).await?;
    }
}

/// Sends a forged callback each so often.
async fn forge(mut connection: Connection, address: SocketAddr, request: Arc<[u8]>, pause: Duration, forged: Arc<AtomicU64>) -> Result<()> {
    loop {
        let next = Instant::now() + pause;
        match connection.exchange(&request).await {
            Ok(401) => drop(forged.fetch_add(1, Ordering::Relaxed)),
            Ok(status) => anyhow::bail!("a forged callback was answered {status}"),
            Err(_) => connection = Connection::open(address).await?,
        }
        sleep_until(next).await;
    }
}

/// Forged callbacks alone: ticks of the host's CPU for each, and bytes that it wrote for all.
async fn forgers(host: &Server, callbacks: &Callbacks, connections: usize, pause: Duration, lasting: Duration) -> Result<(f64, f64)> {
    let request: Arc<[u8]> = callbacks.forged(callbacks.number()).into();
    let forged = Arc::new(AtomicU64::new(0));
    let mut all = JoinSet::new();
    let (cpu, written) = (host.cpu_ticks()?, host.bytes_written()?);
    for _ in 0..connections {
        all.spawn(forge(Connection::open(host.address).await?, host.address, request.clone(), pause, forged.clone()));
    }
    tokio::time::sleep(lasting).await;
    let forged = forged.load(Ordering::Relaxed);
    ensure!(all.try_join_next().is_none() && forged > 0, "forged callbacks are not answered 401");
    all.shutdown().await;
    #[allow(clippy::cast_precision_loss)]
    Ok(((host.cpu_ticks()? - cpu) as f64 / forged as f64, (host.bytes_written()? - written) as f64))
}
