//! Into a real ERP, Tryton: through Mortar, and by a plain client that makes the very same calls.
//!
//! Both start from copies of one database with the same orders in it. Mortar goes first; the calls that
//! its plugin made are in the stories of its events, and the plain client makes them again in the copy,
//! order by order, with as many orders at once. So the ERP has the same to do, and what Mortar adds
//! (journal, sandbox, order per subject, retries) is the difference.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mortar_core::delivery::State;
use mortar_core::story::{Call, EventStory, Fate};
use mortar_tests::Host;
use mortar_tests::fixtures::{event_id, fresh};
use mortar_tests::tryton::Tryton;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::figures::Figures;

/// Between two looks whether a tracking number is there.
const LOOK: Duration = Duration::from_millis(20);

/// How often the plain client makes a call that the ERP puts off.
const TRIES: usize = 50;

/// What the benchmark takes.
#[derive(clap::Args, Clone)]
pub(crate) struct Settings {
    /// How often the comparison is made; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Orders of one round, each with one parcel
    #[arg(long, default_value_t = 40)]
    orders: usize,
    /// Orders at once
    #[arg(long, default_value_t = 4)]
    concurrency: usize,
    /// Orders whose way to the ERP is timed, one after the other, in each round
    #[arg(long, default_value_t = 5)]
    timed: usize,
    /// Where the built plugins are; they are known by their place
    #[arg(long, hide = true)]
    plugins: Option<std::path::PathBuf>,
    /// Where erp.json is written
    #[arg(long, default_value = "target/bench")]
    out: std::path::PathBuf,
}

pub(crate) async fn bench(settings: &Settings) -> Result<()> {
    let (mut shares, mut rates, mut visible) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=settings.rounds {
        let mut tryton = Tryton::start().await;
        let orders: Vec<_> = (0..settings.orders).map(|nth| format!("BENCH-{nth}")).collect();
        let timed: Vec<_> = (0..settings.timed).map(|nth| format!("TIMED-{nth}")).collect();
        for order in orders.iter().chain(&timed) {
            tryton.sale(order, &[("TEE-BLU-M", 1)]).await;
        }
        let copy = tryton.copy().await;
        let (through, stories) = through_mortar(&tryton, settings, &orders).await?;
        let plain = by_plain_client(&copy, &stories, settings.concurrency).await?;
        for (erp, which) in [(&tryton, "Mortar"), (&copy, "the plain client")] {
            let there = erp.search("stock.package", json!([["shipping_reference", "like", "1ZBENCH-%"]]), &[]).await.len();
            if there != orders.len() {
                bail!("{which} brought {there} of {} tracking numbers", orders.len());
            }
        }
        #[allow(clippy::cast_precision_loss)]
        let [through, plain] = [through, plain].map(|took| orders.len() as f64 / took.as_secs_f64());
        eprintln!("round {round}: through Mortar {through:.2}/s, by the plain client {plain:.2}/s");
        shares.push(through / plain);
        rates.push(through);
        visible.extend(until_visible(&tryton, &timed).await?);
    }
    let mut figures = Figures::default();
    figures.add("vs_plain_script", "ratio", "0.95", shares);
    figures.add("events_per_second", "1/s", "", rates);
    figures.add("callback_to_tracking_number", "s", "", visible);
    figures.setting("orders", settings.orders);
    figures.setting("concurrency", settings.concurrency);
    figures.report("erp", &settings.out)
}

/// A host that leaves the ERP to the deliveries alone.
async fn host(tryton: &Tryton, concurrency: usize) -> Host {
    let limits = format!("[delivery]\nconcurrency = {concurrency}\nround_trips = 0\n");
    tryton.patient_host(tryton.port(), "60s").config(&limits).start().await
}

/// Brings orders to the ERP; how long that takes from the first callback to the last delivery, and the
/// stories.
async fn through_mortar(tryton: &Tryton, settings: &Settings, orders: &[String]) -> Result<(Duration, Vec<EventStory>)> {
    let host = host(tryton, settings.concurrency).await;
    let callbacks: Vec<_> = orders.iter().map(|order| fulfilled(order)).collect();
    for callback in &callbacks {
        host.send(callback).await;
    }
    let mut stories = Vec::new();
    for callback in &callbacks {
        let over = |story: &EventStory| !story.deliveries[0].delivery.state.is_open();
        let story = host.when(&event_id(callback), over).await;
        let delivery = &story.deliveries[0].delivery;
        if delivery.state != State::Done {
            bail!("{} is {}: {}", story.event.subject, delivery.state, delivery.reason.as_deref().unwrap_or_default());
        }
        stories.push(story);
    }
    let first = stories.iter().map(|story| story.callback.received_at).min().context("there are orders")?;
    let last = stories.iter().map(|story| story.deliveries[0].delivery.at).max().context("there are orders")?;
    Ok((last.duration_since(first).unsigned_abs(), stories))
}

