//! Hundreds of plugins, each with a component of its own: how soon the host serves with them, what
//! memory they take, and what an instance costs among so many.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use mortar_core::delivery::Ending;
use mortar_core::masonhub;
use mortar_core::ports::{Plugin, Run};
use mortar_sandbox::{SandboxOptions, WasmSandbox};
use tokio::time::Instant;

use crate::figures::{Figures, percentile};
use crate::host::{Server, configure};
use crate::load::Callbacks;
use crate::sandbox::{Erp, Noon, custom_section, stored};

/// What `plugins` takes.
#[derive(Args, Clone)]
pub(crate) struct Many {
    /// Plugins
    #[arg(long, default_value_t = 500)]
    count: usize,
    /// How often the host is started from its cache, and instances are compared; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the built plugins are
    #[arg(long, default_value = "target/plugins")]
    plugins: PathBuf,
    /// Where plugins.json is written
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

/// Instances of one round, of the one plugin and of the many each.
const INSTANCES: usize = 3000;

pub(crate) async fn bench(many: &Many) -> Result<()> {
    let place = tempfile::tempdir()?;
    let file = many.plugins.join("hello-rust").join("hello-rust.wasm");
    let component = std::fs::read(&file).with_context(|| file.display().to_string())?;
    let (one, all) = (place.path().join("one"), place.path().join("all"));
    let connection = "[connections.erp]\nurl = \"http://127.0.0.1:9\"\nprivate_addresses = true\n";
    for (host, count) in [(&one, 1), (&all, many.count)] {
        configure(host, connection, &[])?;
        for nth in 0..count {
            let plugin = host.join("plugins").join(format!("plugin-{nth:03}"));
            std::fs::create_dir_all(&plugin)?;
            std::fs::write(plugin.join("plugin.wasm"), [&component[..], &custom_section(nth)?].concat())?;
            std::fs::write(plugin.join("plugin.toml"), "connections = [\"erp\"]\n")?;
        }
    }

    let mut figures = Figures::default();
    let (cold, _) = start(&all).await?;
    eprintln!("{} plugins: serving after {cold:.1} s from nothing", many.count);
    let (mut cached, mut resident, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    start(&one).await?;
    for round in 1..=many.rounds {
        let (seconds, mebibytes) = start(&all).await?;
        let (_, less) = start(&one).await?;
        eprintln!("round {round}: serving after {seconds:.2} s from the cache, {mebibytes:.0} MiB resident, {less:.0} MiB with one plugin");
        cached.push(seconds);
        resident.push(mebibytes);
        alone.push(less);
    }
    figures.add("start_cold_s", "s", "", vec![cold]);
    figures.add("start_cached_s", "s", "", cached);
    figures.add("resident_mib", "MiB", "", resident);
    figures.add("resident_one_mib", "MiB", "", alone);

    let (one, all) = (load(&one).await?, load(&all).await?);
    let (mut ratios, mut micros) = (Vec::new(), Vec::new());
    for _ in 0..many.rounds {
        let (few, most) = (p50(&one, &all).await?, p50(&all, &one).await?);
        ratios.push(most / few);
        micros.push(most / 1e3);
    }
    figures.add("instantiate_p50_ratio", "ratio", "at most 1.5", ratios);
    figures.add("instantiate_p50_us", "µs", "", micros);
    figures.setting("plugins", many.count);
    figures.setting("rounds", many.rounds);
    figures.setting("instances", INSTANCES);
    figures.report("plugins", &many.out)
}

/// Seconds until a host serves with its plugins, and the MiB that it has resident then.
async fn start(host: &Path) -> Result<(f64, f64)> {
    let started = Instant::now();
    let server = Server::host(host).await?;
    let (seconds, mebibytes) = (started.elapsed().as_secs_f64(), server.most_resident()?);
    server.stop().await?;
    Ok((seconds, mebibytes))
}

/// The plugins of a host, in this process; their code is in its cache.
async fn load(host: &Path) -> Result<Vec<Plugin>> {
    let options = SandboxOptions { cache: host.join("cache"), ..SandboxOptions::default() };
    let (plugins, problems) = WasmSandbox::open(options, &host.join("plugins"), Arc::new(Noon))?.load_all().await;
    anyhow::ensure!(problems.is_empty(), "{}", problems[0]);
    Ok(plugins)
}

/// The median nanoseconds of a fresh instance and its handler, each of the next plugin. In between,
/// the others have their turn, so that what disturbs one disturbs both.
async fn p50(plugins: &[Plugin], others: &[Plugin]) -> Result<f64> {
    let body = Callbacks::body(1);
    let read = masonhub::read(body.as_bytes());
    let event = read.events.first().context("the callback has an event")?;
    let record = body.as_bytes()[event.record.clone()].to_vec();
    let run = Run { event: Arc::new(stored(&event.id, record)), attempt: 1 };
    let mut nanoseconds = Vec::with_capacity(INSTANCES);
    for nth in 0..INSTANCES {
        handle(&others[nth % others.len()], &run).await?;
        let started = Instant::now();
        handle(&plugins[nth % plugins.len()], &run).await?;
        nanoseconds.push(u64::try_from(started.elapsed().as_nanos())?);
    }
    nanoseconds.sort_unstable();
    Ok(percentile(&nanoseconds, 0.5))
}

async fn handle(plugin: &Plugin, run: &Run) -> Result<()> {
    let typed = masonhub::typed("order.fulfilled", &run.event.payload).map_err(anyhow::Error::msg)?;
    let ran = plugin.handler.run(run.clone(), typed, Arc::new(Erp)).await;
    anyhow::ensure!(ran.ending == Ending::Done, "{:?}", ran.ending);
    Ok(())
}
