//! Open pages are told that something has changed, by server-sent events; then they ask for themselves
//! again, and show what is new.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Dashboard;
use super::visit::Visit;

/// How often it is looked whether something has changed: an open page is asked for no more often.
const LOOK: Duration = Duration::from_secs(1);

/// Grows with each change.
pub(super) struct Live(watch::Sender<u64>);

impl Default for Live {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

/// Looks whether something has changed, until the host stops.
pub(super) async fn follow(dashboard: &Dashboard) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = dashboard.stop.clone();
    let mut before = String::new();
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let admin = &dashboard.admin;
        // After a crash counting takes a while.
        let counts = timeout(LOOK, admin.ports.journal.counts()).await.ok().and_then(Result::ok);
        dashboard.pulse.look(admin.ports.clock.now(), counts.as_ref());
        if dashboard.live.0.receiver_count() == 0 {
            continue;
        }
        let minute = dashboard.pulse.minutes().pop();
        let digests: Vec<_> = admin.plugins.now().iter().map(|numbered| (numbered.plugin.digest.to_string(), numbered.parked)).collect();
        let connections = admin.connections.status();
        let breakers: Vec<_> = connections.iter().map(|connection| connection.breaker).collect();
        let replays = dashboard.replays.now();
        let health = admin.ports.journal.health().is_ok();
        let problems = admin.swaps.problems().len();
        let now = format!("{counts:?}{minute:?}{digests:?}{breakers:?}{replays:?}{health}{problems}");
        if now != before {
            before = now;
            dashboard.live.0.send_modify(|change| *change += 1);
        }
    }
}

/// What somebody listens with.
struct Listening {
    dashboard: Arc<Dashboard>,
    headers: HeaderMap,
    changes: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn changes(State(dashboard): State<Arc<Dashboard>>, headers: HeaderMap, _visit: Visit) -> Response {
    let Ok(place) = dashboard.listeners.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (changes, stop) = (dashboard.live.0.subscribe(), dashboard.stop.clone());
    let listening = Listening { dashboard, headers, changes, stop, _place: place };
    Sse::new(listening.events()).keep_alive(KeepAlive::default()).into_response()
}

impl Listening {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut listening| async move {
            let Listening { changes, stop, .. } = &mut listening;
            tokio::select! {
                changed = changes.changed() => changed.ok()?,
                // An open connection would hold up the end of the host.
                _ = stop.wait_for(|stop| *stop) => return None,
            }
            let change = *listening.changes.borrow_and_update();
            let now = listening.dashboard.admin.ports.clock.now();
            listening.dashboard.sessions.look(&listening.headers, now)?;
            Some((Ok(Event::default().event("changed").data(change.to_string())), listening))
        })
    }
}
