//! A handler in the sandbox: a fresh instance and a call for a typed order event, against the same
//! mapping as native code.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use mortar_core::call::{CallError, Mail, Request, Response, Settlement};
use mortar_core::delivery::Ending;
use mortar_core::event::TypedEvent;
use mortar_core::masonhub;
use mortar_core::ports::{BoxFuture, Clock, Host, JournalError, PutError, Run, StateEntry, StateWrite, StoredEvent};
use mortar_sandbox::{SandboxOptions, WasmSandbox};
use tokio::time::Instant;

use crate::Settings;
use crate::figures::{Figures, percentile};
use crate::load::Callbacks;

/// Calls of one round.
const CALLS: usize = 3000;

/// How many plugins are loaded, one directory each, and whether each has a component of its own, as
/// if different teams had built them. Plugins of one component share its code.
const LOADED: [(usize, bool); 4] = [(1, false), (100, false), (500, false), (500, true)];

pub(crate) async fn bench(settings: &Settings) -> Result<()> {
    let place = tempfile::tempdir()?;
    let component = settings.plugins.join("hello-rust").join("hello-rust.wasm");
    let body = Callbacks::body(1);
    let read = masonhub::read(body.as_bytes());
    let event = read.events.first().context("the callback has an event")?;
    let record = body.as_bytes()[event.record.clone()].to_vec();
    let run = Run { event: Arc::new(stored(&event.id, record)), attempt: 1 };

    let mut figures = Figures::default();
    let mut resident = Vec::new();
    let bytes = std::fs::read(&component).with_context(|| component.display().to_string())?;
    for (loaded, distinct) in LOADED {
        let suffix = match (loaded, distinct) {
            (1, _) => String::new(),
            (_, false) => format!("_{loaded}"),
            (_, true) => format!("_{loaded}_distinct"),
        };
        let directory = place.path().join(format!("plugins{suffix}"));
        for nth in 0..loaded {
            let plugin = directory.join(format!("hello-{nth}"));
            std::fs::create_dir_all(&plugin)?;
            let own = if distinct { custom_section(nth)? } else { Vec::new() };
            std::fs::write(plugin.join("plugin.wasm"), [&bytes[..], &own].concat())?;
            std::fs::write(plugin.join("plugin.toml"), "connections = [\"erp\"]\n")?;
        }
        let before = resident_bytes()?;
        let options = SandboxOptions { cache: place.path().join("cache"), ..SandboxOptions::default() };
        let (plugins, problems) = WasmSandbox::open(options, &directory, Arc::new(Noon))?.load_all().await;
        anyhow::ensure!(problems.is_empty(), "{}", problems[0]);
        let mut rounds = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..settings.rounds {
            let (mut sandboxed, mut native) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
            for nth in 0..CALLS {
                let typed = masonhub::typed("order.fulfilled", &run.event.payload).map_err(anyhow::Error::msg)?;
                let typed = typed.context("an order event is typed")?;
                let started = Instant::now();
                let request = map(&typed)?;
                std::hint::black_box(&request);
                native.push(u64::try_from(started.elapsed().as_nanos())?);
                let plugin = &plugins[nth % plugins.len()];
                let started = Instant::now();
                let ran = plugin.handler.run(run.clone(), Some(typed), Arc::new(Erp)).await;
                sandboxed.push(u64::try_from(started.elapsed().as_nanos())?);
                anyhow::ensure!(ran.ending == Ending::Done, "{:?}", ran.ending);
            }
            sandboxed.sort_unstable();
            native.sort_unstable();
            let (p50, base) = (percentile(&sandboxed, 0.5) / 1e3, percentile(&native, 0.5) / 1e3);
            rounds.0.push(p50 - base);
            rounds.1.push(percentile(&sandboxed, 0.99) / 1e3);
            rounds.2.push(p50 / base);
        }
        resident.push((loaded, resident_bytes()?.saturating_sub(before)));
        figures.add(&format!("overhead_p50_us{suffix}"), "µs", "at most 30", rounds.0);
        figures.add(&format!("sandboxed_p99_us{suffix}"), "µs", "", rounds.1);
        figures.add(&format!("times_native{suffix}"), "ratio", "", rounds.2);
    }
    let ((few, less), (many, more)) = (resident[0], resident[LOADED.len() - 1]);
    #[allow(clippy::cast_precision_loss)]
    let each = more.saturating_sub(less) as f64 / (many - few) as f64 / f64::from(1 << 20);
    figures.add("idle_plugin_mib", "MiB", "at most 1", vec![each]);
    figures.setting("calls", CALLS);
    figures.setting("rounds", settings.rounds);
    figures.report("sandbox", &settings.out)
}

/// A clock that stands: nobody asks it here but for how old files are.
pub(crate) struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

/// What the plugin does, as native code: one request body for the order's parcel.
fn map(typed: &TypedEvent) -> Result<Vec<u8>> {
    let TypedEvent::Order(order) = typed else { anyhow::bail!("not an order") };
    let parcels = order.parcels.iter().map(|parcel| {
        serde_json::json!({
            "shipment_id": parcel.shipment_id,
            "tracking_number": parcel.tracking_number,
            "carrier": parcel.carrier,
            "service": parcel.service,
            "items": parcel.line_items,
        })
    });
    Ok(serde_json::to_vec(&parcels.collect::<Vec<_>>())?)
}

pub(crate) fn stored(id: &str, payload: Vec<u8>) -> StoredEvent {
    StoredEvent {
        seq: 1,
        id: id.into(),
        event_type: "order.fulfilled".into(),
        subject: "order:SO-1".into(),
        source: "masonhub".into(),
        received_at: Timestamp::UNIX_EPOCH,
        as_of: None,
        payload: payload.into(),
    }
}

/// A section that nobody reads: it makes a component another one.
pub(crate) fn custom_section(nth: usize) -> Result<Vec<u8>> {
    let name = format!("{nth:04}");
    Ok([&[0, u8::try_from(name.len() + 1)?, u8::try_from(name.len())?], name.as_bytes()].concat())
}

fn resident_bytes() -> Result<u64> {
    let pages = std::fs::read_to_string(Path::new("/proc/self/statm"))?;
    let resident: u64 = pages.split(' ').nth(1).context("the kernel counts pages")?.parse()?;
    Ok(resident * 4096)
}

/// An ERP that answers at once, inside the process.
pub(crate) struct Erp;

impl Host for Erp {
    fn call(&self, _: String, _: Request) -> BoxFuture<'_, Result<Response, CallError>> {
        let response = Response { status: 201, headers: Vec::new(), body: b"{}".to_vec() };
        Box::pin(std::future::ready(Ok(response)))
    }
    fn settle(&self, _: String, _: Settlement) -> BoxFuture<'_, Result<Result<(), String>, JournalError>> {
        Box::pin(std::future::ready(Ok(Ok(()))))
    }
    fn mail(&self, _: String, _: String, _: Mail) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(std::future::ready(Ok(())))
    }
    fn state_get(&self, _: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    fn state_put(&self, _: StateWrite) -> BoxFuture<'_, Result<Result<(), PutError>, JournalError>> {
        Box::pin(std::future::ready(Ok(Ok(()))))
    }
}
