//! `mortar quarantine`: callbacks that are genuine but could not be read.

use clap::Subcommand;
use mortar_core::story::Quarantined;

use super::client::Client;
use super::each::each;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, clean, counted, time};
use crate::admin_types::{DEFAULT_LIMIT, QuarantineQuery, ReadAgain};

/// `mortar quarantine …`
#[derive(Debug, Subcommand)]
pub(super) enum Quarantine {
    /// List what is in quarantine, newest first
    List {
        /// Show callbacks too that were replayed with success
        #[arg(long)]
        released: bool,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
        limit: usize,
    },
    /// Show one callback with its body
    Show {
        /// Its number, as listed
        id: u64,
    },
    /// Read a callback again, for example with a newer version of Mortar
    Replay {
        /// Their numbers, as listed
        #[arg(required = true)]
        ids: Vec<u64>,
    },
}

pub(super) async fn run(command: &Quarantine, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
        Quarantine::List { released, limit } => {
            let found =
                client.quarantine(&QuarantineQuery { released: *released, limit: Some(*limit), ..QuarantineQuery::default() }).await?;
            if output.is_json() { output.json(&found)? } else { list(&found, output)? }
        }
        Quarantine::Show { id } => {
            let found = client.quarantined(*id).await?;
            if output.is_json() { output.json(&found)? } else { show(&found, output)? }
        }
        Quarantine::Replay { ids } => {
            return each(ids, output, async |id| client.replay_quarantined(id).await, read_again).await;
        }
    }
    Ok(Exit::Done)
}

fn list(found: &[Quarantined], output: &mut Output<'_>) -> Result<(), Failure> {
    let rows = found.iter().map(|q| {
        let released = q.released_at.map_or_else(|| "no".to_owned(), time);
        vec![
            q.id.into(),
            time(q.received_at).into(),
            Cell::from(&q.source),
            q.bytes.into(),
            Cell::toned(&q.reason, Tone::Wait),
            released.into(),
        ]
    });
    let nothing = "nothing is in quarantine";
    Ok(output.table(&["id", "received", "source", "bytes", "reason", "released"], rows.collect(), nothing)?)
}

fn show(found: &Quarantined, output: &mut Output<'_>) -> Result<(), Failure> {
    let title = output.paint(Tone::Strong, format_args!("callback {} in quarantine", found.id));
    output.line(title)?;
    output.line(format_args!("  source    {}", clean(&found.source)))?;
    output.line(format_args!("  received  {}, {}", time(found.received_at), counted(found.bytes, "byte")))?;
    output.line(format_args!("  reason    {}", clean(&found.reason)))?;
    if let Some(at) = found.released_at {
        output.line(format_args!("  released  {}", time(at)))?;
    }
    Ok(output.line(format_args!("\n{}", clean(found.body.as_deref().unwrap_or_default())))?)
}

/// What became of a callback that was read again, in words.
pub(super) fn read_again(answer: &ReadAgain) -> String {
    let stored = counted(answer.stored as u64, "event");
    let duplicates = counted(answer.duplicates as u64, "duplicate");
    let rest = answer.unreadable.as_ref().map(|why| format!("; still unreadable in part: {}", clean(why)));
    format!("{stored} stored, {duplicates}{}", rest.unwrap_or_default())
}
