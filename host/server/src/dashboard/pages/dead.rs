//! Dead letters by what they died of, and running many of them again.

use std::collections::BTreeMap;

use axum::extract::Query;
use jiff::Timestamp;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::State;
use mortar_core::story::EventSummary;
use serde::{Deserialize, Serialize};

use crate::admin_types::{EventQuery, MAX_LIMIT};
use crate::cli::exit::Failure;
use crate::dashboard::replays::{self, Which, selected};
use crate::dashboard::view::about;
use crate::dashboard::visit::{Page, Posted, Visit};

/// Dead letters that are gone through for the groups, newest first; of more, it is said that there are.
const MOST: usize = 2000;

/// Examples of a group.
const EXAMPLES: usize = 5;

/// Dead letters that died of the same.
#[derive(Debug, Serialize)]
struct Group {
    plugin: String,
    code: String,
    cure: Option<&'static str>,
    count: u64,
    /// Counts that have a newer one: they are not replayed.
    outdated: u64,
    in_doubt: u64,
    oldest: Timestamp,
    newest: Timestamp,
    /// The newest, each with its reason.
    examples: Vec<Example>,
}

#[derive(Debug, Serialize)]
struct Example {
    event: u64,
    event_type: String,
    subject: String,
    at: Timestamp,
    reason: String,
}

pub(in crate::dashboard) async fn groups(visit: Visit) -> Page {
    let (events, more) = dead(&visit).await.map_err(|failure| visit.refused(&failure))?;
    let groups = grouped(&events);
    let replay = visit.dashboard.replays.now();
    let all: u64 = groups.iter().map(|group| group.count).sum();
    visit.page(
        "dead.html",
        about! { title => "Dead letters", groups, more, all, replay, running => replay.as_ref().is_some_and(|r| r.is_running()) },
    )
}

async fn dead(visit: &Visit) -> Result<(Vec<EventSummary>, bool), Failure> {
    let mut query = EventQuery { limit: Some(MAX_LIMIT), state: Some(State::Dead), ..EventQuery::default() };
    let mut all = Vec::new();
    while all.len() < MOST {
        let page = visit.api.some_events(&query).await?;
        all.extend(page.items);
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok((all, false));
        }
    }
    Ok((all, true))
}

fn grouped(events: &[EventSummary]) -> Vec<Group> {
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    for event in events {
        for delivery in event.deliveries.iter().filter(|delivery| delivery.state == State::Dead) {
            let code = delivery.code.clone().unwrap_or_default();
            let group = groups.entry((delivery.plugin.clone(), code.clone())).or_insert_with(|| Group {
                plugin: delivery.plugin.clone(),
                cure: code.parse::<ErrorCode>().ok().map(ErrorCode::cure),
                code,
                count: 0,
                outdated: 0,
                in_doubt: 0,
                oldest: delivery.at,
                newest: delivery.at,
                examples: Vec::new(),
            });
            group.count += 1;
            group.outdated += u64::from(delivery.outdated);
            group.in_doubt += u64::from(delivery.in_doubt > 0);
            group.oldest = group.oldest.min(delivery.at);
            group.newest = group.newest.max(delivery.at);
            if group.examples.len() < EXAMPLES {
                group.examples.push(Example {
                    event: event.seq,
                    event_type: event.event_type.clone(),
                    subject: event.subject.clone(),
                    at: delivery.at,
                    reason: delivery.reason.clone().unwrap_or_default(),
                });
            }
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Chosen {
    plugin: String,
    #[serde(default)]
    code: String,
}

impl Chosen {
    fn which(&self) -> Which {
        Which { plugin: self.plugin.clone(), code: Some(self.code.clone()).filter(|code| !code.is_empty()) }
    }
}

/// What would run again.
pub(in crate::dashboard) async fn preview(visit: Visit, Query(chosen): Query<Chosen>) -> Page {
    let which = chosen.which();
    let now = visit.dashboard.admin.ports.clock.now();
    let deliveries = selected(&visit.api, which.query(now)).await.map_err(|failure| visit.refused(&failure))?;
    let outdated = deliveries.iter().filter(|delivery| delivery.outdated).count();
    visit.page(
        "replay.html",
        about! {
            title => "Replay dead letters",
            which,
            all => deliveries.len(),
            outdated,
            runs => deliveries.len() - outdated,
            in_doubt => deliveries.iter().filter(|delivery| delivery.in_doubt > 0).count(),
        },
    )
}

pub(in crate::dashboard) async fn replay(posted: Posted) -> Page {
    let chosen = Chosen { plugin: posted.field("plugin").to_owned(), code: posted.field("code").to_owned() };
    let Posted { visit, .. } = &posted;
    let started = replays::start(&visit.dashboard, visit.api.clone(), chosen.which(), &visit.session.who.name).await;
    posted.back(started.map(|()| "The replay has begun; how far it is stands below.".into()))
}

pub(in crate::dashboard) async fn stop(posted: Posted) -> Page {
    posted.visit.dashboard.replays.stop(&posted.visit.session.who.name);
    posted.back(Ok("The replay is stopped. What ran again stays so.".into()))
}
