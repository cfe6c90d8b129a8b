//! Starting over a large journal that a killed host left: how soon callbacks are acked, and how
//! much memory that takes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use futures::future::try_join_all;
use jiff::SignedDuration;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{Gap, Verdict};
use mortar_core::event::{Event, Subject, SubjectKind};
use mortar_core::ports::{Clock, Finish, Journal, NewCallback, NewDelivery, NewEvent, Order, Share};
use mortar_core::story::Attempt;
use mortar_journal::{Options, SqliteJournal};
use tokio::time::Instant;

use crate::figures::Figures;
use crate::host::{Server, configure};
use crate::ingest::Fixed;
use crate::load::{Callbacks, Connection};

/// Events in a callback that fills.
const EVENTS: u64 = 64;

/// Callbacks in line at once, and deliveries claimed at once, while a journal is filled.
const AT_ONCE: usize = 16;

/// Longer than a benchmark runs.
const LONG: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What `recover` takes.
#[derive(Args, Clone)]
pub(crate) struct Recovery {
    /// How often the host is started; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Events stored, those of waiting deliveries included
    #[arg(long, default_value_t = 10_000_000)]
    stored: u64,
    /// Deliveries that wait for another attempt; the oldest events are theirs
    #[arg(long, default_value_t = 1_000_000)]
    waiting: u64,
    /// Where the built plugins are
    #[arg(long, default_value = "target/plugins")]
    plugins: PathBuf,
    /// Where recover.json is written
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

pub(crate) async fn bench(recovery: &Recovery) -> Result<()> {
    let place = tempfile::tempdir()?;
    let component = recovery.plugins.join("rest").join("rest.wasm");
    configure(place.path(), "", &[(component, "")])?;
    fill(&place.path().join("mortar.db"), recovery).await?;
    let callbacks = Callbacks::new();
    let (mut seconds, mut mebibytes) = (Vec::new(), Vec::new());
    // The first start compiles the plugin, once and for all.
    for round in 0..=recovery.rounds {
        let started = Instant::now();
        let host = Server::host(place.path()).await?;
        Connection::open(host.address).await?.send(&callbacks.request(callbacks.number())).await?;
        let took = started.elapsed().as_secs_f64();
        // What is still read afterwards takes memory too.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let most = host.most_resident()?;
        eprintln!("start {round}: first ack after {took:.3} s, at most {most:.0} MiB resident");
        if round > 0 {
            seconds.push(took);
            mebibytes.push(most);
        }
        host.kill().await?;
    }
    let mut figures = Figures::default();
    figures.add("first_ack_s", "s", "at most 3", seconds);
    figures.add("resident_mib", "MiB", "at most 300", mebibytes);
    figures.setting("rounds", recovery.rounds);
    figures.setting("stored", recovery.stored);
    figures.setting("waiting", recovery.waiting);
    figures.report("recover", &recovery.out)
}

/// Stores events past the edge, and leaves the file as a killed host does: without a last note.
async fn fill(file: &Path, recovery: &Recovery) -> Result<()> {
    let waiting = recovery.waiting.min(recovery.stored);
    eprintln!("storing {} events, {waiting} of them with a delivery that waits", recovery.stored);
    let journal = SqliteJournal::open(file, Options::default(), Arc::new(Fixed))?;
    let plugin = journal.register_plugins(vec!["rest".into()]).await?;
    let mut stored = 0;
    while stored < recovery.stored {
        let (end, deliveries) = if stored < waiting {
            (waiting, vec![NewDelivery { plugin: plugin[0], order: Order::Fifo }])
        } else {
            (recovery.stored, Vec::new())
        };
        let mut receipts = Vec::new();
        while stored < end && receipts.len() < AT_ONCE {
            let next = (stored + EVENTS).min(end);
            receipts.push(journal.accept(callback(stored..next, &deliveries)));
            stored = next;
        }
        try_join_all(receipts).await?;
        if !deliveries.is_empty() {
            let max = AT_ONCE * EVENTS as usize;
            let claims = journal.claim(Fixed.now(), max, Duration::from_secs(60), &[Share { plugin: plugin[0], max }]).await?;
            try_join_all(claims.into_iter().map(|claim| journal.finish(failed(claim.lease)))).await?;
        }
    }
    Ok(())
}

fn failed(lease: mortar_core::ports::Lease) -> Finish {
    let (code, reason) = (ErrorCode::ErpUnavailable, "503".to_owned());
    let attempt = Attempt {
        number: 1,
        started_at: Fixed.now(),
        ended_at: Fixed.now(),
        digest: "recover".into(),
        ending: "retry".into(),
        code: Some(code.as_str().into()),
        reason: Some(reason.clone()),
        trace: Vec::new(),
        log: Vec::new(),
    };
    let verdict = Verdict::Waiting { until: Fixed.now() + LONG, code, reason, spent: true };
    Finish { lease, verdict, gap: Gap::Skip, attempt, state: Vec::new(), confirm_at: None }
}

/// A callback of small events, each of an order of its own.
fn callback(numbers: std::ops::Range<u64>, deliveries: &[NewDelivery]) -> NewCallback {
    let mut body = Vec::new();
    let events = numbers.map(|number| {
        let start = body.len();
        body.extend_from_slice(format!("{{\"customer_identifier\":\"SO-{number:010}\",\"status\":\"created\"}}").as_bytes());
        let event = Event {
            id: format!("00000000-0000-4000-7000-{number:012}:0"),
            event_type: "order.created".into(),
            subject: Subject { kind: SubjectKind::Order, id: format!("SO-{number:010}") },
            as_of: None,
            record: start..body.len(),
        };
        NewEvent { event, deliveries: deliveries.to_vec() }
    });
    let events = events.collect();
    NewCallback {
        source: "masonhub".into(),
        received_at: Fixed.now(),
        remote: None,
        delivery_header: None,
        secret: Some(1),
        body: body.into(),
        events,
        unreadable: None,
    }
}
