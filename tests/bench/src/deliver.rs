//! From callback to ERP call: a Rust plugin, one call for each event, an ERP that only answers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Settings;
use crate::figures::{Figures, percentile};
use crate::host::{Server, configure};
use crate::load::{Callbacks, Connection, closed};
use crate::stand_in::Erp;

/// The plugin that README shows: one PUT for each parcel.
const PLUGIN: &str = "connections = [\"erp\"]\n";

const PAUSED: &str = "concurrency = 0\n";

/// Orders of one throughput round.
const ORDERS: u64 = 20_000;

/// Orders whose way is timed.
const TIMED: u64 = 4000;

/// A connection that was idle for longer may just be closing: the host waits so long for a request.
const IDLE: Duration = Duration::from_secs(2);

/// fdatasyncs that the median is taken of.
const SYNCS: usize = 400;

pub(crate) async fn bench(settings: &Settings) -> Result<()> {
    let place = tempfile::tempdir()?;
    let mut figures = Figures::default();
    let component = settings.plugins.join("hello-rust").join("hello-rust.wasm");
    for (suffix, key) in [("", "idempotency_header = \"Idempotency-Key\"\n"), ("_unkeyed", "")] {
        let erp = Erp::start().await?;
        let callbacks = Callbacks::new();
        let connection = format!("[connections.erp]\nurl = \"http://{}\"\nprivate_addresses = true\nconcurrency = 64\n{key}", erp.address);
        let (paused, delivering) = (place.path().join(format!("paused{suffix}")), place.path().join(format!("delivering{suffix}")));
        configure(&paused, &connection, &[(component.clone(), PAUSED)])?;
        configure(&delivering, &connection, &[(component.clone(), PLUGIN)])?;
        let (paused, delivering) = (Server::host(&paused).await?, Server::host(&delivering).await?);
        let mut shares = Vec::new();
        let mut delivered_rates = Vec::new();
        for round in 1..=settings.rounds {
            let accepted = closed(paused.address, &callbacks, 64, settings.lasting()).await?;
            let delivered = deliver(delivering.address, &callbacks, &erp).await?;
            eprintln!("round {round}{suffix}: accepted {:.0}/s, delivered {delivered:.0}/s", accepted.per_second);
            shares.push(delivered / accepted.per_second);
            delivered_rates.push(delivered);
        }
        figures.add(&format!("delivered_vs_accepted{suffix}"), "ratio", "0.35", shares);
        figures.add(&format!("delivered_per_second{suffix}"), "1/s", "", delivered_rates.clone());
        let rate = delivered_rates.iter().sum::<f64>() / 10.0 / f64::from(u32::try_from(delivered_rates.len())?);
        let sync = median_sync(place.path())?;
        let mut latencies = timed(delivering.address, &callbacks, &erp, rate).await?;
        latencies.sort_unstable();
        let (p50, p99) = (percentile(&latencies, 0.5), percentile(&latencies, 0.99));
        eprintln!("at {rate:.0}/s: ack to ERP p50 {:.2} ms, p99 {:.2} ms; fdatasync {:.2} ms", p50 / 1e6, p99 / 1e6, sync / 1e6);
        figures.add(&format!("ack_to_erp_p50_fsyncs{suffix}"), "fdatasyncs", "", vec![p50 / sync]);
        figures.add(&format!("ack_to_erp_p99_fsyncs{suffix}"), "fdatasyncs", "at most 5", vec![p99 / sync]);
        paused.stop().await?;
        delivering.stop().await?;
    }
    figures.setting("orders", ORDERS);
    figures.setting("timed", TIMED);
    figures.report("deliver", &settings.out)
}

/// Sends [`ORDERS`] callbacks as fast as they are taken; events per second from the first callback
/// to the last ERP call.
async fn deliver(address: SocketAddr, callbacks: &Callbacks, erp: &Erp) -> Result<f64> {
    erp.expect(ORDERS);
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..64 {
        let callbacks = callbacks.clone();
        senders.spawn(async move {
            let mut connection = Connection::open(address).await?;
            for _ in 0..ORDERS / 64 {
                connection.send(&callbacks.request(callbacks.number())).await?;
            }
            anyhow::Ok(())
        });
    }
    let sent = ORDERS / 64 * 64;
    erp.expect(sent);
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    erp.all_arrived().await;
    #[allow(clippy::cast_precision_loss)]
    Ok(sent as f64 / started.elapsed().as_secs_f64())
}

/// Sends at a steady rate; nanoseconds from each ack to the arrival of its ERP call.
async fn timed(address: SocketAddr, callbacks: &Callbacks, erp: &Erp, rate: f64) -> Result<Vec<u64>> {
    erp.expect(TIMED);
    let pause = Duration::from_secs_f64(1.0 / rate);
    let started = Instant::now();
    let free = Arc::new(Mutex::new(Vec::new()));
    let mut senders = JoinSet::new();
    let acks: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
    for nth in 0..TIMED {
        tokio::time::sleep_until(started + pause.mul_f64(f64::from(u32::try_from(nth)?))).await;
        let (callbacks, free, acks) = (callbacks.clone(), free.clone(), acks.clone());
        senders.spawn(async move {
            let kept = free.lock().expect("no sender panics").pop();
            let mut connection = match kept {
                Some((connection, since)) if Instant::now() - since < IDLE => connection,
                _ => Connection::open(address).await?,
            };
            let number = callbacks.number();
            connection.send(&callbacks.request(number)).await?;
            let acked = Instant::now();
            acks.lock().expect("no sender panics").insert(Callbacks::order(number), acked);
            free.lock().expect("no sender panics").push((connection, acked));
            anyhow::Ok(())
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    let arrivals = erp.all_arrived().await;
    let acks = acks.lock().expect("no sender panics");
    let took = arrivals.iter().filter_map(|(order, at)| {
        let took = at.saturating_duration_since(*acks.get(order)?);
        u64::try_from(took.as_nanos()).ok()
    });
    Ok(took.collect())
}

/// The median time of appending 1.5 kB and making it durable, in nanoseconds.
#[allow(clippy::disallowed_methods, reason = "measures the disk alone")]
fn median_sync(place: &Path) -> Result<f64> {
    use std::io::Write;
    let mut file = std::fs::File::create(place.join("syncs"))?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let started = std::time::Instant::now();
        file.write_all(&[b'x'; 1505])?;
        file.sync_data()?;
        took.push(u64::try_from(started.elapsed().as_nanos())?);
    }
    took.sort_unstable();
    Ok(percentile(&took, 0.5))
}
