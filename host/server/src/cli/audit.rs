//! `mortar audit`: what operators did.

use clap::Subcommand;
use mortar_core::operator::Action;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, time};
use crate::admin_types::{AuditQuery, DEFAULT_LIMIT};

/// Characters of a request that are shown.
const WIDTH: usize = 80;

/// `mortar audit …`
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// List what operators did or were not permitted to do, newest first
    List {
        /// Only what was done with the token of this name
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
        /// Only actions before this one
        #[arg(long, value_name = "ID")]
        before: Option<u64>,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
        limit: usize,
    },
}

pub(super) async fn run(command: &Audit, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let Audit::List { who, before, limit } = command;
    let actions =
        client.audit(&AuditQuery { cursor: before.map(|before| before.to_string()), limit: Some(*limit), who: who.clone() }).await?;
    if output.is_json() {
        output.json(&actions)?
    } else {
        list(&actions, output)?
    }
    Ok(Exit::Done)
}

fn list(actions: &[Action], output: &mut Output<'_>) -> Result<(), Failure> {
    let rows = actions.iter().map(|action| {
        let (tone, code) = if action.status < 400 { (Tone::Good, "") } else { (Tone::Bad, action.code.as_deref().unwrap_or("")) };
        let method = action.action.split(' ').next().unwrap_or_default();
        vec![
            action.id.into(),
            time(action.at).into(),
            Cell::from(&action.who),
            Cell::from(action.remote.map(|remote| remote.to_string()).unwrap_or_default()),
            format!("{method} {}", action.target).into(),
            Cell::from(beginning(action.request.as_deref().unwrap_or(""))),
            Cell::toned(format_args!("{} {code}", action.status), tone),
        ]
    });
    let heads = ["id", "at", "who", "from", "what", "asked", "outcome"];
    Ok(output.table(&heads, rows.collect(), "no operator has done anything yet")?)
}

/// What fits into a column; `--json` has all of it.
fn beginning(text: &str) -> String {
    let short: String = text.chars().take(WIDTH).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_request_is_told_by_its_beginning() {
        assert_eq!(beginning("{}"), "{}");
        assert_eq!(beginning(&"ä".repeat(WIDTH + 1)), format!("{}…", "ä".repeat(WIDTH)));
    }
}
