//! How the host is, at a glance.

use axum::extract::Query;
use serde::Deserialize;

use crate::dashboard::chart::{self, Bars, Picture, Span};
use crate::dashboard::pulse::Count;
use crate::dashboard::view::about;
use crate::dashboard::visit::{Page, Visit};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Over {
    span: String,
}

/// Counts that are drawn on top of each other: class, name, count.
type Series = &'static [(&'static str, &'static str, Count)];

const IN: Series = &[
    ("c-accepted", "accepted", Count::Accepted),
    ("c-duplicate", "duplicates", Count::Duplicates),
    ("c-rejected", "rejected", Count::Rejected),
    ("c-aside", "quarantined", Count::Quarantined),
    ("c-unavailable", "answered 503", Count::Unavailable),
];

const OUT: Series = &[
    ("c-done", "done", Count::Done),
    ("c-ignored", "ignored", Count::Ignored),
    ("c-failed", "to be retried", Count::Failed),
    ("c-dead", "dead letters", Count::Dead),
];

pub(in crate::dashboard) async fn show(visit: Visit, Query(over): Query<Over>) -> Page {
    let (status, alerts) = tokio::try_join!(visit.api.status(), visit.api.alerts()).map_err(|failure| visit.refused(&failure))?;
    let span = Span::of(&over.span);
    let bars = Bars::new(&visit.dashboard.pulse.minutes(), span);
    let pictures: [Picture; 5] = [
        chart::counts("Coming in", &bars, IN),
        chart::counts("Attempts to deliver", &bars, OUT),
        chart::open("Open deliveries", &bars),
        chart::latency("From callback to answer", &bars, |minute| &minute.acks),
        chart::latency("From receipt to the end of the delivery", &bars, |minute| &minute.deliveries),
    ];
    let state = |name: &str| status.counts.deliveries.iter().find(|(state, _)| state.as_str() == name).map_or(0, |(_, count)| *count);
    visit.page(
        "overview.html",
        about! {
            title => "Overview",
            done => state("done"),
            dead => state("dead"),
            waiting => state("waiting"),
            pending => state("pending") + state("running"),
            since_start => bars.from() <= status.started_at,
            from => bars.from().max(status.started_at),
            span => span.key(),
            spans => Span::ALL.map(|span| (span.key(), span.title())),
            pictures,
            alerts,
            status,
        },
    )
}
