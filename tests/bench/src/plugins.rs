//! Hundreds of plugins, each with a component of its own: how soon the host serves with them, what
//! memory they take, and what an instance costs among so many.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use mortar_core::ports::Plugin;
use tokio::time::Instant;

use crate::figures::{Figures, percentile};
use crate::host::{Server, configure};
use crate::in_process::{erp, handle, load, order, typed};
use crate::sandbox::custom_section;

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

    let (one, all) = (of(&one).await?, of(&all).await?);
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
async fn of(host: &Path) -> Result<Vec<Plugin>> {
    load(&host.join("plugins"), host.join("cache")).await
}

/// The median nanoseconds of a fresh instance and its handler, each of the next plugin. In between,
/// the others have their turn, so that what disturbs one disturbs both.
async fn p50(plugins: &[Plugin], others: &[Plugin]) -> Result<f64> {
    let (run, erp) = (order()?, erp());
    let mut nanoseconds = Vec::with_capacity(INSTANCES);
    for nth in 0..INSTANCES {
        handle(&others[nth % others.len()], &run, typed(&run)?, erp.clone()).await?;
        let order = typed(&run)?;
        let started = Instant::now();
        handle(&plugins[nth % plugins.len()], &run, order, erp.clone()).await?;
        nanoseconds.push(u64::try_from(started.elapsed().as_nanos())?);
    }
    nanoseconds.sort_unstable();
    Ok(percentile(&nanoseconds, 0.5))
}
