//! `mortar event`: what came in, and what became of it.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use mortar_core::code::ErrorCode;
use mortar_core::config::duration;
use mortar_core::delivery::{EventSeq, State};
use mortar_core::story::{DeliverySummary, EventSummary};

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, time};
use super::send::Send;
use super::story;
use crate::admin_types::{DEFAULT_LIMIT, EventQuery};

/// `mortar event …`
#[derive(Debug, Subcommand)]
pub(super) enum Event {
    /// Send a signed callback to the edge, from a file or a built-in sample
    Send(Send),
    /// List events, newest first
    List(List),
    /// Tell the whole story of an event: callback, deliveries, attempts, calls, log lines
    Show(Show),
}

/// Which events or dead letters.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct Which {
    /// Only this event type; `order.*` stands for all that begin so
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Only this subject: `order:SO-1`, or just `SO-1`
    #[arg(long)]
    subject: Option<String>,
    /// Only events that name this, in whatever letters: an event id, an order number, a SKU, a tracking number
    #[arg(long, value_name = "TEXT")]
    find: Option<String>,
    /// Only deliveries to this plugin
    #[arg(long)]
    plugin: Option<String>,
    /// Only events received since then: a time, or how long ago (`2h`, `3d`)
    #[arg(long, value_parser = Since::parse)]
    since: Option<Since>,
    /// Only events received before then
    #[arg(long, value_parser = Since::parse)]
    until: Option<Since>,
    /// Only deliveries whose last failure has this error code, such as `plugin.rejected`
    #[arg(long, value_parser = known_code)]
    code: Option<ErrorCode>,
}

impl Which {
    /// The query that asks for it.
    pub(super) fn query(&self, state: Option<State>, now: Timestamp) -> EventQuery {
        EventQuery {
            event_type: self.event_type.clone(),
            subject: self.subject.clone(),
            find: self.find.clone(),
            state,
            plugin: self.plugin.clone(),
            code: self.code.map(|code| code.to_string()),
            since: self.since.map(|since| since.resolve(now)),
            until: self.until.map(|until| until.resolve(now)),
            ..EventQuery::default()
        }
    }
}

fn known_code(text: &str) -> Result<ErrorCode, String> {
    text.parse().map_err(|fault| {
        let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        format!("{fault}; codes are {}", codes.join(", "))
    })
}

/// A page of events or dead letters to list.
#[derive(Clone, Debug, Args)]
pub(super) struct Selection {
    #[command(flatten)]
    which: Which,
    /// Only events below this place in the journal (the last SEQ of the page before)
    #[arg(long, value_name = "SEQ")]
    before: Option<EventSeq>,
    /// At most this many events
    #[arg(long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
    limit: usize,
}

impl Selection {
    /// The query that asks for it.
    pub(super) fn query(&self, state: Option<State>, now: Timestamp) -> EventQuery {
        EventQuery { before: self.before, limit: Some(self.limit), ..self.which.query(state, now) }
    }

    /// Says how to see the next page, where this one is full.
    pub(super) fn tell_of_more(&self, page: &[EventSummary], output: &mut Output<'_>) -> Result<(), Failure> {
        let Some(last) = page.last().filter(|_| page.len() >= self.limit) else { return Ok(()) };
        let hint = output.paint(Tone::Faint, format_args!("there may be more: --before {}", last.seq));
        Ok(output.line(hint)?)
    }
}

/// `mortar event list`
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    selection: Selection,
    /// Only events with a delivery in this state: pending, running, waiting, done, ignored, superseded or dead
    #[arg(long)]
    state: Option<State>,
}

/// `mortar event show`
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The event's id or its SEQ
    event: String,
    /// Show what calls sent and what was answered
    #[arg(long)]
    bodies: bool,
}

/// A point in time, or a distance to now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Since {
    At(Timestamp),
    Ago(SignedDuration),
}

impl Since {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let ago = duration::parse(text).and_then(|d| SignedDuration::try_from(d).ok());
        let at = || text.parse().map(Self::At);
        ago.map_or_else(at, |ago| Ok(Self::Ago(ago)))
            .map_err(|_| "neither a time such as 2026-03-01T09:00:00Z nor a duration such as 2h".to_owned())
    }

    pub(super) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        }
    }
}

pub(super) async fn list(command: &List, client: &Client, now: Timestamp, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let events = client.events(&command.selection.query(command.state, now)).await?;
    if output.is_json() {
        output.json(&events)?;
    } else {
        table(&events, output)?;
        command.selection.tell_of_more(&events, output)?;
    }
    Ok(Exit::Done)
}

