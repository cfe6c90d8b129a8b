//! How fast callbacks become durable: `cargo run --release -p mortar-journal --example ingest`.
//!
//! Each producer sends a callback of one event of 1.5 kB with one delivery, waits for the ack, and
//! sends the next. Printed are events per second, the time to the ack, the processor time for each
//! event (of producers and journal; it says more than the rest where other work shares the
//! machine), and the bytes written to disk for each byte of body, the last copy of the write-ahead
//! log included. Each run is followed by one of a plain file with the same group commit, as a
//! measure of the disk. Arguments, all optional: `seconds=5 producers=64,256 stored=0 page=2048 cache=64`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use mortar_core::delivery::PluginNo;
use mortar_core::event::{Event, Subject, SubjectKind};
use mortar_core::ports::{Clock, Journal, NewCallback, NewDelivery, NewEvent, Order};
use mortar_journal::{Options, SqliteJournal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

const BODY: usize = 1500;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the clock itself")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

struct Settings {
    seconds: u64,
    producers: Vec<usize>,
    stored: u64,
    page: u32,
    cache: usize,
}

fn settings() -> Settings {
    let mut settings = Settings {
        seconds: 5,
        producers: vec![64, 256],
        stored: 0,
        page: Options::default().page_size,
        cache: Options::default().page_cache,
    };
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("seconds", n)) => settings.seconds = n.parse().unwrap(),
            Some(("producers", list)) => settings.producers = list.split(',').map(|n| n.parse().unwrap()).collect(),
            Some(("stored", n)) => settings.stored = n.parse().unwrap(),
            Some(("cache", n)) => settings.cache = n.parse::<usize>().unwrap() << 20,
            Some(("page", n)) => settings.page = n.parse().unwrap(),
            _ => panic!("unknown argument {argument}"),
        }
    }
    settings
}

fn main() {
    let settings = settings();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("store    producers  events/s  ack p50 ms  p99 ms  p99.9 ms  cpu µs  written/body");
    for producers in &settings.producers {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ingest.db");
        let first = if settings.stored > 0 { fill(&runtime, &path, &settings) } else { 0 };
        let until = || Until::Seconds(settings.seconds);
        report("journal", *producers, || {
            runtime.block_on(ingest(Store::Journal(Box::new(open(&path, &settings))), *producers, first, until()))
        });
        let log = directory.path().join("ingest.log");
        report("log", *producers, || runtime.block_on(ingest(Store::Log(append(&log)), *producers, 0, until())));
    }
}

fn report(store: &str, producers: usize, run: impl FnOnce() -> Measured) {
    let (written_before, cpu_before) = (written(), cpu());
    let Measured { mut acks, took } = run();
    acks.sort_unstable();
    let at = |share: f64| f64::from(acks[((acks.len() - 1) as f64 * share) as usize]) / 1000.0;
    let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
    let per_second = acks.len() as f64 / took.as_secs_f64();
    let amplification = (written() - written_before) as f64 / (acks.len() * BODY) as f64;
    let cpu = (cpu() - cpu_before).as_micros() as f64 / acks.len() as f64;
    println!("{store:7}  {producers:9}  {per_second:8.0}  {p50:10.2}  {p99:6.2}  {p999:8.2}  {cpu:6.1}  {amplification:12.2}");
}

/// What takes the callbacks.
enum Store {
    Journal(Box<SqliteJournal>),
    Log(mpsc::Sender<(Bytes, oneshot::Sender<()>)>),
}

impl Store {
    async fn accept(&self, callback: NewCallback) {
        match self {
            Self::Journal(journal) => drop(journal.accept(callback).await.unwrap()),
            Self::Log(line) => {
                let (reply, stored) = oneshot::channel();
                line.send((callback.body, reply)).await.unwrap();
                stored.await.unwrap();
            }
        }
    }
}

