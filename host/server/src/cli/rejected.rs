//! `mortar rejected`: the sample of callbacks that were not genuine.

use clap::Subcommand;
use mortar_core::story::Rejected as RejectedCallback;

use super::client::Client;
use super::each::each;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, time};
use super::quarantine::read_again;
use crate::admin_types::{DEFAULT_LIMIT, RejectedQuery};

/// `mortar rejected …`
#[derive(Debug, Subcommand)]
pub(super) enum Rejected {
    /// List the sample of rejected callbacks, newest first
    List {
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
        limit: usize,
    },
    /// Take callbacks for genuine on your word, for example after a wrong secret was mended
    Admit {
        /// Their numbers, as listed
        #[arg(required = true)]
        ids: Vec<u64>,
    },
}

pub(super) async fn run(command: &Rejected, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
        Rejected::List { limit } => {
            let found = client.rejected(&RejectedQuery { limit: Some(*limit), ..RejectedQuery::default() }).await?;
            if output.is_json() { output.json(&found)? } else { list(&found, output)? }
        }
        Rejected::Admit { ids } => {
            return each(ids, output, async |id| client.admit(id).await, read_again).await;
        }
    }
    Ok(Exit::Done)
}

fn list(found: &[RejectedCallback], output: &mut Output<'_>) -> Result<(), Failure> {
    let rows = found.iter().map(|r| {
        let remote = r.remote.as_deref().unwrap_or("unknown");
        let admitted = r.admitted_at.map_or_else(|| "no".to_owned(), time);
        let reason = Cell::toned(&r.reason, Tone::Wait);
        vec![r.id.into(), time(r.received_at).into(), Cell::from(&r.source), remote.into(), r.bytes.into(), reason, admitted.into()]
    });
    let nothing = "no callback was rejected";
    Ok(output.table(&["id", "received", "source", "from", "bytes", "reason", "admitted"], rows.collect(), nothing)?)
}
