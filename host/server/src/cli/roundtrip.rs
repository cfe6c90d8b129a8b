//! `mortar roundtrip`: what the ERP said when it was read back after deliveries were done.

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use mortar_core::delivery::DeliveryId;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::{RoundTrip, RoundTripSummary};

use super::client::Client;
use super::event::Since;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, clean, counted, time};
use crate::admin_types::{DEFAULT_LIMIT, LookAgain, PluginRoundTrips, RoundTripQuery, RoundTripReport};

/// Between two looks at what has come of a check.
const PAUSE: Duration = Duration::from_millis(250);

/// `mortar roundtrip …`
#[derive(Debug, Subcommand)]
pub(super) enum RoundTrips {
    /// Have plugins read back from the ERP what arrived, and wait for what they find
    Check(Check),
    /// Count what was confirmed, and list what the ERP does not say
    Report(Report),
    /// List round trips in a state, newest event first
    List {
        /// due, confirmed, mismatch, unconfirmed or not-applicable
        #[arg(long, default_value_t = RoundTripState::Mismatch)]
        state: RoundTripState,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
        limit: usize,
    },
}

/// `mortar roundtrip check`
#[derive(Debug, Args)]
pub(super) struct Check {
    /// One delivery, as `mortar event show` names it
    #[arg(required_unless_present = "since", conflicts_with_all = ["since", "plugin"])]
    delivery: Option<DeliveryId>,
    /// Every delivery that is done, of events received since: a time, or how long ago (`2h`)
    #[arg(long, value_parser = Since::parse)]
    since: Option<Since>,
    /// With --since: only this plugin's
    #[arg(long, requires = "since")]
    plugin: Option<String>,
    /// Give up waiting after so many seconds; what is due is looked at all the same
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
}

/// `mortar roundtrip report`
#[derive(Debug, Args)]
pub(super) struct Report {
    /// Of events received since: a time, or how long ago (`7d`)
    #[arg(long, value_parser = Since::parse, default_value = "1d")]
    since: Since,
}

pub(super) async fn run(command: &RoundTrips, client: &Client, now: Timestamp, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
        RoundTrips::Check(check) => match (check.delivery, &check.since) {
            (Some(delivery), _) => one(check, delivery, client, output).await,
            (None, Some(since)) => all(check, since.resolve(now), client, output).await,
            (None, None) => Err(Failure::Usage("name a delivery, or say --since".into())),
        },
        RoundTrips::Report(report) => tell(&client.round_trip_report(report.since.resolve(now)).await?, client, output).await,
        RoundTrips::List { state, limit } => {
            let found = client.round_trips(&RoundTripQuery { state: *state, cursor: None, limit: Some(*limit) }).await?;
            if output.is_json() {
                output.json(&found)?
            } else {
                table(&found, &format!("no round trip is {state}"), output)?
            }
            Ok(Exit::Done)
        }
    }
}

async fn one(check: &Check, delivery: DeliveryId, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    client.look_again(&LookAgain::Delivery { delivery }).await?;
    let found = wait(check, async || {
        let story = client.story(&delivery.event.to_string()).await?;
        let told = story.deliveries.into_iter().find(|told| told.delivery.id == delivery).and_then(|told| told.round_trip);
        Ok(told.filter(|known| known.state != RoundTripState::Due))
    });
    let known = found.await?.ok_or_else(|| still_due(check, "the delivery"))?;
    if output.is_json() {
        output.json(&known)?;
    } else {
        let (state, words) = words(&known);
        output.line(format_args!("delivery {delivery}: {}{}", output.paint(tone(known.state), state), clean(&words)))?;
    }
    Ok(if known.state == RoundTripState::Mismatch { Exit::Failed } else { Exit::Done })
}

async fn all(check: &Check, since: Timestamp, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let plugin = check.plugin.clone();
    let marked = client.look_again(&LookAgain::Since { since, plugin }).await?.marked;
    if !output.is_json() {
        output.line(format_args!("{} to be read back", counted(marked, "delivery")))?;
    }
    let report = wait(check, async || {
        let report = client.round_trip_report(since).await?;
        let due: u64 = report.plugins.iter().filter(|p| check.plugin.as_ref().is_none_or(|name| p.plugin == *name)).map(|p| p.due).sum();
        Ok((due == 0).then_some(report))
    });
    let report = report.await?.ok_or_else(|| still_due(check, "some deliveries"))?;
    tell(&report, client, output).await
}

/// Asks until there is an answer, or the time is over.
async fn wait<T>(check: &Check, ask: impl AsyncFn() -> Result<Option<T>, Failure>) -> Result<Option<T>, Failure> {
    let asking = async {
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(check.timeout), asking).await.ok().transpose()
}

