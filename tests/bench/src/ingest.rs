//! Accepting callbacks: fsync before every answer, the whole real path.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use mortar_core::ports::{Clock, Journal, NewCallback, NewEvent};
use mortar_journal::{Options, SqliteJournal};

use crate::Settings;
use crate::figures::{Figures, percentile};
use crate::host::{Server, configure};
use crate::load::{BODY, Callbacks, Measured, closed};

/// Delivery rows are written and stay pending: the plugin is paused.
const PAUSED: &str = "concurrency = 0\n";

/// More deliveries than a benchmark ever leaves open.
const ROOM: &str = "[journal]\nopen_deliveries = 100_000_000\n";

/// Callbacks in line at once while a journal is filled.
const FILL: u64 = 512;

pub(crate) async fn bench(settings: &Settings) -> Result<()> {
    let place = tempfile::tempdir()?;
    let callbacks = Callbacks::new();
    let mut figures = Figures::default();
    let host_place = place.path().join("host");
    let component = settings.plugins.join("rest").join("rest.wasm");
    configure(&host_place, ROOM, &[(component.clone(), PAUSED)])?;
    let log_file = place.path().join("log");
    let bare = Server::responder(&["bare"]).await?;
    let log = Server::responder(&["log", log_file.to_str().context("a plain path")?]).await?;
    let host = Server::host(&host_place).await?;

    let mut acked = 0;
    let written = host.bytes_written()?;
    for (connections, names) in [(64, ("vs_bare_64", "0.45")), (256, ("vs_bare_256", "0.55"))] {
        let mut rounds = Vec::new();
        for round in 1..=settings.rounds {
            eprintln!("round {round} of {} at {connections} connections", settings.rounds);
            let bare = closed(bare.address, &callbacks, connections, settings.lasting()).await?;
            let host = closed(host.address, &callbacks, connections, settings.lasting()).await?;
            let log = closed(log.address, &callbacks, connections, settings.lasting()).await?;
            for (name, measured) in [("bare", &bare), ("host", &host), ("log", &log)] {
                let (p50, p99) = (percentile(&measured.latencies, 0.5) / 1e6, percentile(&measured.latencies, 0.99) / 1e6);
                eprintln!("  {name}: {:.0}/s, p50 {p50:.2} ms, p99 {p99:.2} ms", measured.per_second);
            }
            acked += host.answers;
            rounds.push((bare, host, log));
        }
        let ratio = |of: fn(&Measured) -> f64, to: fn(&(Measured, Measured, Measured)) -> &Measured| -> Vec<f64> {
            rounds.iter().map(|r| of(&r.1) / of(to(r))).collect()
        };
        figures.add(names.0, "ratio", names.1, ratio(|m| m.per_second, |r| &r.0));
        figures.add(&format!("accepted_per_second_{connections}"), "1/s", "", rounds.iter().map(|r| r.1.per_second).collect());
        if connections == 64 {
            figures.add("vs_log_64", "ratio", "0.9", ratio(|m| m.per_second, |r| &r.2));
            figures.add("p99_vs_bare_64", "ratio", "at most 2.5", ratio(|m| percentile(&m.latencies, 0.99), |r| &r.0));
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let amplification = (host.bytes_written()? - written) as f64 / (acked * BODY as u64) as f64;
    figures.add("write_amplification", "ratio", "at most 2.6", vec![amplification]);
    host.stop().await?;
    if settings.stored > 0 {
        stored(settings, place.path(), &callbacks, &mut figures, &component).await?;
    }
    figures.setting("body_bytes", BODY);
    figures.setting("seconds", settings.seconds);
    figures.setting("rounds", settings.rounds);
    figures.setting("stored", settings.stored);
    figures.report("ingest", &settings.out)
}

/// The same host over a full journal and over an empty one.
async fn stored(settings: &Settings, place: &Path, callbacks: &Callbacks, figures: &mut Figures, component: &Path) -> Result<()> {
    let (full, empty) = (place.join("full"), place.join("empty"));
    for directory in [&full, &empty] {
        configure(directory, ROOM, &[(component.to_owned(), PAUSED)])?;
    }
    fill(&full.join("mortar.db"), settings.stored, callbacks).await?;
    let (full, empty) = (Server::host(&full).await?, Server::host(&empty).await?);
    let mut ratios = Vec::new();
    for round in 1..=settings.rounds {
        let with = closed(full.address, callbacks, 64, settings.lasting()).await?;
        let without = closed(empty.address, callbacks, 64, settings.lasting()).await?;
        eprintln!("round {round}: full {:.0}/s, empty {:.0}/s", with.per_second, without.per_second);
        ratios.push(with.per_second / without.per_second);
    }
    figures.add("stored_5m_vs_empty", "ratio", "0.8", ratios);
    full.stop().await?;
    empty.stop().await
}

/// A clock that stands still while a journal is filled.
pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_800_000_000)
    }
}

/// Stores this many events of the benchmark's own size, past the edge.
async fn fill(file: &Path, events: u64, callbacks: &Callbacks) -> Result<()> {
    eprintln!("storing {events} events");
    let journal = SqliteJournal::open(file, Options::default(), Arc::new(Fixed))?;
    let mut stored = 0;
    while stored < events {
        let count = FILL.min(events - stored);
        let receipts: Vec<_> = (0..count).map(|_| journal.accept(callback(callbacks.number()))).collect();
        futures::future::try_join_all(receipts).await?;
        stored += count;
    }
    journal.close().await?;
    Ok(())
}

fn callback(number: u64) -> NewCallback {
    let body = bytes::Bytes::from(Callbacks::body(number));
    let read = mortar_core::masonhub::read(&body);
    NewCallback {
        source: "masonhub".into(),
        received_at: Fixed.now(),
        remote: None,
        delivery_header: None,
        secret: Some(1),
        body,
        events: read.events.into_iter().map(|event| NewEvent { event, deliveries: Vec::new() }).collect(),
        unreadable: None,
    }
}
