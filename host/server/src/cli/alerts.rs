//! `mortar alerts`: whether operators are reached.

use clap::Subcommand;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Output, Tone, clean};

/// `mortar alerts …`
#[derive(Debug, Subcommand)]
pub(super) enum Alerts {
    /// Have the running host send a test alert by every way that [alerts] names
    Test,
}

pub(super) async fn run(command: &Alerts, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let Alerts::Test = command;
    let sent = client.test_alerts().await?;
    if sent.is_empty() {
        let none = "nobody is told of anything: write [alerts.mail] or [alerts.webhook] into the configuration, then start the host again";
        return Err(Failure::Failed(none.into()));
    }
    if output.is_json() {
        output.json(&sent)?;
    } else {
        for one in &sent {
            let (tone, what) = match &one.error {
                None => (Tone::Good, "sent".to_owned()),
                Some(error) => (Tone::Bad, format!("not sent: {error}")),
            };
            output.line(format_args!("{}: {}", clean(&one.channel), output.paint(tone, what)))?;
        }
    }
    Ok(if sent.iter().all(|one| one.error.is_none()) { Exit::Done } else { Exit::Failed })
}
