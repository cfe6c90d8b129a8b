//! What it costs to be observed: the same callbacks to a host that counts, is scraped, traces one in a
//! hundred and logs, and to one that does none of it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::Settings;
use crate::figures::{Figures, percentile};
use crate::host::{Server, configure};
use crate::load::{Callbacks, closed};

/// Delivery rows are written and stay pending: the plugin is paused.
const PAUSED: &str = "concurrency = 0\n";

/// More deliveries than a benchmark ever leaves open.
const ROOM: &str = "[journal]\nopen_deliveries = 100_000_000\n";

/// How often Prometheus would ask, and rather often.
const SCRAPE: Duration = Duration::from_secs(1);

/// Callbacks that are sent at once.
const CONNECTIONS: usize = 64;

pub(crate) async fn bench(settings: &Settings) -> Result<()> {
    let place = tempfile::tempdir()?;
    let callbacks = Callbacks::new();
    let mut figures = Figures::default();
    let collector = Server::responder(&["collector"]).await?;
    let traces = format!("[traces]\nurl = \"http://{}\"\nshare = 0.01\nprivate_addresses = true\n", collector.address);
    let component = settings.plugins.join("rest").join("rest.wasm");
    let (observed, bare) = (place.path().join("observed"), place.path().join("bare"));
    configure(&observed, &format!("{ROOM}{traces}"), &[(component.clone(), PAUSED)])?;
    configure(&bare, &format!("{ROOM}[metrics]\nenabled = false\n"), &[(component, PAUSED)])?;
    let (observed_host, bare_host) = (Server::host(&observed).await?, Server::host(&bare).await?);
    let scraping = tokio::spawn(scrape(observed_host.admin.context("the host has an admin address")?, token(&observed)?));
    let (mut ratios, mut latencies) = (Vec::new(), Vec::new());
    for round in 1..=settings.rounds {
        let with = closed(observed_host.address, &callbacks, CONNECTIONS, settings.lasting()).await?;
        let without = closed(bare_host.address, &callbacks, CONNECTIONS, settings.lasting()).await?;
        eprintln!("round {round}: observed {:.0}/s, bare {:.0}/s", with.per_second, without.per_second);
        ratios.push(with.per_second / without.per_second);
        latencies.push(percentile(&with.latencies, 0.99) / percentile(&without.latencies, 0.99));
    }
    scraping.abort();
    observed_host.stop().await?;
    bare_host.stop().await?;
    figures.add("observed_vs_bare", "ratio", "0.9", ratios);
    figures.add("p99_observed_vs_bare", "ratio", "", latencies);
    figures.setting("seconds", settings.seconds);
    figures.setting("rounds", settings.rounds);
    figures.setting("trace_share", 0.01);
    figures.report("observe", &settings.out)
}

/// The admin token that the host made beside its journal.
fn token(directory: &Path) -> Result<String> {
    Ok(std::fs::read_to_string(directory.join("admin-token"))?.trim().to_owned())
}

/// Asks for the metrics, again and again.
async fn scrape(admin: SocketAddr, token: String) -> Result<()> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    loop {
        let request = hyper::Request::get(format!("http://{admin}/metrics")).header("authorization", format!("Bearer {token}"));
        let answer = client.request(request.body(Empty::<bytes::Bytes>::new())?).await?;
        anyhow::ensure!(answer.status() == 200, "the metrics answered {}", answer.status());
        answer.into_body().collect().await?;
        tokio::time::sleep(SCRAPE).await;
    }
}
