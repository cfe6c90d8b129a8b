//! The demo with a real ERP: one order's way from Tryton to the warehouse and back.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use clap::Args;
use mortar_core::masonhub::MESSAGE_TYPES;
use mortar_core::ports::Clock;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::EventStory;
use mortar_simulator::masonhub::Callback;
use mortar_simulator::masonhub::api::{Api as Warehouse, ApiOptions, Tell};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::host::HostProcess;
use super::{Demo, SECRET, keep_running, prepare, put_plugin};
use crate::admin_types::EventQuery;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Client, http, masonhub::Unobserved};
use crate::config;
use crate::masonhub::{Api, NewRegistration};
use crate::wire::SystemClock;

/// What is ordered.
const SKU: &str = "TEE-BLU-M";
const UNITS: u32 = 2;

/// What the warehouse's tokens are had for.
const PHRASE: &str = "the-demo-phrase";

/// The time that each step may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// A running Tryton, in the place of the small ERP.
#[derive(Debug, Args)]
pub(super) struct Tryton {
    /// Show one order's way through a real Tryton instead: its REST interface. `cargo demo --erp tryton`
    /// starts one and says so here
    #[arg(long = "tryton", value_name = "URL", requires_all = ["key", "mails"])]
    pub(super) url: Option<String>,
    /// With --tryton: the file with its key
    #[arg(long = "tryton-key", id = "key", value_name = "FILE")]
    key: Option<PathBuf>,
    /// With --tryton: the maildir of the mails that it sends
    #[arg(long = "tryton-mails", id = "mails", value_name = "DIR")]
    mails: Option<PathBuf>,
}

pub(super) async fn run(demo: &Demo, url: &str, out: &mut dyn Write) -> Result<Exit, Failure> {
    let place = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
    let (key, mails) = (place(&demo.tryton.key), place(&demo.tryton.mails));
    let erp = Erp::new(url, &key)?;
    let now = SystemClock.now();
    let order = format!("DEMO-{}", now.as_second());
    erp.sale(&order).await?;
    writeln!(out, "Tryton     a sale with the reference {order}: {UNITS} {SKU}, processed; its shipment waits for the warehouse")?;

    let warehouse =
        Warehouse::bind(ApiOptions { seed: now.as_second().unsigned_abs(), ..ApiOptions::new(PHRASE, SECRET, || SystemClock.now()) })
            .await?;
    warehouse.handle().tell(&[entered(&order)], Tell::Nobody);
    let api_url = warehouse.url();
    tokio::spawn(warehouse.run(std::future::pending()));
    let host = start(demo, url, &key, &api_url).await?;
    let loaded = config::read(&demo.directory.join("mortar.toml")).map_err(Failure::Configuration)?;
    let api = Api::new(&loaded, "masonhub", Arc::new(SystemClock), Arc::new(Unobserved))?;
    let to = format!("http://{}/webhooks/masonhub", host.edge());
    let registration = |message_type: &&str| NewRegistration {
        url: to.clone(),
        message_type: (*message_type).to_owned(),
        api_version: "1.0".to_owned(),
        token: None,
    };
    api.register(&MESSAGE_TYPES.iter().map(registration).collect::<Vec<_>>()).await?;
    writeln!(out, "MasonHub   knows the order, and sends its callbacks to {to}")?;

    let asked = json!({ "order_customer_id": order, "shorts": [], "number_of_shipments": 1 });
    let shipped_at = SystemClock.now();
    let shipped = api.trigger("shipOrder", &asked).await?;
    let tracking = shipped["results"][0]["shipments"][0]["tracking_number"].as_str().unwrap_or_default().to_owned();
    writeln!(out, "MasonHub   ships it, with the tracking number {tracking}\n")?;

    let story = arrived(host.client(), &order).await?;
    let confirmed = story.as_ref().and_then(|story| story.deliveries.first()?.round_trip.clone());
    let found = erp.shipped(&order, &tracking).await?;
    let told = caught(&mails, &tracking).await?;
    let points = [
        match &story {
            Some(story) => {
                let took = story.callback.received_at.duration_since(shipped_at).as_secs_f64();
                (true, format!("the callback came {took:.1} s after the parcel left: {}", story.event.id))
            }
            None => (false, format!("no callback about {order} came; see {}", demo.directory.join("host.log").display())),
        },
        (found == ["done"], format!("Tryton has {tracking} on {} shipment(s), in the state {}", found.len(), found.join(", "))),
        (told == 1, format!("Tryton has sent the customer {told} mail(s) with {tracking}")),
        match confirmed {
            Some(trip) if trip.state == RoundTripState::Confirmed => {
                let took = trip.at.duration_since(shipped_at).as_secs_f64();
                (true, format!("read back and confirmed {took:.1} s after the parcel left: {}", trip.reason.unwrap_or_default()))
            }
            Some(trip) => (false, format!("the round trip is {}: {}", trip.state, trip.reason.unwrap_or_default())),
            None => (false, "the delivery was not read back".to_owned()),
        },
    ];
    for (holds, what) in &points {
        writeln!(out, "  {} {what}", if *holds { "[ok]" } else { "[FAILED]" })?;
    }
    if !demo.once {
        keep_running(demo, &host, out).await?;
    }
    host.stop().await?;
    Ok(if points.iter().all(|(holds, _)| *holds) { Exit::Done } else { Exit::Failed })
}

