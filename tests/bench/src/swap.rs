//! Swaps under load: nothing fails, throughput stays, and how soon a new version takes effect.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::Timestamp;
use mortar_core::delivery::State;
use mortar_core::ports::{Clock, Filter, Journal};
use mortar_journal::{Options, SqliteJournal};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tokio::time::{Instant, MissedTickBehavior};

use crate::figures::Figures;
use crate::host::{Server, configure};
use crate::load::{Callbacks, Connection, closed};
use crate::sandbox::custom_section;
use crate::stand_in::Erp;

/// What `swap` takes.
#[derive(Args, Clone)]
pub(crate) struct Swapping {
    /// How often the load with swaps is compared with the load without; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds that each load lasts, after a second of warming up
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Milliseconds from one swap to the next
    #[arg(long, default_value_t = 200)]
    every: u64,
    /// Swaps of each kind whose way is timed
    #[arg(long, default_value_t = 10)]
    timed: usize,
    /// Where the built plugins are
    #[arg(long, default_value = "target/plugins")]
    plugins: PathBuf,
    /// Where swap.json is written
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

/// Longer than an ack of a full queue, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(120);

/// Connections of the load.
const CONNECTIONS: usize = 64;

/// Callbacks per second while swaps are timed.
const STEADY: u64 = 200;

pub(crate) async fn bench(swapping: &Swapping) -> Result<()> {
    let place = tempfile::tempdir()?;
    let versions = Versions::new(place.path(), &swapping.plugins)?;
    let erp = Erp::start().await?;
    let connection = format!(
        "[connections.erp]\nurl = \"http://{}\"\nprivate_addresses = true\nconcurrency = 64\nidempotency_header = \"Idempotency-Key\"\n",
        erp.address
    );
    let host = place.path().join("host");
    configure(&host, &connection, &[])?;
    // Made before, for a file that was just written counts only when it is left alone for a while.
    versions.make("current", "v", 0)?;
    versions.make("other", "v", 1)?;
    for nth in 0..swapping.timed {
        versions.make(&format!("cached-{nth}"), &format!("cached-{nth}"), nth % 2)?;
        versions.make(&format!("uncached-{nth}"), &format!("uncached-{nth}"), 2 + nth)?;
    }
    std::fs::rename(versions.place("current"), versions.current())?;
    let server = Server::host(&host).await?;
    let callbacks = Callbacks::new();
    // Both are in the cache from here on.
    swap_once(&versions, &erp, &callbacks, server.address, "other", "v").await?;

    let mut figures = Figures::default();
    let (mut cached, mut uncached) = (Vec::new(), Vec::new());
    let stop = Arc::new(AtomicBool::new(false));
    let steady = tokio::spawn(steadily(server.address, callbacks.clone(), stop.clone()));
    for nth in 0..swapping.timed {
        for (kind, times) in [("cached", &mut cached), ("uncached", &mut uncached)] {
            let name = format!("{kind}-{nth}");
            let renamed = versions.exchange(&name)?;
            let first = tokio::time::timeout(PATIENCE, erp.first(&name)).await.with_context(|| format!("{name} never took effect"))?;
            times.push(first.saturating_duration_since(renamed).as_secs_f64() * 1e3);
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut sent = steady.await??;
    eprintln!("rename to first event: cached {cached:.0?} ms, uncached {uncached:.0?} ms");
    figures.add("first_event_cached_ms", "ms", "", cached);
    figures.add("first_event_uncached_ms", "ms", "", uncached);

    let (mut ratios, mut swaps) = (Vec::new(), 0);
    for round in 1..=swapping.rounds {
        let (without, more) = load(&erp, &callbacks, server.address, swapping.seconds).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let storm = tokio::spawn(storm(versions.clone(), Duration::from_millis(swapping.every), stop.clone()));
        let (with, again) = load(&erp, &callbacks, server.address, swapping.seconds).await?;
        stop.store(true, Ordering::Relaxed);
        let swapped = storm.await??;
        eprintln!("round {round}: {without:.0}/s without swaps, {with:.0}/s with {swapped}");
        ratios.push(with / without);
        (sent, swaps) = (sent + more + again, swaps + swapped);
    }
    server.stop().await?;
    figures.add("throughput_ratio", "ratio", "at least 0.9", ratios);
    #[allow(clippy::cast_precision_loss)]
    figures.add("failed", "deliveries", "0", vec![failed(&host.join("mortar.db"), sent + 1).await? as f64]);
    figures.setting("seconds", swapping.seconds);
    figures.setting("every_ms", swapping.every);
    figures.setting("swaps", swaps);
    figures.setting("sent", sent);
    figures.report("swap", &swapping.out)
}

/// Versions of one plugin, each a folder that waits beside the plugin directory.
#[derive(Clone)]
struct Versions {
    root: PathBuf,
    component: Arc<[u8]>,
}

impl Versions {
    fn new(root: &Path, plugins: &Path) -> Result<Self> {
        let file = plugins.join("rest").join("rest.wasm");
        let component = std::fs::read(&file).with_context(|| file.display().to_string())?;
        std::fs::create_dir_all(root.join("versions"))?;
        Ok(Self { root: root.to_owned(), component: component.into() })
    }

    fn place(&self, name: &str) -> PathBuf {
        self.root.join("versions").join(name)
    }

    fn current(&self) -> PathBuf {
        self.root.join("host/plugins/rest")
    }

    /// Makes a version that writes orders by this path, of the component with this number.
    fn make(&self, name: &str, path: &str, component: usize) -> Result<()> {
        let place = self.place(name);
        std::fs::create_dir(&place)?;
        std::fs::write(place.join("plugin.wasm"), [&self.component[..], &custom_section(component)?].concat())?;
        let rule = format!("[config.rules.\"order.fulfilled\"]\nmethod = \"POST\"\npath = \"/orders/{{number}}/{path}\"\n");
        Ok(std::fs::write(place.join("plugin.toml"), format!("connections = [\"erp\"]\n{rule}"))?)
    }

    /// Puts a version in the place of the one that is there, which takes its place. When that was.
    fn exchange(&self, name: &str) -> Result<Instant> {
        renameat_with(CWD, self.place(name), CWD, self.current(), RenameFlags::EXCHANGE)?;
        Ok(Instant::now())
    }
}

async fn swap_once(
    versions: &Versions,
    erp: &Erp,
    callbacks: &Callbacks,
    address: std::net::SocketAddr,
    name: &str,
    path: &str,
) -> Result<()> {
    versions.exchange(name)?;
    Connection::open(address).await?.send(&callbacks.request(callbacks.number())).await?;
    tokio::time::timeout(PATIENCE, erp.first(path)).await.context("no order arrived")?;
    Ok(())
}

/// Swaps until it is told to stop; how often.
async fn storm(versions: Versions, every: Duration, stop: Arc<AtomicBool>) -> Result<u64> {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut swaps = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        versions.exchange("other")?;
        swaps += 1;
    }
    Ok(swaps)
}

/// Sends at a steady rate until it is told to stop; how many.
async fn steadily(address: std::net::SocketAddr, callbacks: Callbacks, stop: Arc<AtomicBool>) -> Result<u64> {
    let mut connection = Connection::open(address).await?;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(STEADY)?);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        connection.send(&callbacks.request(callbacks.number())).await?;
        sent += 1;
    }
    Ok(sent)
}

