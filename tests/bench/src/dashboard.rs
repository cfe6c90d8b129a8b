//! Pages of the dashboard over a full journal, against the same pages over an empty one.
//!
//! Asked for one after the other, in turns between both hosts, over one connection each. Searches are of
//! orders, goods and parcels from all over the journal, once every event is noted by what it names.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use clap::Args;
use futures::future::try_join_all;
use http_body_util::{BodyExt, Full};
use hyper::header::{COOKIE, LOCATION, SET_COOKIE};
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::SignedDuration;
use mortar_core::event::{Event, Subject, SubjectKind};
use mortar_core::ports::{Clock, Journal, NewCallback, NewEvent};
use mortar_journal::{Options, SqliteJournal};
use tokio::time::Instant;

use crate::figures::{Figures, percentile};
use crate::host::{Server, configure};
use crate::ingest::Fixed;

/// Events in a callback that fills.
const EVENTS: u64 = 64;

/// Callbacks in line at once while a journal is filled.
const AT_ONCE: usize = 16;

/// How long it may take until every event is noted.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The pages, each as a reader would ask for it. `{}` is a number of an event.
const PAGES: [(&str, &str); 8] = [
    ("overview", "/"),
    ("events", "/events"),
    ("find order", "/events?find=SO-{}"),
    ("find parcel", "/events?find=1Z{}"),
    ("find type", "/events?type=order.cancelled"),
    ("find time", "/events?until=2026-12-20T12:00"),
    ("dead", "/dead"),
    ("setup", "/setup"),
];

/// What `dashboard` takes.
#[derive(Args, Clone)]
pub(crate) struct Pages {
    /// How often each page is asked for in a round
    #[arg(long, default_value_t = 20)]
    times: usize,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Events stored in the full journal
    #[arg(long, default_value_t = 5_000_000)]
    stored: u64,
    /// Where the built plugins are
    #[arg(long, default_value = "target/plugins")]
    plugins: PathBuf,
    /// Where dashboard.json is written
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

pub(crate) async fn bench(pages: &Pages) -> Result<()> {
    let (full, empty) = (tempfile::tempdir()?, tempfile::tempdir()?);
    for place in [&full, &empty] {
        configure(place.path(), "", &[])?;
    }
    fill(&full.path().join("mortar.db"), pages.stored).await?;
    let (full_host, empty_host) = (Server::host(full.path()).await?, Server::host(empty.path()).await?);
    let full = Reader::log_in(&full_host, full.path()).await?;
    let empty = Reader::log_in(&empty_host, empty.path()).await?;
    full.until_noted().await?;
    let (mut ratios, mut slowest) = (Vec::new(), Vec::new());
    for round in 0..=pages.rounds {
        let (mut sums, mut most) = ([0.0, 0.0], 0.0_f64);
        for (name, page) in PAGES {
            let mut micros = [Vec::new(), Vec::new()];
            for time in 0..pages.times {
                let number = (time as u64 * 7919 + round as u64 * 104_729) % pages.stored.max(1);
                let page = page.replace("{}", &number.to_string());
                for (reader, micros) in [&full, &empty].into_iter().zip(&mut micros) {
                    let started = Instant::now();
                    reader.page(&page).await?;
                    micros.push(u64::try_from(started.elapsed().as_micros())?);
                }
            }
            let medians = micros.map(|mut micros| {
                micros.sort_unstable();
                percentile(&micros, 0.5)
            });
            if round == pages.rounds {
                eprintln!("{name:<12} {:>9.2} ms full, {:>8.2} ms empty", medians[0] / 1e3, medians[1] / 1e3);
            }
            sums.iter_mut().zip(medians).for_each(|(sum, median)| *sum += median);
            most = most.max(medians[0]);
        }
        // The first round warms both up.
        if round > 0 {
            ratios.push(sums[0] / sums[1]);
            slowest.push(most / 1e3);
        }
    }
    let mut figures = Figures::default();
    figures.add("page_5m_vs_empty", "ratio", "at most 3", ratios);
    figures.add("slowest_page_ms", "ms", "at most 100", slowest);
    figures.setting("stored", pages.stored);
    figures.setting("times", pages.times);
    figures.setting("rounds", pages.rounds);
    full_host.stop().await?;
    empty_host.stop().await?;
    figures.report("dashboard", &pages.out)
}

/// Somebody who is logged in.
struct Reader {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    cookie: String,
}

impl Reader {
    async fn log_in(host: &Server, directory: &Path) -> Result<Self> {
        let token = std::fs::read_to_string(directory.join("admin-token")).context("the host made a token")?;
        let base = format!("http://{}", host.admin.context("the host has an admin address")?);
        let mut reader = Self { client: Client::builder(TokioExecutor::new()).build_http(), base, cookie: String::new() };
        let (answer, page) = reader.ask(Request::get(reader.url("/login")), String::new()).await?;
        let cookie = cookie_of(&answer)?;
        let key =
            page.split_once("name=\"key\" value=\"").and_then(|(_, rest)| rest.split_once('"')).context("the form has a key")?.0.to_owned();
        reader.cookie = cookie;
        let form = Request::post(reader.url("/login")).header("content-type", "application/x-www-form-urlencoded");
        let (answer, _) = reader.ask(form, format!("key={key}&token={}", token.trim())).await?;
        ensure!(answer.status() == StatusCode::SEE_OTHER, "the login was refused: {}", answer.status());
        reader.cookie = cookie_of(&answer)?;
        Ok(reader)
    }