fn still_due(check: &Check, what: &str) -> Failure {
    let seconds = check.timeout;
    Failure::Failed(format!(
        "{what} could not be read back within {seconds} s (is the ERP there?); it goes on: see `mortar roundtrip list --state due`"
    ))
}

async fn tell(report: &RoundTripReport, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let mismatches: u64 = report.plugins.iter().map(|plugin| plugin.mismatch).sum();
    if output.is_json() {
        output.json(report)?;
    } else {
        let heads = ["plugin", "done", "confirmed", "mismatch", "unconfirmed", "due", "nothing to confirm", "never looked at"];
        output.line(format_args!("of events received since {}", time(report.since)))?;
        output.table(&heads, report.plugins.iter().map(row).collect(), "nothing was delivered")?;
        for plugin in report.plugins.iter().filter(|plugin| !plugin.reads_back) {
            output.line(format_args!("{} cannot read back: it exports no `round-trip`", clean(&plugin.plugin)))?;
        }
        if mismatches > 0 {
            let found = client.round_trips(&RoundTripQuery { state: RoundTripState::Mismatch, cursor: None, limit: None }).await?;
            output.line("")?;
            table(&found, "", output)?;
        }
    }
    Ok(if mismatches > 0 { Exit::Failed } else { Exit::Done })
}

fn row(plugin: &PluginRoundTrips) -> Vec<Cell> {
    let toned = |count: u64, tone| Cell::toned(count, if count == 0 { Tone::Faint } else { tone });
    vec![
        Cell::from(&plugin.plugin),
        plugin.done.into(),
        toned(plugin.confirmed, Tone::Good),
        toned(plugin.mismatch, Tone::Bad),
        toned(plugin.unconfirmed, Tone::Wait),
        toned(plugin.due, Tone::Wait),
        toned(plugin.not_applicable, Tone::Plain),
        toned(plugin.never, Tone::Plain),
    ]
}

fn table(found: &[RoundTripSummary], nothing: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    let rows = found.iter().map(|trip| {
        let known = &trip.round_trip;
        let (state, words) = words(known);
        let [event, subject, plugin] = [&trip.event_id, &trip.subject, &trip.plugin].map(Cell::from);
        vec![trip.delivery.into(), event, subject, plugin, Cell::toned(state, tone(known.state)), words.into(), time(known.at).into()]
    });
    Ok(output.table(&["delivery", "event", "subject", "plugin", "state", "what", "at"], rows.collect(), nothing)?)
}

/// The state, and what there is to say of it.
pub(super) fn words(known: &RoundTrip) -> (RoundTripState, String) {
    let text = match (&known.expected, &known.found, &known.reason) {
        (Some(expected), Some(found), _) => format!(": expected {expected}; the ERP says {found}"),
        (_, _, Some(reason)) => format!(": {reason}"),
        _ => String::new(),
    };
    (known.state, text)
}

/// The tone of a round trip's state.
pub(super) fn tone(state: RoundTripState) -> Tone {
    match state {
        RoundTripState::Confirmed => Tone::Good,
        RoundTripState::Mismatch => Tone::Bad,
        RoundTripState::Unconfirmed | RoundTripState::Due => Tone::Wait,
        RoundTripState::NotApplicable => Tone::Faint,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind::{ArgumentConflict, MissingRequiredArgument};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        _command: RoundTrips,
    }

    #[test]
    fn one_delivery_or_all_since_are_checked() {
        let parse =
            |line: &str| Line::try_parse_from(["roundtrip"].into_iter().chain(line.split_whitespace())).map(drop).map_err(|e| e.kind());
        assert_eq!(parse("check 7-1"), Ok(()));
        assert_eq!(parse("check --since 2h --plugin erp"), Ok(()));
        assert_eq!(parse("check"), Err(MissingRequiredArgument));
        assert_eq!(parse("check 7-1 --since 2h"), Err(ArgumentConflict));
        assert_eq!(parse("report"), Ok(()));
        assert_eq!(parse("list --state due"), Ok(()));
    }

    #[test]
    fn a_mismatch_tells_both_sides() {
        let known = RoundTrip {
            state: RoundTripState::Mismatch,
            at: Timestamp::UNIX_EPOCH,
            looks: 1,
            reason: None,
            expected: Some("1Z1".into()),
            found: Some("nothing".into()),
            log: Vec::new(),
        };
        assert_eq!(words(&known).1, ": expected 1Z1; the ERP says nothing");
    }
}
