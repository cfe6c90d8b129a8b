//! The plugin `netsuite` against a double of SuiteTalk REST.

mod double;
mod goods;
mod orders;
mod stock;

use double::Double;
use mortar_core::delivery::State;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::EventStory;
use mortar_tests::fixtures::event_id;
use mortar_tests::{Host, Setup};
use serde_json::Value;

use crate::service::Service;

/// NetSuite, and a host with the plugin as it is shipped.
struct Erp {
    netsuite: Service<Double>,
    host: Host,
}

impl Erp {
    async fn start() -> Self {
        Self::with(false, |settings| settings).await
    }

    /// With other settings, in an account that allows more to be received than was ordered, or not.
    async fn with(over: bool, settings: impl FnOnce(String) -> String) -> Self {
        let netsuite = Service::start("netsuite/openapi.json", |_| Double::new(over)).await;
        let shipped = std::fs::read_to_string(mortar_tests::paths::root().join("plugins/netsuite/plugin.toml")).unwrap();
        let settings = settings(shipped) + crate::AT_ONCE;
        let setup = Setup::new().file("secret", "s3cret").config(crate::QUICK);
        let secret = setup.path().join("secret");
        let more = |more: &str| {
            let patience = crate::IMPATIENT;
            format!(
                "{patience}{more}auth = {{ kind = \"oauth1\", realm = \"1234567_SB1\", consumer_key = \"ck\", \
                 consumer_secret = {{ file = {secret:?} }}, token = \"tk\", token_secret = {{ file = {secret:?} }} }}\n"
            )
        };
        let query = more("safe_methods = [\"GET\", \"POST\"]\npaths = [\"/suiteql*\"]\n");
        let setup = setup.connection("netsuite", &format!("{}/services/rest/record/v1", netsuite.url), &more("")).connection(
            "netsuite-query",
            &format!("{}/services/rest/query/v1", netsuite.url),
            &query,
        );
        Self { netsuite, host: setup.plugin("netsuite", "netsuite", &settings).start().await }
    }

    /// Sends a callback, and waits until it is done and confirmed.
    async fn arrives(&self, callback: &Value) -> EventStory {
        self.host.send(callback).await;
        self.confirmed(callback).await
    }

    async fn confirmed(&self, callback: &Value) -> EventStory {
        let id = event_id(callback);
        self.host.until(&id, State::Done).await;
        let confirmed =
            |story: &EventStory| story.deliveries[0].round_trip.as_ref().is_some_and(|known| known.state == RoundTripState::Confirmed);
        let story = self.host.when(&id, confirmed).await;
        self.netsuite.kept_the_contract();
        story
    }

    /// Sends a callback, and waits until it is a dead letter: its reason.
    async fn dies(&self, callback: &Value) -> String {
        self.host.send(callback).await;
        let story = self.host.until(&event_id(callback), State::Dead).await;
        self.netsuite.kept_the_contract();
        story.deliveries[0].delivery.reason.clone().unwrap()
    }

    /// The writes so far.
    fn writes(&self) -> Vec<String> {
        self.netsuite.writes().into_iter().filter(|write| !write.contains("/query/")).collect()
    }
}