/// The order, as the merchant has entered it at MasonHub.
fn entered(order: &str) -> Callback {
    let lines = json!([{ "sku_customer_id": SKU, "quantity": UNITS }]);
    let now = SystemClock.now().to_string();
    let record = json!({ "id": order, "customer_identifier": order, "status": "open", "updated_at": now, "line_items": lines });
    Callback::new(json!({ "message_type": "orderEvent", "data": [record] }).to_string(), &mut rand::rng())
}

async fn start(demo: &Demo, url: &str, key: &Path, api: &str) -> Result<HostProcess, Failure> {
    let key = std::path::absolute(key)?;
    prepare(
        &demo.directory,
        &format!(
            "[sources.masonhub.api]\nurl = \"{api}\"\nprivate_addresses = true\n\
             auth = {{ kind = \"secret-phrase\", token_url = \"{api}/secrets\", secret_phrase = {{ file = \"phrase\" }} }}\n\n\
             [connections.erp]\nurl = \"{url}\"\nprivate_addresses = true\nauth = {{ kind = \"bearer\", token = {{ file = {key:?} }} }}\n"
        ),
    )?;
    put_plugin(demo, "tryton")?;
    std::fs::write(demo.directory.join("phrase"), PHRASE)?;
    adapt(&demo.directory.join("plugins/tryton/plugin.toml"))?;
    HostProcess::start(&demo.directory).await
}

/// Has the ERP read back soon, and parcels of carriers that Tryton does not know entered as UPS's.
fn adapt(settings: &Path) -> Result<(), Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Failed(format!("{}: {error}", settings.display()));
    let mut table: toml::Table = std::fs::read_to_string(settings)?.parse().map_err(|error| wrong(&error))?;
    for (section, key, value) in [("config", "carrier", "UPS"), ("round_trip", "after", "1s")] {
        let section = table.entry(section).or_insert_with(|| toml::Table::new().into());
        section.as_table_mut().ok_or_else(|| wrong(&"a section is no table"))?.insert(key.to_owned(), value.into());
    }
    let text = toml::to_string(&table).map_err(|error| wrong(&error))?;
    Ok(std::fs::write(settings, text)?)
}