    fn url(&self, page: &str) -> String {
        format!("{}{page}", self.base)
    }

    async fn page(&self, page: &str) -> Result<String> {
        let (answer, text) = self.ask(Request::get(self.url(page)), String::new()).await?;
        let to = answer.headers().get(LOCATION);
        ensure!(answer.status() == StatusCode::OK, "{page} answered {} {to:?}", answer.status());
        Ok(text)
    }

    async fn ask(&self, request: hyper::http::request::Builder, body: String) -> Result<(Response<()>, String)> {
        let request = request.header(COOKIE, &self.cookie).body(Full::new(Bytes::from(body)))?;
        let (head, body) = self.client.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok((Response::from_parts(head, ()), String::from_utf8_lossy(&body).into_owned()))
    }

    /// Waits until a search does not read events any more: the oldest one is found as fast as the newest.
    async fn until_noted(&self) -> Result<()> {
        let (started, mut before) = (Instant::now(), Duration::MAX);
        while started.elapsed() < PATIENCE {
            let asked = Instant::now();
            self.page("/events?find=SO-0").await?;
            let took = asked.elapsed();
            if took < Duration::from_millis(500) && before < Duration::from_millis(500) {
                eprintln!("every event is noted {:.0} s after the start", started.elapsed().as_secs_f64());
                return Ok(());
            }
            before = took;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        bail!("events were still being noted after {PATIENCE:?}")
    }
}

fn cookie_of(answer: &Response<()>) -> Result<String> {
    let cookie = answer.headers().get(SET_COOKIE).context("a cookie is given")?.to_str()?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}

/// Stores events of orders, each with a parcel; one in a thousand is cancelled.
async fn fill(path: &Path, stored: u64) -> Result<()> {
    let clock = Arc::new(Fixed);
    let journal = SqliteJournal::open(path, Options { free_space: 0, ..Options::default() }, clock.clone())?;
    let now = clock.now();
    let source: Arc<str> = "masonhub".into();
    let callbacks: Vec<_> = (0..stored).step_by(EVENTS as usize).collect();
    for some in callbacks.chunks(AT_ONCE) {
        let accepted = some.iter().map(|first| {
            // One a second, and the last one now.
            let received_at = now - SignedDuration::from_secs(i64::try_from(stored - first).unwrap_or(0));
            let (mut body, mut events) = (Vec::new(), Vec::new());
            for number in *first..(first + EVENTS).min(stored) {
                let start = body.len();
                let record = format!(
                    r#"{{"customer_identifier":"SO-{number}","shipments":[{{"tracking_number":"1Z{number}","shipment_line_items":[{{"sku_customer_id":"SKU-{}"}}]}}]}}"#,
                    number % 5000
                );
                body.extend_from_slice(record.as_bytes());
                let subject = Subject { kind: SubjectKind::Order, id: format!("SO-{number}") };
                let event_type = if number % 1000 == 0 { "order.cancelled" } else { "order.fulfilled" };
                let event = Event { id: format!("m{number}:0"), event_type: event_type.into(), subject, as_of: None, record: start..body.len() };
                events.push(NewEvent { event, deliveries: Vec::new() });
            }
            let body = Bytes::from(body);
            journal.accept(NewCallback {
                source: source.clone(),
                received_at,
                remote: None,
                delivery_header: None,
                secret: Some(1),
                body,
                events,
                unreadable: None,
            })
        });
        try_join_all(accepted).await?;
    }
    journal.close().await?;
    Ok(())
}