/// `order.fulfilled` with one parcel.
fn fulfilled(order: &str) -> Value {
    let mut callback = fresh("order.fulfilled");
    let record = &mut callback["data"][0];
    record["customer_identifier"] = order.into();
    record["shipments"] = json!([{
        "shipment_id": format!("shp_{order}"), "customer_order_id": order, "shipping_provider": "UPS",
        "tracking_number": format!("1Z{order}"), "shipment_line_items": [{ "sku_customer_id": "TEE-BLU-M", "quantity": 1 }],
    }]);
    record["shorts"] = Value::Null;
    callback
}

/// Makes the calls of these stories, those of one order after each other.
async fn by_plain_client(erp: &Tryton, stories: &[EventStory], concurrency: usize) -> Result<Duration> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let started = Instant::now();
    let orders = stream::iter(stories.iter().map(|story| replay(erp, &client, &story.deliveries[0].calls)));
    orders.buffer_unordered(concurrency).try_collect::<Vec<()>>().await?;
    Ok(started.elapsed())
}

async fn replay(erp: &Tryton, client: &Client<HttpConnector, Full<Bytes>>, calls: &[Call]) -> Result<()> {
    // What Mortar's calls made has another id here.
    let mut ids = HashMap::new();
    for call in calls {
        let path = with_ids_in_path(&call.request.path, &ids);
        let body = call.request.body.as_deref().map(|body| with_ids(body, &ids)).unwrap_or_default();
        let answer = plain(erp, client, call, &path, body).await?;
        if let Fate::Answered { response, .. } = &call.fate {
            let made: Option<Value> = serde_json::from_slice(&response.body).ok();
            if let (Some(there), Some(here)) = (made.and_then(|made| made["id"].as_i64()), answer["id"].as_i64()) {
                ids.insert(there, here);
            }
        }
    }
    Ok(())
}

async fn plain(erp: &Tryton, client: &Client<HttpConnector, Full<Bytes>>, call: &Call, path: &str, body: Bytes) -> Result<Value> {
    for _ in 0..TRIES {
        let mut request = Request::builder().method(call.request.method.as_str()).uri(format!("{}{path}", erp.url()));
        request = request.header("authorization", erp.bearer());
        for (name, value) in &call.request.headers {
            request = request.header(name, value);
        }
        let response = client.request(request.body(Full::new(body.clone()))?).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        match status.as_u16() {
            200..=299 => return Ok(serde_json::from_slice(&answer).unwrap_or_default()),
            // Two orders met at one record, as they do through Mortar.
            409 | 425 | 429 | 500..=599 => tokio::time::sleep(LOOK).await,
            _ => bail!("{} {path}: {status}: {}", call.request.method, String::from_utf8_lossy(&answer)),
        }
    }
    bail!("{} {path} was put off {TRIES} times", call.request.method)
}

fn with_ids_in_path(path: &str, ids: &HashMap<i64, i64>) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let here = |part: &str| part.parse().ok().and_then(|id| ids.get(&id)).map_or_else(|| part.to_owned(), ToString::to_string);
    let path = path.split('/').map(here).collect::<Vec<_>>().join("/");
    query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"))
}

fn with_ids(body: &[u8], ids: &HashMap<i64, i64>) -> Bytes {
    fn put(value: &mut Value, ids: &HashMap<i64, i64>) {
        match value {
            Value::Array(all) => all.iter_mut().for_each(|one| put(one, ids)),
            Value::Object(fields) => fields.values_mut().for_each(|one| put(one, ids)),
            one => {
                if let Some(here) = one.as_i64().and_then(|id| ids.get(&id)) {
                    *one = json!(here);
                }
            }
        }
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            put(&mut value, ids);
            value.to_string().into()
        }
        Err(_) => Bytes::copy_from_slice(body),
    }
}

/// Seconds from each callback until the ERP shows its tracking number, one order after the other.
async fn until_visible(tryton: &Tryton, orders: &[String]) -> Result<Vec<f64>> {
    let host = host(tryton, 1).await;
    let mut took = Vec::new();
    for order in orders {
        let started = Instant::now();
        host.send(&fulfilled(order)).await;
        while tryton.search("stock.package", json!([["shipping_reference", "=", format!("1Z{order}")]]), &[]).await.is_empty() {
            if started.elapsed() > Duration::from_secs(120) {
                bail!("the tracking number of {order} does not come");
            }
            tokio::time::sleep(LOOK).await;
        }
        took.push(started.elapsed().as_secs_f64());
    }
    Ok(took)
}
