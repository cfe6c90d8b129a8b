//! What a plugin remembers of earlier events: an event before the one that is rehearsed, whose handler
//! writes the state and ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use mortar_core::delivery::{Ending, State};
use mortar_core::event::{Event, Subject, SubjectKind, TypedEvent};
use mortar_core::ports::{BoxFuture, Handler, Host, Ran, Run, StateWrite};
use mortar_core::story::EventStory;

use super::RehearsalError;

/// A handler that only remembers.
pub(super) struct Remembers(pub(super) BTreeMap<String, Vec<u8>>);

impl Handler for Remembers {
    fn run(&self, _: Run, _: Option<TypedEvent>, host: Arc<dyn Host>) -> BoxFuture<'_, Ran> {
        Box::pin(async move {
            let mut ending = Ending::Done;
            for (key, value) in &self.0 {
                let write = StateWrite { key: key.clone(), expected: 0, value: Some(value.clone()) };
                match host.state_put(write).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => ending = Ending::Ignored(format!("{key}: {error:?}")),
                    Err(error) => ending = Ending::Ignored(error.to_string()),
                }
            }
            Ran { ending, log: Vec::new(), digest: "before".into() }
        })
    }
}

/// An event like this one, before it.
pub(super) fn earlier(event: &Event) -> Event {
    // With a subject of its own, so that neither is newer.
    let subject = Subject { kind: SubjectKind::Other, id: "before".into() };
    Event { id: format!("before {}", event.id), subject, as_of: None, ..event.clone() }
}

/// Whether it was all remembered.
pub(super) fn check(story: &EventStory) -> Result<(), RehearsalError> {
    let delivery = story.deliveries.first().map(|story| &story.delivery);
    match delivery.filter(|delivery| delivery.state != State::Done) {
        None => Ok(()),
        Some(delivery) => Err(RehearsalError::State(delivery.reason.clone().unwrap_or_default())),
    }
}
