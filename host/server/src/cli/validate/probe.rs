//! Events of the checklist's own, and their way to the round trip.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::ports::Clock;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::EventStory;
use mortar_simulator::samples::{self, Overrides};
use rand::RngExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::Instant;

use super::seen::SHIPPED;
use crate::admin_types::EventQuery;
use crate::cli::client::Client;
use crate::cli::exit::Failure;
use crate::cli::masonhub::{Unobserved, of_sandbox, source};
use crate::cli::send::{Answer, headers, post};
use crate::cli::signing::Signer;
use crate::cli::target::Aim;
use crate::cli::{http, output::clean};
use crate::config::Loaded;
use crate::masonhub::Api;
use crate::wire::SystemClock;

/// Between two looks at what has become of an event.
const PAUSE: Duration = Duration::from_millis(200);

/// What is in every tracking number that is made up here.
const MARK: &str = "MORTAR-VALIDATE";

/// Statuses of an order that can still be shipped, folded.
const OPEN: [&str; 4] = ["open", "atwarehouse", "inprocess", "packed"];

/// What was made to happen, and what became of it.
#[derive(Debug, Default)]
pub(super) struct Probed {
    /// What was followed.
    pub(super) followed: Vec<Followed>,
    /// The answer to a forged signature.
    pub(super) forged: Option<Answer>,
    /// The answer to a callback that came once more.
    pub(super) repeated: Option<Answer>,
}

/// An event that was made to happen.
#[derive(Debug)]
pub(super) struct Followed {
    /// In words.
    pub(super) what: String,
    /// When it was made to happen.
    pub(super) at: Timestamp,
    /// What became of it by the end of the wait; none where no callback came.
    pub(super) story: Option<EventStory>,
    /// How long was waited.
    pub(super) waited: Duration,
}

/// Makes events happen.
pub(super) struct Prober<'a> {
    pub(super) client: &'a Client,
    pub(super) loaded: &'a Loaded,
    pub(super) aim: &'a Aim,
    pub(super) wait: Duration,
    pub(super) now: Timestamp,
}

