//! The plugin `business-central` against a double of the API v2.0.

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

/// Business Central, and a host with the plugin as it is shipped.
struct Erp {
    central: Service<Double>,
    host: Host,
}

impl Erp {
    async fn start() -> Self {
        Self::with(|settings| settings).await
    }

    /// With other settings.
    async fn with(settings: impl FnOnce(String) -> String) -> Self {
        let central = Service::start("business_central/openapi.json", |_| Double::new()).await;
        let shipped = std::fs::read_to_string(mortar_tests::paths::root().join("plugins/business-central/plugin.toml")).unwrap();
        let settings = settings(shipped) + crate::AT_ONCE;
        let setup = Setup::new().file("secret", "s3cret").config(crate::QUICK);
        let more = format!(
            "{}auth = {{ kind = \"oauth2-client-credentials\", token_url = \"{}/token\", \
             client_id = \"mortar\", client_secret = {{ file = {:?} }}, scope = \"https://api.businesscentral.dynamics.com/.default\" }}\n",
            crate::IMPATIENT,
            central.url,
            setup.path().join("secret")
        );
        let setup = setup.connection("business-central", &format!("{}/api", central.url), &more);
        Self { central, host: setup.plugin("business-central", "business-central", &settings).start().await }
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
        self.central.kept_the_contract();
        story
    }

    /// Sends a callback, and waits until it is a dead letter: its reason.
    async fn dies(&self, callback: &Value) -> String {
        self.host.send(callback).await;
        let story = self.host.until(&event_id(callback), State::Dead).await;
        self.central.kept_the_contract();
        story.deliveries[0].delivery.reason.clone().unwrap()
    }

    /// How often something was posted, as the requests say.
    fn postings(&self) -> usize {
        self.central.writes().iter().filter(|write| write.contains("Microsoft.NAV")).count()
    }
}
