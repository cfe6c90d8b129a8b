//! `mortar validate`: MasonHub's validation checklist against the running host.
//!
//! | module | what is in it |
//! |---|---|
//! | `probe` | events of its own: triggered in a sandbox, or sent, and followed to the round trip |
//! | `seen` | what the host has seen |
//! | `judge` | the six points |

mod judge;
mod probe;
mod seen;

use std::path::Path;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use mortar_core::config::duration;
use rand::RngExt;
use serde_json::json;

use self::probe::{Probed, Prober};
use self::seen::Seen;
use super::client::Client;
use super::event::Since;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::target::Aim;
use crate::checklist::Checklist;
use crate::config;

/// `mortar validate`
#[derive(Debug, Args)]
pub(super) struct Validate {
    /// Judge by what came in since: a time, or how long ago (`2h`, `3d`)
    #[arg(long, value_parser = Since::parse, default_value = "1d")]
    since: Since,
    /// On a sandbox: have the data factory ship an order and add stock, and follow both to the round
    /// trip; also send a callback with a forged signature, which has to be refused
    #[arg(long)]
    trigger: bool,
    /// Without a sandbox: send a signed callback to the edge that ships --order (IT REACHES THE ERP),
    /// the same once more, and one with a forged signature, which has to be refused
    #[arg(long, requires = "order", conflicts_with = "trigger")]
    send: bool,
    /// The order that is shipped; with --trigger else the first one that is open
    #[arg(long, value_name = "NUMBER")]
    order: Option<String>,
    /// With --send: the SKU that is in the parcel
    #[arg(long, requires = "send")]
    sku: Option<String>,
    /// A plugin whose ERP or shop tells customers by itself once it has a tracking number; may be given
    /// several times. Mails that plugins send, and steps of theirs named `notify…`, are known without
    #[arg(long, value_name = "PLUGIN")]
    notified_by: Vec<String>,
    /// How long an event may take from MasonHub to the round trip
    #[arg(long, value_parser = patience, default_value = "2m")]
    wait: Duration,
    #[command(flatten)]
    aim: Aim,
}

/// The checklist by what the host has seen since, at most so many events, and none of our own.
pub(crate) async fn by_what_was_seen(
    client: &Client,
    loaded: &config::Loaded,
    since: Timestamp,
    most: usize,
) -> Result<Checklist, Failure> {
    Ok(judge::judge(&Seen::gather(client, loaded, since, most).await?, &Probed::default(), &[]))
}

fn patience(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "not a duration such as 30s or 5m".to_owned())
}

pub(super) async fn run(
    command: &Validate,
    config: &Path,
    now: Timestamp,
    rng: &mut impl RngExt,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let loaded = config::read(config).map_err(Failure::Configuration)?;
    let client = Client::of(&loaded)?;
    // Before anything is sent: whether there is a host, and whether the plugins are its plugins.
    let status = client.status().await?;
    if let Some(unknown) = command.notified_by.iter().find(|name| status.plugins.iter().all(|plugin| plugin.name != **name)) {
        return Err(Failure::Usage(format!("--notified-by: the host has no plugin `{unknown}`; `mortar plugin list` shows them")));
    }
    let prober = Prober { client: &client, loaded: &loaded, aim: &command.aim, wait: command.wait, now };
    let probed = match (command.trigger, &command.order) {
        (true, order) => prober.trigger(order.as_deref(), config, rng).await?,
        (false, Some(order)) if command.send => prober.send(order, command.sku.as_deref(), config, rng).await?,
        (false, _) => Probed::default(),
    };
    let since = command.since.resolve(now);
    let seen = Seen::gather(&client, &loaded, since, seen::EVENTS).await?;
    let checklist = judge::judge(&seen, &probed, &command.notified_by);
    if output.is_json() {
        output.json(&json!({ "since": since, "passed": checklist.passed(), "points": checklist.rows() }))?;
    } else {
        checklist.print(output.writer())?;
    }
    Ok(if checklist.passed() { Exit::Done } else { Exit::Failed })
}
