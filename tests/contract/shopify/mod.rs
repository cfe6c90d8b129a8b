//! The plugin `shopify` against a double of the Admin API, which executes what its schema allows.

mod double;
mod graphql;
mod orders;
mod stock;

use double::Double;
use mortar_core::delivery::State;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::EventStory;
use mortar_tests::fixtures::event_id;
use mortar_tests::{Host, Setup};
use serde_json::{Value, json};

use crate::service::{Reply, Service};

/// Shopify, and a host with the plugin as it is shipped.
struct Erp {
    shopify: Service<Double>,
    host: Host,
}

impl Erp {
    async fn start() -> Self {
        let shopify = Service::start("shopify/openapi.json", |_| Double::new()).await;
        let settings = std::fs::read_to_string(mortar_tests::paths::root().join("plugins/shopify/plugin.toml")).unwrap();
        let setup = Setup::new().file("secret", "s3cret").config(crate::QUICK);
        let more = format!(
            "{}auth = {{ kind = \"oauth2-client-credentials\", header = \"X-Shopify-Access-Token\", \
             token_url = \"{}/admin/oauth/access_token\", client_id = \"id\", client_secret = {{ file = {:?} }} }}\n",
            crate::IMPATIENT,
            shopify.url,
            setup.path().join("secret")
        );
        // Reads have a path of their own here, so that a fault can be aimed at a write.
        let reads = format!("{more}safe_methods = [\"GET\", \"POST\"]\n");
        let setup = setup.connection("shop", &format!("{}/admin/api/2026-10", shopify.url), &more).connection(
            "shop-reads",
            &format!("{}/reads/2026-10", shopify.url),
            &reads,
        );
        Self { host: setup.plugin("shopify", "shopify", &(settings + crate::AT_ONCE)).start().await, shopify }
    }

    /// Sends a callback, and waits until it is done and confirmed.
    async fn arrives(&self, callback: &Value) -> EventStory {
        self.host.send(callback).await;
        let id = event_id(callback);
        self.host.until(&id, State::Done).await;
        let confirmed =
            |story: &EventStory| story.deliveries[0].round_trip.as_ref().is_some_and(|known| known.state == RoundTripState::Confirmed);
        let story = self.host.when(&id, confirmed).await;
        self.shopify.kept_the_contract();
        story
    }

    /// Sends a callback, and waits until it is a dead letter: its reason.
    async fn dies(&self, callback: &Value) -> String {
        self.host.send(callback).await;
        let story = self.host.until(&event_id(callback), State::Dead).await;
        self.shopify.kept_the_contract();
        story.deliveries[0].delivery.reason.clone().unwrap()
    }

    /// How many writes there were so far.
    fn writes(&self) -> usize {
        self.shopify.writes().iter().filter(|write| write.starts_with("POST /admin/api/")).count()
    }
}

/// What Shopify answers who asks too much.
fn throttled() -> Reply {
    let status = json!({ "maximumAvailable": 2000.0, "currentlyAvailable": 9, "restoreRate": 100.0 });
    let cost = json!({ "requestedQueryCost": 10, "actualQueryCost": null, "throttleStatus": status });
    Reply::new(
        200,
        json!({ "errors": [{ "message": "Throttled", "extensions": { "code": "THROTTLED" } }], "extensions": { "cost": cost } }),
    )
}