impl Prober<'_> {
    /// Has the data factory ship an order and add stock.
    pub(super) async fn trigger(&self, order: Option<&str>, config: &Path, rng: &mut impl RngExt) -> Result<Probed, Failure> {
        let source = source(self.loaded, self.aim.source.as_deref())?;
        let api = Api::new(self.loaded, source, Arc::new(SystemClock), Arc::new(Unobserved))?;
        let order = match order {
            Some(order) => order.to_owned(),
            None => open_order(&api).await?,
        };
        let ship = json!({ "order_customer_id": order, "shorts": [], "number_of_shipments": 1 });
        let what = format!("order {order}, shipped by the data factory");
        let mut followed = vec![self.happen(&api, "shipOrder", &ship, what, (SHIPPED, format!("order:{order}"))).await?];
        // A sandbox may have no stock at all.
        if let Some((id, sku)) = first_sku(&api).await? {
            let add = json!({ "sku_id": id, "quantity": 1 });
            let what = format!("a unit of {sku}, added by the data factory");
            followed.push(self.happen(&api, "createAvailable", &add, what, ("inventory.updated", format!("sku:{sku}"))).await?);
        }
        let forged = self.post(&self.sample(None, &order, rng)?, true, config, rng).await?;
        Ok(Probed { followed, forged: Some(forged), repeated: None })
    }

    /// Sends a genuine callback, the same again, and a forged one.
    pub(super) async fn send(&self, order: &str, sku: Option<&str>, config: &Path, rng: &mut impl RngExt) -> Result<Probed, Failure> {
        let body = self.sample(sku, order, rng)?;
        let at = SystemClock.now();
        let first = self.post(&body, false, config, rng).await?;
        let event = first.body["events"][0].as_str().map(str::to_owned);
        let event =
            event.ok_or_else(|| Failure::Refused(format!("the signed callback was answered {}: {}", first.status, clean(&first.text))))?;
        let repeated = self.post(&body, false, config, rng).await?;
        let forged = self.post(&self.sample(sku, order, rng)?, true, config, rng).await?;
        let started = Instant::now();
        let story = self.follow(&event, started).await?;
        let what = format!("order {order}, in a signed callback of our own");
        let followed = vec![Followed { what, at, story: Some(story), waited: started.elapsed() }];
        Ok(Probed { followed, forged: Some(forged), repeated: Some(repeated) })
    }

    /// Triggers, and follows the event of this type and subject that comes of it.
    async fn happen(&self, api: &Api, trigger: &str, asked: &Value, what: String, event: (&str, String)) -> Result<Followed, Failure> {
        let newest = self.client.events(&EventQuery { limit: Some(1), ..EventQuery::default() }).await?;
        let query = EventQuery {
            after: Some(newest.first().map_or(0, |event| event.seq)),
            limit: Some(1),
            event_type: Some(event.0.to_owned()),
            subject: Some(event.1),
            ..EventQuery::default()
        };
        let (at, started) = (SystemClock.now(), Instant::now());
        api.trigger(trigger, asked).await.map_err(of_sandbox)?;
        let story = loop {
            if let Some(event) = self.client.events(&query).await?.first() {
                break Some(self.follow(&event.id, started).await?);
            }
            if started.elapsed() > self.wait {
                break None;
            }
            tokio::time::sleep(PAUSE).await;
        };
        Ok(Followed { what, at, story, waited: started.elapsed() })
    }

    /// What has become of an event when all of it is over, or the wait is.
    async fn follow(&self, event: &str, started: Instant) -> Result<EventStory, Failure> {
        loop {
            let story = self.client.story(event).await?;
            let over = story.deliveries.iter().all(|delivery| {
                let read_back = delivery.round_trip.as_ref().is_none_or(|trip| trip.state != RoundTripState::Due);
                !delivery.delivery.state.is_open() && read_back
            });
            if over || started.elapsed() > self.wait {
                return Ok(story);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn sample(&self, sku: Option<&str>, order: &str, rng: &mut impl RngExt) -> Result<Vec<u8>, Failure> {
        let tracking_number = Some(format!("{MARK}-{:08x}", rng.random::<u32>()));
        let overrides = Overrides { number: Some(order.to_owned()), tracking_number, sku: sku.map(str::to_owned) };
        let body = samples::sample("order.fulfilled.single", &overrides, rng);
        body.map(|body| body.to_vec()).map_err(|error| Failure::Failed(error.to_string()))
    }

    async fn post(&self, body: &[u8], forge: bool, config: &Path, rng: &mut impl RngExt) -> Result<Answer, Failure> {
        let target = self.aim.target(config)?;
        let signer = Signer::new(&target, forge).map_err(Failure::Failed)?;
        let client = if target.url.scheme() == "https" { http::public()? } else { http::local()? };
        let body = signer.complete(body.to_vec());
        let delivery = uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string();
        let headers = headers(&signer, &body, &delivery, self.now).map_err(Failure::Failed)?;
        post(&client, &target.url, headers, body).await
    }
}

/// The number of the first order that can still be shipped.
async fn open_order(api: &Api) -> Result<String, Failure> {
    let orders = api.list("orders", &[("list_type", "summary")]).await?;
    let folded = |status: &str| status.replace(['_', '-'], "").to_lowercase();
    let open = |order: &&Value| order["status"].as_str().is_some_and(|status| OPEN.contains(&folded(status).as_str()));
    let number = orders.iter().find(open).and_then(|order| order["customer_identifier"].as_str());
    let none = || Failure::NotFound("the sandbox has no open order: enter one, or name one with --order".to_owned());
    number.map(str::to_owned).ok_or_else(none)
}

/// MasonHub's identifier of a SKU, and the merchant's.
async fn first_sku(api: &Api) -> Result<Option<(String, String)>, Failure> {
    let stock = api.list("sku_snapshots", &[]).await?;
    let named = |stock: &Value| Some((stock["sku_id"].as_str()?.to_owned(), stock["customer_identifier"].as_str()?.to_owned()));
    Ok(stock.iter().find_map(named))
}
