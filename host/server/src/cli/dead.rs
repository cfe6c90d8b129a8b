//! `mortar dead`: deliveries that were refused or are out of attempts.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use mortar_core::call::{Response, Settlement};
use mortar_core::delivery::{DeliveryId, Gap, State};
use mortar_core::story::{DeliveryStory, DeliverySummary, EventSummary};
use serde::Serialize;

use super::client::Client;
use super::each::each;
use super::event::Selection;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, time};
use super::replay::{self, Replay};
use super::story;
use crate::admin_types;

/// `mortar dead …`
#[derive(Debug, Subcommand)]
pub(super) enum Dead {
    /// List dead letters, newest first
    List(Selection),
    /// Show one with its attempts and calls
    Show {
        /// The delivery, as listed
        id: DeliveryId,
        /// Show what calls sent and what was answered
        #[arg(long)]
        bodies: bool,
    },
    /// Run dead letters again; steps that were answered are not sent again, unless you say so
    Replay(Replay),
    /// Say what became of a step that is in doubt, then run the delivery again
    Settle(Settle),
    /// Give dead letters up; they become ignored
    Discard {
        /// The deliveries, as listed
        #[arg(required = true)]
        ids: Vec<DeliveryId>,
        /// Why; it is kept with the delivery
        #[arg(long)]
        reason: String,
    },
}

/// `mortar dead settle`
#[derive(Debug, Args)]
pub(super) struct Settle {
    /// The delivery, as listed
    id: DeliveryId,
    /// The step that is in doubt
    #[arg(long)]
    step: String,
    #[command(flatten)]
    fate: Fate,
    /// With --done: the status that the ERP answered
    #[arg(long, value_name = "CODE", default_value_t = 200, conflicts_with = "resend", value_parser = clap::value_parser!(u16).range(100..600))]
    status: u16,
    /// With --done: the body that the ERP answered, for a plugin that reads it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, conflicts_with = "resend")]
    body: String,
}

#[derive(Clone, Copy, Debug, Args)]
#[group(required = true, multiple = false)]
struct Fate {
    /// It was not applied: send it again
    #[arg(long)]
    resend: bool,
    /// It was applied: go on as if this had been answered
    #[arg(long)]
    done: bool,
}

impl Settle {
    fn request(&self) -> admin_types::Settle {
        let answer = || Response { status: self.status, headers: Vec::new(), body: self.body.clone().into_bytes() };
        let settlement = if self.fate.resend { Settlement::Resend } else { Settlement::Answered(answer()) };
        admin_types::Settle { step: self.step.clone(), settlement }
    }
}

/// One line of `mortar dead list`.
#[derive(Debug, PartialEq, Serialize)]
struct DeadLetter {
    id: DeliveryId,
    event_id: String,
    event_type: String,
    subject: String,
    plugin: String,
    code: Option<String>,
    reason: Option<String>,
    gap: Gap,
    since: Timestamp,
}

pub(super) async fn run(command: &Dead, client: &Client, now: Timestamp, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
        Dead::List(selection) => {
            let page = client.events(&selection.query(Some(State::Dead), now)).await?;
            if output.is_json() {
                output.json(&letters(page))?;
            } else {
                table(&letters(page.clone()), output)?;
                selection.tell_of_more(&page, output)?;
            }
            Ok(Exit::Done)
        }
        Dead::Show { id, bodies } => {
            let found = find(client, *id).await?;
            if output.is_json() {
                output.json(&found)?
            } else {
                story::delivery(&found, *bodies, output)?
            }
            Ok(Exit::Done)
        }
        Dead::Replay(command) => replay::run(command, client, now, output).await,
        Dead::Settle(settle) => {
            let request = settle.request();
            let said = format!("step {} is settled; the delivery runs again", settle.step);
            each(&[settle.id], output, async |id| client.settle(id, &request).await, |()| said.clone()).await
        }
        Dead::Discard { ids, reason } => {
            let request = admin_types::Discard { reason: reason.clone() };
            each(ids, output, async |id| client.discard(id, &request).await, |()| "given up".into()).await
        }
    }
}

async fn find(client: &Client, id: DeliveryId) -> Result<DeliveryStory, Failure> {
    let told = client.story(&id.event.to_string()).await?;
    let found = told.deliveries.into_iter().find(|story| story.delivery.id == id);
    found.ok_or_else(|| Failure::NotFound(format!("event {} has no delivery {id}; see `mortar event show {}`", id.event, id.event)))
}