pub(super) async fn show(command: &Show, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let told = client.story(&command.event).await?;
    if output.is_json() {
        output.json(&told)?
    } else {
        story::event(&told, command.bodies, output)?
    }
    Ok(Exit::Done)
}

fn table(events: &[EventSummary], output: &mut Output<'_>) -> Result<(), Failure> {
    let rows = events.iter().map(|event| {
        let received = time(event.received_at);
        vec![
            event.seq.into(),
            received.into(),
            Cell::from(&event.event_type),
            Cell::from(&event.subject),
            deliveries(event),
            Cell::from(&event.id),
        ]
    });
    let heads = ["seq", "received", "type", "subject", "deliveries", "id"];
    Ok(output.table(&heads, rows.collect(), "no event is stored that fits")?)
}

fn deliveries(event: &EventSummary) -> Cell {
    let worst = event.deliveries.iter().map(|d| Tone::of(d.state)).max_by_key(|tone| urgency(*tone));
    let one = |d: &DeliverySummary| match (&d.code, d.held_by) {
        (_, Some(dead)) => format!("{} {} (held by {dead})", d.plugin, d.state),
        (Some(code), None) if d.state.is_open() || d.state == State::Dead => format!("{} {} ({code})", d.plugin, d.state),
        _ => format!("{} {}", d.plugin, d.state),
    };
    let all: Vec<_> = event.deliveries.iter().map(one).collect();
    match worst {
        None => Cell::toned("no plugin", Tone::Faint),
        Some(tone) => Cell::toned(all.join(", "), tone),
    }
}

fn urgency(tone: Tone) -> u8 {
    match tone {
        Tone::Bad => 3,
        Tone::Wait => 2,
        Tone::Good => 1,
        Tone::Plain | Tone::Strong | Tone::Faint => 0,
    }
}

#[cfg(test)]
mod tests {
    use mortar_core::delivery::Gap;

    use super::*;

    #[test]
    fn since_is_a_time_or_a_distance() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let at = |text| Since::parse(text).map(|s| s.resolve(now).to_string());
        assert_eq!(at("2h").unwrap(), "2026-03-01T10:00:00Z");
        assert_eq!(at("3d").unwrap(), "2026-02-26T12:00:00Z");
        assert_eq!(at("2026-02-01T00:00:00-04:00").unwrap(), "2026-02-01T04:00:00Z");
        assert!(at("yesterday").unwrap_err().contains("such as 2h"));
    }

    #[test]
    fn a_list_shows_each_delivery_and_what_is_in_its_way() {
        let at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let delivery = |id: &str, plugin: &str, state, code: Option<&str>| DeliverySummary {
            id: id.parse().unwrap(),
            plugin: plugin.into(),
            state,
            attempts: 1,
            at,
            code: code.map(str::to_owned),
            reason: None,
            gap: Gap::Skip,
            in_doubt: 0,
            outdated: false,
            parked: false,
            held_by: (state == State::Pending).then(|| "5-1".parse().unwrap()),
        };
        let event = |seq, event_type: &str, deliveries| EventSummary {
            seq,
            id: format!("6f0c:{seq}"),
            event_type: event_type.into(),
            subject: "order:SO-1".into(),
            source: "masonhub".into(),
            received_at: at,
            deliveries,
        };
        let events = [
            event(
                8,
                "order.shipped",
                vec![delivery("8-1", "rest", State::Done, None), delivery("8-2", "mail", State::Waiting, Some("erp.unavailable"))],
            ),
            event(7, "masonhub.newThing", Vec::new()),
            event(6, "order.packed", vec![delivery("6-1", "rest", State::Pending, None)]),
        ];
        let mut buffer = Vec::new();
        table(&events, &mut Output::plain(&mut buffer, false)).unwrap();
        let expected = "\
SEQ  RECEIVED              TYPE               SUBJECT     DELIVERIES                                 ID
8    2026-03-01 12:00:00Z  order.shipped      order:SO-1  rest done, mail waiting (erp.unavailable)  6f0c:8
7    2026-03-01 12:00:00Z  masonhub.newThing  order:SO-1  no plugin                                  6f0c:7
6    2026-03-01 12:00:00Z  order.packed       order:SO-1  rest pending (held by 5-1)                 6f0c:6
";
        assert_eq!(String::from_utf8(buffer).unwrap(), expected);
    }
}
