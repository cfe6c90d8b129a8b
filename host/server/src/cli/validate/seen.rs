//! What the host has seen since a time, as the checklist needs it.

use jiff::Timestamp;
use mortar_core::config::{Preset, Verify};
use mortar_core::delivery::State;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::{EventStory, EventSummary, Quarantined, Rejected, RoundTripSummary};

use crate::admin_types::{EventQuery, MAX_LIMIT, PluginRoundTrips, QuarantineQuery, RejectedQuery, RoundTripQuery};
use crate::cli::client::Client;
use crate::cli::exit::Failure;
use crate::config::Loaded;

/// Events that are looked at, newest first.
pub(super) const EVENTS: usize = 10_000;

/// Events of which the whole story is read, for each of the two questions that need it.
const STORIES: usize = 25;

/// The type of the events that customers are told of.
pub(super) const SHIPPED: &str = "order.fulfilled";

/// What the host has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) since: Timestamp,
    /// The events, newest first.
    pub(super) events: Vec<EventSummary>,
    /// True where there were more.
    pub(super) more: bool,
    pub(super) quarantined: Vec<Quarantined>,
    pub(super) rejected: Vec<Rejected>,
    /// Sources that verify nothing.
    pub(super) unverified: Vec<String>,
    pub(super) round_trips: Vec<PluginRoundTrips>,
    pub(super) mismatches: Vec<RoundTripSummary>,
    /// The newest orders that were shipped.
    pub(super) shipped: Vec<EventStory>,
    /// The newest events whose deliveries took several attempts, and are over.
    pub(super) retried: Vec<EventStory>,
}

impl Seen {
    /// Asks the running host, for this many events at most.
    pub(super) async fn gather(client: &Client, loaded: &Loaded, since: Timestamp, most: usize) -> Result<Self, Failure> {
        let (events, more) = events(client, since, most).await?;
        let shipped = stories(client, events.iter().filter(|event| event.event_type == SHIPPED)).await?;
        let after_retries = |event: &&EventSummary| event.deliveries.iter().any(|d| d.state == State::Done && d.attempts > 1);
        let retried = stories(client, events.iter().filter(after_retries)).await?;
        let quarantined = client.quarantine(&QuarantineQuery { limit: Some(MAX_LIMIT), ..QuarantineQuery::default() }).await?;
        let rejected = client.rejected(&RejectedQuery { limit: Some(MAX_LIMIT), ..RejectedQuery::default() }).await?;
        let mismatches = client.round_trips(&RoundTripQuery { state: RoundTripState::Mismatch, cursor: None, limit: Some(5) }).await?;
        let open = loaded.config.sources.iter().filter(|(_, source)| source.verify == Verify::Preset(Preset::None));
        Ok(Self {
            since,
            events,
            more,
            quarantined: quarantined.into_iter().filter(|one| one.received_at >= since).collect(),
            rejected: rejected.into_iter().filter(|one| one.received_at >= since).collect(),
            unverified: open.map(|(name, _)| name.clone()).collect(),
            round_trips: client.round_trip_report(since).await?.plugins,
            mismatches,
            shipped,
            retried,
        })
    }
}

async fn events(client: &Client, since: Timestamp, most: usize) -> Result<(Vec<EventSummary>, bool), Failure> {
    let mut query = EventQuery { limit: Some(MAX_LIMIT.min(most)), since: Some(since), ..EventQuery::default() };
    let mut all = Vec::new();
    while all.len() < most {
        let page = client.events(&query).await?;
        let Some(last) = page.last() else { return Ok((all, false)) };
        query.before = Some(last.seq);
        all.extend(page);
    }
    Ok((all, true))
}

async fn stories(client: &Client, events: impl Iterator<Item = &EventSummary>) -> Result<Vec<EventStory>, Failure> {
    let mut stories = Vec::new();
    for event in events.take(STORIES) {
        stories.push(client.story(&event.seq.to_string()).await?);
    }
    Ok(stories)
}
