//! Dead letters that run again, many at a time: one selection after the other, at a pace that an ERP
//! bears, with what came of them so far.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::delivery::State;
use mortar_core::ports::{Filter, Replay};
use mortar_core::story::DeliverySummary;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use super::Dashboard;
use crate::admin_types::{EventQuery, MAX_LIMIT};
use crate::cli::client::Client;
use crate::cli::exit::Failure;

/// A pause between two deliveries.
const PACE: Duration = Duration::from_millis(10);

/// Refusals that are shown; all are counted.
const SHOWN: usize = 20;

/// Which dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Which {
    pub(super) plugin: String,
    pub(super) code: Option<String>,
}

impl Which {
    /// What asks the API for them. What dies from now on is not among them.
    pub(super) fn query(&self, until: Timestamp) -> EventQuery {
        EventQuery {
            state: Some(State::Dead),
            plugin: Some(self.plugin.clone()),
            code: self.code.clone(),
            until: Some(until),
            limit: Some(MAX_LIMIT),
            after: Some(0),
            ..EventQuery::default()
        }
    }
}

/// How far a replay is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Progress {
    pub(super) which: Which,
    pub(super) by: String,
    pub(super) started_at: Timestamp,
    pub(super) all: u64,
    pub(super) replayed: u64,
    pub(super) refused: u64,
    /// The first refusals.
    pub(super) refusals: Vec<String>,
    /// Why it ended, once it has.
    pub(super) ended: Option<String>,
}

impl Progress {
    pub(super) fn is_running(&self) -> bool {
        self.ended.is_none()
    }
}

/// The last replay, which may run still.
#[derive(Default)]
pub(super) struct Replays {
    last: Mutex<Option<Progress>>,
}

impl Replays {
    /// How far it is.
    pub(super) fn now(&self) -> Option<Progress> {
        self.lock().clone()
    }

    /// Ends it after the delivery that it is at.
    pub(super) fn stop(&self, who: &str) {
        if let Some(progress) = self.lock().as_mut().filter(|progress| progress.is_running()) {
            progress.ended = Some(format!("stopped by {who}"));
        }
    }

    /// Begins one, unless one runs.
    fn begin(&self, progress: Progress) -> Result<(), Failure> {
        let mut last = self.lock();
        if last.as_ref().is_some_and(Progress::is_running) {
            return Err(Failure::Refused("a replay runs already: wait for its end, or stop it".into()));
        }
        *last = Some(progress);
        Ok(())
    }

    /// Changes how far it is; false where it has ended.
    fn note(&self, change: impl FnOnce(&mut Progress)) -> bool {
        match self.lock().as_mut().filter(|progress| progress.is_running()) {
            Some(progress) => {
                change(progress);
                true
            }
            None => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Progress>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The dead letters of a selection, oldest first, so that of one subject the older one runs first.
pub(super) async fn selected(api: &Client, mut query: EventQuery) -> Result<Vec<DeliverySummary>, Failure> {
    let filter = Filter::from(query.clone());
    let mut all = Vec::new();
    loop {
        let events = api.events(&query).await?;
        let Some(last) = events.last() else { return Ok(all) };
        query.after = Some(last.seq);
        all.extend(events.into_iter().flat_map(|event| event.deliveries).filter(|delivery| filter.takes(delivery)));
    }
}

/// Runs dead letters again, beside everything else.
pub(super) async fn start(dashboard: &Arc<Dashboard>, api: Client, which: Which, by: &str) -> Result<(), Failure> {
    let started_at = dashboard.admin.ports.clock.now();
    let deliveries = selected(&api, which.query(started_at)).await?;
    let all = deliveries.len() as u64;
    let progress = Progress { which, by: by.to_owned(), started_at, all, replayed: 0, refused: 0, refusals: Vec::new(), ended: None };
    dashboard.replays.begin(progress)?;
    let dashboard = dashboard.clone();
    tokio::spawn(async move {
        let mut stop = dashboard.stop.clone();
        tokio::select! {
            () = run(&dashboard.replays, &api, deliveries) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    });
    Ok(())
}

async fn run(replays: &Replays, api: &Client, deliveries: Vec<DeliverySummary>) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for delivery in deliveries {
        pace.tick().await;
        let answer = api.replay(delivery.id, Replay::Resume).await;
        let goes_on = replays.note(|progress| match answer {
            Ok(()) => progress.replayed += 1,
            Err(failure) => {
                progress.refused += 1;
                if progress.refusals.len() < SHOWN {
                    progress.refusals.push(format!("{}: {failure}", delivery.id));
                }
            }
        });
        if !goes_on {
            return;
        }
    }
    replays.note(|progress| progress.ended = Some("all were gone through".into()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        let which = Which { plugin: "rest".into(), code: None };
        let (by, started_at) = ("ops".to_owned(), Timestamp::UNIX_EPOCH);
        Progress { which, by, started_at, all: 2, replayed: 0, refused: 0, refusals: Vec::new(), ended: None }
    }

    #[test]
    fn only_one_runs_at_a_time() {
        let replays = Replays::default();
        replays.begin(progress()).unwrap();
        assert!(replays.begin(progress()).is_err());
        replays.stop("ops");
        assert_eq!(replays.now().unwrap().ended.as_deref(), Some("stopped by ops"));
        assert!(!replays.note(|progress| progress.replayed += 1));
        replays.begin(progress()).unwrap();
        assert!(replays.note(|progress| progress.replayed += 1));
    }
}
