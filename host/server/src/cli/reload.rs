//! `mortar reload`: the running host reads its configuration again.

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Output, Tone, clean};

pub(super) async fn run(client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let reloaded = client.reload().await?;
    if output.is_json() {
        output.json(&reloaded)?;
        return Ok(Exit::Done);
    }
    if reloaded.changed.is_empty() {
        output.line("the configuration was read again; no setting that counts at once is another one, secrets were looked up again")?;
    }
    for key in &reloaded.changed {
        let changed = output.paint(Tone::Good, "changed");
        output.line(format_args!("{changed}  {}", clean(key)))?;
    }
    for key in &reloaded.needs_restart {
        let waits = output.paint(Tone::Wait, "needs a restart");
        output.line(format_args!("{waits}  {}", clean(key)))?;
    }
    Ok(Exit::Done)
}