/// Sends as fast as acks come; deliveries per second until the last one arrived, and how many were sent.
async fn load(erp: &Erp, callbacks: &Callbacks, address: std::net::SocketAddr, seconds: u64) -> Result<(f64, u64)> {
    erp.expect(0);
    erp.all_arrived().await;
    let started = Instant::now();
    let measured = closed(address, callbacks, CONNECTIONS, Duration::from_secs(seconds)).await?;
    erp.expect(measured.answers);
    let Ok(_) = tokio::time::timeout(PATIENCE, erp.all_arrived()).await else {
        bail!("not every order of {} arrived within {PATIENCE:?}", measured.answers)
    };
    #[allow(clippy::cast_precision_loss)]
    Ok((measured.answers as f64 / started.elapsed().as_secs_f64(), measured.answers))
}

/// Deliveries that were not done by their first attempt, or are not there: a lease that ran out shows as
/// another attempt.
async fn failed(journal: &Path, sent: u64) -> Result<u64> {
    struct Late;
    impl Clock for Late {
        fn now(&self) -> Timestamp {
            Timestamp::MAX
        }
    }
    let journal = SqliteJournal::open(journal, Options::default(), Arc::new(Late))?;
    let (mut good, mut before) = (0, None);
    loop {
        let page = journal.events(Filter { before, limit: 1000, ..Filter::default() }).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        let deliveries = page.iter().flat_map(|event| &event.deliveries);
        good += deliveries.filter(|delivery| delivery.state == State::Done && delivery.attempts == 1).count() as u64;
    }
    journal.close().await?;
    Ok(sent.saturating_sub(good))
}
