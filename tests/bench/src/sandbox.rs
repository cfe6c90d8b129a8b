//! A handler in the sandbox: a fresh instance and a call for a typed order event, against the same
//! mapping as native code.

use anyhow::{Context, Result};
use mortar_core::event::TypedEvent;
use tokio::time::Instant;

use crate::Settings;
use crate::figures::{Figures, percentile};
use crate::in_process::{erp, handle, load, order, resident_bytes, typed};

/// Calls of one round.
const CALLS: usize = 3000;

/// How many plugins are loaded, one directory each, and whether each has a component of its own, as
/// if different teams had built them. Plugins of one component share its code.
const LOADED: [(usize, bool); 4] = [(1, false), (100, false), (500, false), (500, true)];

pub(crate) async fn bench(settings: &Settings) -> Result<()> {
    let place = tempfile::tempdir()?;
    let component = settings.plugins.join("hello-rust").join("hello-rust.wasm");
    let (run, erp) = (order()?, erp());
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
        let plugins = load(&directory, place.path().join("cache")).await?;
        let mut rounds = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..settings.rounds {
            let (mut sandboxed, mut native) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
            for nth in 0..CALLS {
                let typed = typed(&run)?;
                let started = Instant::now();
                let request = map(&typed)?;
                std::hint::black_box(&request);
                native.push(u64::try_from(started.elapsed().as_nanos())?);
                let plugin = &plugins[nth % plugins.len()];
                let started = Instant::now();
                handle(plugin, &run, typed, erp.clone()).await?;
                sandboxed.push(u64::try_from(started.elapsed().as_nanos())?);
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

/// What the plugin does, as native code: one request body for the order's parcel.
pub(crate) fn map(typed: &TypedEvent) -> Result<Vec<u8>> {
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

/// A section that nobody reads: it makes a component another one.
pub(crate) fn custom_section(nth: usize) -> Result<Vec<u8>> {
    let name = format!("{nth:04}");
    Ok([&[0, u8::try_from(name.len() + 1)?, u8::try_from(name.len())?], name.as_bytes()].concat())
}
