//! `mortar reconcile`: what no callback brought.

use clap::Args;
use jiff::Timestamp;

use super::client::Client;
use super::event::Since;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, clean, counted, time};
use crate::admin_types::{Reconcile, ReconciledSource};

/// `mortar reconcile`
#[derive(Debug, Args)]
pub(super) struct Command {
    /// What was changed since: a time, or how long ago (`2h`, `3d`)
    #[arg(long, value_parser = Since::parse, required_unless_present = "snapshot")]
    since: Option<Since>,
    /// Ask MasonHub for a snapshot of all stock, and compare every count; takes some minutes. Its
    /// callback snapshotReady has to be registered
    #[arg(long)]
    snapshot: bool,
    /// Only this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Only show what is missing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(command: &Command, client: &Client, now: Timestamp, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let (since, dry_run) = (command.since.map(|since| since.resolve(now)), command.dry_run);
    let reconciled = client.reconcile(&Reconcile { source: command.source.clone(), since, snapshot: command.snapshot, dry_run }).await?;
    if output.is_json() {
        output.json(&reconciled)?;
        return Ok(Exit::Done);
    }
    for ReconciledSource { source, looked, missing, unreadable, more_unreadable } in &reconciled {
        let records = counted(*looked as u64, "record");
        let of = since.map_or_else(|| "in a snapshot".to_owned(), |since| format!("changed since {}", time(since)));
        output.line(format_args!("source {}: {records} {of}", clean(source)))?;
        let row = |event: &crate::admin_types::MissingEvent| [&event.id, &event.event_type, &event.subject].map(Cell::from).into();
        output.table(&["event", "type", "subject"], missing.iter().map(row).collect(), "no callback is missing")?;
        for reason in unreadable {
            output.line(output.paint(Tone::Bad, format_args!("a record cannot be read: {reason}")))?;
        }
        if *more_unreadable > 0 {
            output.line(output.paint(Tone::Bad, format_args!("{more_unreadable} more cannot be read")))?;
        }
        if !missing.is_empty() {
            let events = counted(missing.len() as u64, "event");
            output.line(if dry_run { format!("{events} missing") } else { format!("{events} stored and on the way to the plugins") })?;
        }
    }
    Ok(Exit::Done)
}