/// A thread that appends what waits to a file, syncs it, and answers.
fn append(path: &Path) -> mpsc::Sender<(Bytes, oneshot::Sender<()>)> {
    let (line, mut in_line) = mpsc::channel::<(Bytes, oneshot::Sender<()>)>(8192);
    let mut file = std::fs::File::create(path).unwrap();
    std::thread::spawn(move || {
        let (mut bytes, mut replies) = (Vec::new(), Vec::new());
        while let Some(first) = in_line.blocking_recv() {
            let mut next = Some(first);
            while let Some((body, reply)) = next.take() {
                bytes.extend_from_slice(&body);
                replies.push(reply);
                if replies.len() < 1024 && bytes.len() < 2 << 20 {
                    next = in_line.try_recv().ok();
                }
            }
            file.write_all(&bytes).unwrap();
            file.sync_data().unwrap();
            bytes.clear();
            replies.drain(..).for_each(|reply| reply.send(()).unwrap());
        }
    });
    line
}

fn open(path: &Path, settings: &Settings) -> SqliteJournal {
    let options = Options { page_size: settings.page, page_cache: settings.cache, open_deliveries: usize::MAX, ..Options::default() };
    SqliteJournal::open(path, options, Arc::new(SystemClock)).unwrap()
}

/// Stores events without deliveries before the measurement. Answers the number of the next event.
fn fill(runtime: &tokio::runtime::Runtime, path: &Path, settings: &Settings) -> u64 {
    runtime.block_on(ingest(Store::Journal(Box::new(open(path, settings))), 1024, 0, Until::Events(settings.stored)));
    let started = Instant::now();
    drop(open(path, settings));
    println!("opened with {} events in {:.2?}", settings.stored, started.elapsed());
    settings.stored
}

enum Until {
    Seconds(u64),
    Events(u64),
}

struct Measured {
    /// Microseconds.
    acks: Vec<u32>,
    took: Duration,
}

/// Runs the producers; the store is closed when this returns.
async fn ingest(store: Store, producers: usize, first: u64, until: Until) -> Measured {
    let store = Arc::new(store);
    let plugin = PluginNo(1);
    if let Store::Journal(journal) = &*store {
        assert_eq!(journal.register_plugins(vec!["bench".into()]).await.unwrap(), [plugin]);
    }
    let (next, stop) = (Arc::new(AtomicU64::new(first)), Arc::new(AtomicBool::new(false)));
    let last = if let Until::Events(events) = until { first + events } else { u64::MAX };
    let started = Instant::now();
    let tasks: Vec<_> = (0..producers)
        .map(|_| {
            let (store, next, stop) = (store.clone(), next.clone(), stop.clone());
            tokio::spawn(async move {
                let mut acks = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= last || stop.load(Ordering::Relaxed) {
                        return acks;
                    }
                    let sent = Instant::now();
                    store.accept(callback(number, (last == u64::MAX).then_some(plugin))).await;
                    acks.push(sent.elapsed().as_micros() as u32);
                }
            })
        })
        .collect();
    if let Until::Seconds(seconds) = until {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        stop.store(true, Ordering::Relaxed);
    }
    let mut acks = Vec::new();
    for task in tasks {
        acks.extend(task.await.unwrap());
    }
    let took = started.elapsed();
    tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
    Measured { acks, took }
}

fn callback(number: u64, plugin: Option<PluginNo>) -> NewCallback {
    let mut body = format!("{{\"message_id\":\"00000000-0000-4000-8000-{number:012x}\",\"data\":[").into_bytes();
    let start = body.len();
    body.resize(BODY - 2, b' ');
    body.extend_from_slice(b"]}");
    let event = Event {
        id: format!("00000000-0000-4000-8000-{number:012x}:0"),
        event_type: "order.fulfilled".into(),
        subject: Subject { kind: SubjectKind::Order, id: format!("SO-{number}") },
        as_of: None,
        record: start..BODY - 2,
    };
    let deliveries = plugin.into_iter().map(|plugin| NewDelivery { plugin, order: Order::Fifo }).collect();
    NewCallback {
        source: "masonhub".into(),
        received_at: SystemClock.now(),
        remote: Some([127, 0, 0, 1].into()),
        delivery_header: Some(format!("10000000-0000-4000-8000-{number:012x}")),
        secret: Some(1),
        body: Bytes::from(body),
        events: vec![NewEvent { event, deliveries }],
        unreadable: None,
    }
}

/// Bytes that this process has written to disk so far.
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
}

/// Processor time that this process has used so far, in the kernel too.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}
