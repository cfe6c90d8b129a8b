//! A double of a vendor's system, and a host with the plugin for it.

use mortar_core::delivery::State;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::EventStory;
use mortar_tests::Host;
use mortar_tests::fixtures::event_id;
use serde_json::Value;

use crate::service::{Service, Vendor};

/// The two of them.
pub(crate) struct Erp<V> {
    pub(crate) service: Service<V>,
    pub(crate) host: Host,
}

impl<V: Vendor> Erp<V> {
    /// Sends a callback, and waits until it is done and confirmed.
    pub(crate) async fn arrives(&self, callback: &Value) -> EventStory {
        self.host.send(callback).await;
        self.confirmed(callback).await
    }

    /// Waits until what a callback says is done and confirmed.
    pub(crate) async fn confirmed(&self, callback: &Value) -> EventStory {
        let id = event_id(callback);
        self.host.until(&id, State::Done).await;
        let confirmed =
            |story: &EventStory| story.deliveries[0].round_trip.as_ref().is_some_and(|known| known.state == RoundTripState::Confirmed);
        let story = self.host.when(&id, confirmed).await;
        self.service.kept_the_contract();
        story
    }

    /// Sends a callback, and waits until it is a dead letter: its reason.
    pub(crate) async fn dies(&self, callback: &Value) -> String {
        self.host.send(callback).await;
        let story = self.host.until(&event_id(callback), State::Dead).await;
        self.service.kept_the_contract();
        story.deliveries[0].delivery.reason.clone().unwrap()
    }
}