fn letters(events: Vec<EventSummary>) -> Vec<DeadLetter> {
    let of_event = |event: EventSummary| {
        let dead = event.deliveries.into_iter().filter(|delivery| delivery.state == State::Dead);
        let letter = move |delivery: DeliverySummary| DeadLetter {
            id: delivery.id,
            event_id: event.id.clone(),
            event_type: event.event_type.clone(),
            subject: event.subject.clone(),
            plugin: delivery.plugin,
            code: delivery.code,
            reason: delivery.reason,
            gap: delivery.gap,
            since: delivery.at,
        };
        dead.map(letter)
    };
    events.into_iter().flat_map(of_event).collect()
}

fn table(letters: &[DeadLetter], output: &mut Output<'_>) -> Result<(), Failure> {
    let rows = letters.iter().map(|letter| {
        let code = Cell::toned(letter.code.as_deref().unwrap_or_default(), Tone::Bad);
        let reason = Cell::from(letter.reason.as_deref().unwrap_or_default());
        let gap = match letter.gap {
            Gap::Skip => Cell::from(""),
            Gap::Hold => Cell::toned("holds its subject", Tone::Wait),
            Gap::Supersede => Cell::from("until a later one is done"),
        };
        let event = [&letter.event_id, &letter.event_type, &letter.subject, &letter.plugin].map(Cell::from);
        [Cell::from(letter.id)].into_iter().chain(event).chain([code, reason, gap, time(letter.since).into()]).collect()
    });
    let heads = ["id", "event", "type", "subject", "plugin", "code", "reason", "gap", "since"];
    Ok(output.table(&heads, rows.collect(), "nothing is dead")?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        dead: Dead,
    }

    fn settled(arguments: &str) -> Result<admin_types::Settle, clap::error::ErrorKind> {
        let line = Line::try_parse_from(["dead", "settle", "1042-1", "--step", "ship"].into_iter().chain(arguments.split_whitespace()));
        match line.map_err(|e| e.kind())?.dead {
            Dead::Settle(settle) => Ok(settle.request()),
            _ => unreachable!("the line says settle"),
        }
    }

    #[test]
    fn a_step_is_settled_one_way_or_the_other() {
        use clap::error::ErrorKind::{ArgumentConflict, MissingRequiredArgument, ValueValidation};
        let answered = |status, body: &str| Settlement::Answered(Response { status, headers: Vec::new(), body: body.into() });
        assert_eq!(settled("--resend").unwrap().settlement, Settlement::Resend);
        assert_eq!(settled("--done").unwrap().settlement, answered(200, ""));
        assert_eq!(settled("--done --status 201 --body {\"id\":7}").unwrap().settlement, answered(201, "{\"id\":7}"));
        assert_eq!(settled("--done --resend").unwrap_err(), ArgumentConflict);
        assert_eq!(settled("").unwrap_err(), MissingRequiredArgument);
        assert_eq!(settled("--resend --status 201").unwrap_err(), ArgumentConflict);
        assert_eq!(settled("--done --status 99").unwrap_err(), ValueValidation);
    }

    #[test]
    fn only_the_dead_deliveries_of_an_event_are_listed() {
        let event: EventSummary = serde_json::from_value(serde_json::json!({
            "seq": 8, "id": "6f0c:0", "event_type": "order.shipped", "subject": "order:SO-1", "source": "masonhub",
            "received_at": "2026-03-01T12:00:00Z",
            "deliveries": [
                { "id": "8-1", "plugin": "rest", "state": "done", "attempts": 1, "at": "2026-03-01T12:00:01Z" },
                { "id": "8-2", "plugin": "mail", "state": "dead", "attempts": 3, "at": "2026-03-01T12:00:02Z",
                  "code": "plugin.rejected", "reason": "no such order", "gap": "hold" },
            ],
        }))
        .unwrap();
        let mut buffer = Vec::new();
        table(&letters(vec![event]), &mut Output::plain(&mut buffer, false)).unwrap();
        let expected = "\
ID   EVENT   TYPE           SUBJECT     PLUGIN  CODE             REASON         GAP                SINCE
8-2  6f0c:0  order.shipped  order:SO-1  mail    plugin.rejected  no such order  holds its subject  2026-03-01 12:00:02Z
";
        assert_eq!(String::from_utf8(buffer).unwrap(), expected);
    }
}