/// The order's event, when it is delivered and read back or the time is over.
async fn arrived(client: &Client, order: &str) -> Result<Option<EventStory>, Failure> {
    let subject = Some(format!("order:{order}"));
    let query = EventQuery { event_type: Some("order.fulfilled".to_owned()), subject, limit: Some(1), ..EventQuery::default() };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let event = client.events(&query).await?.into_iter().next();
        let story = match event {
            Some(event) => Some(client.story(&event.id).await?),
            None => None,
        };
        let is_over = |story: &EventStory| {
            let read_back = |trip: &mortar_core::story::RoundTrip| trip.state != RoundTripState::Due;
            story.deliveries.iter().all(|d| !d.delivery.state.is_open() && d.round_trip.as_ref().is_none_or(read_back))
        };
        if story.as_ref().is_some_and(is_over) || Instant::now() > deadline {
            return Ok(story);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How many mails with this tracking number were caught. Tryton sends a moment after it has committed.
async fn caught(mails: &Path, tracking: &str) -> Result<usize, Failure> {
    let deadline = Instant::now() + PATIENCE / 4;
    loop {
        let files = std::fs::read_dir(mails).into_iter().flatten().filter_map(Result::ok);
        let about = files.filter(|file| std::fs::read_to_string(file.path()).is_ok_and(|mail| mail.contains(tracking))).count();
        if about > 0 || Instant::now() > deadline {
            return Ok(about);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Tryton's REST interface, as whoever enters orders uses it.
struct Erp {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Erp {
    fn new(url: &str, key: &Path) -> Result<Self, Failure> {
        let read = std::fs::read_to_string(key);
        let key = read.map_err(|error| Failure::Failed(format!("the key of Tryton, {}: {error}", key.display())))?;
        Ok(Self { http: http::local()?, base: url.trim_end_matches('/').to_owned(), key: key.trim().to_owned() })
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let wrong = |why: String| Failure::Failed(format!("Tryton does not answer {method} {path}: {why}"));
        let context = URL_SAFE.encode(json!({ "company": 1 }).to_string());
        let mut request = self.http.request(method.clone(), format!("{}/{path}", self.base)).bearer_auth(&self.key);
        request = request.header("x-tryton-context", context).header("content-type", "application/json");
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.map_err(|error| wrong(http::root_cause(&error)))?;
        let (status, text) = (response.status(), response.text().await.map_err(|error| wrong(http::root_cause(&error)))?);
        if status.is_success() {
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
        } else {
            Err(wrong(format!("{status}: {text}")))
        }
    }

    async fn search(&self, model: &str, domain: Value, fields: &str) -> Result<Vec<Value>, Failure> {
        let found = self.ask(reqwest::Method::GET, &format!("{model}?d={}{fields}", URL_SAFE.encode(domain.to_string())), None).await?;
        Ok(found.as_array().cloned().unwrap_or_default())
    }

    /// Sells, up to where the shipment waits.
    async fn sale(&self, reference: &str) -> Result<(), Failure> {
        let nothing = || Failure::Failed("Tryton has no customer or no product: `cargo xtask erp seed` puts its data back".into());
        let party = self.search("party.party", json!([["name", "=", "Ada Customer"]]), "&f=addresses").await?;
        let party = party.first().ok_or_else(nothing)?;
        let product = self.search("product.product", json!([["code", "=", SKU]]), "").await?;
        let product = &product.first().ok_or_else(nothing)?["id"];
        let price = json!({ "__class__": "Decimal", "decimal": "20" });
        let line = json!({ "type": "line", "product": product, "quantity": UNITS, "unit": 1, "unit_price": price });
        let address = &party["addresses"][0];
        let head = json!({
            "company": 1, "currency": 1, "party": party["id"], "invoice_address": address, "shipment_address": address,
            "reference": reference, "invoice_method": "manual", "lines": [["create", [line]]],
        });
        let sale = self.ask(reqwest::Method::POST, "sale.sale", Some(head)).await?;
        for action in ["quote", "confirm", "process"] {
            self.ask(reqwest::Method::POST, &format!("sale.sale/{}/{action}", sale["id"]), Some(json!({}))).await?;
        }
        Ok(())
    }

    /// The states of the order's shipments with this tracking number.
    async fn shipped(&self, order: &str, tracking: &str) -> Result<Vec<String>, Failure> {
        let fields = "&f=shipments.state&f=shipments.packages.shipping_reference";
        let sales = self.search("sale.sale", json!([["reference", "=", order]]), fields).await?;
        let shipments = sales.iter().flat_map(|sale| sale["shipments"].as_array().into_iter().flatten());
        let carries = |shipment: &&Value| {
            let mut packages = shipment["packages"].as_array().into_iter().flatten();
            packages.any(|package| package["shipping_reference"] == tracking)
        };
        Ok(shipments.filter(carries).map(|shipment| shipment["state"].as_str().unwrap_or("unknown").to_owned()).collect())
    }
}
