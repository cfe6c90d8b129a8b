//! `mortar plugin diff`: what two generations of a plugin do on recorded deliveries, call by call.

use std::path::{Path, absolute};

use clap::Args;
use mortar_core::comparison::Comparison;
use mortar_core::diff::{CallDiff, CallFate, Change, Compared, Diff as Differences, Likeness};

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Output, Tone, clean, time};
use super::status::short;
use crate::admin_types::{DiffSide, PluginDiff, PluginDifferences};

/// `mortar plugin diff`
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The generation to compare with
    old: String,
    /// The generation to compare
    new: String,
    /// The plugin; it can be left out where there is only one
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    /// Event types, with `*` for any ending, or ids of events; several with commas
    #[arg(long, value_name = "TYPE|ID", value_delimiter = ',', num_args = 1..)]
    events: Vec<String>,
    /// At most so many of the last deliveries that are over
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), default_value_t = 50)]
    last: u32,
}

pub(super) async fn run(command: &Diff, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let name = match &command.plugin {
        Some(name) => name.clone(),
        None => only_one(client).await?,
    };
    let (old, new) = (side(&command.old)?, side(&command.new)?);
    let request = PluginDiff { old, new, events: command.events.clone(), last: usize::try_from(command.last).ok() };
    let found = client.plugin_diff(&name, &request).await?;
    if output.is_json() {
        output.json(&found)?;
    } else {
        differences(&name, &found, output)?;
    }
    let same = found.skipped == 0 && found.compared.iter().all(|one| one.likeness == Likeness::Same);
    Ok(if same { Exit::Done } else { Exit::Differs })
}

async fn only_one(client: &Client) -> Result<String, Failure> {
    let mut names: Vec<_> = client.plugins().await?.into_iter().map(|plugin| plugin.name).collect();
    match names.len() {
        1 => Ok(names.remove(0)),
        0 => Err(Failure::NotFound("there is no plugin".into())),
        _ => Err(Failure::Usage(format!("say which plugin with --plugin: {}", names.join(", ")))),
    }
}

/// What is meant: a file where it looks like one or is there.
fn side(text: &str) -> Result<DiffSide, Failure> {
    if text == "in-force" {
        return Ok(DiffSide::InForce);
    }
    let path = Path::new(text);
    let is_file = text.contains('/') || path.extension().is_some() || path.is_file();
    Ok(if is_file { DiffSide::File(absolute(path)?) } else { DiffSide::Generation(text.to_owned()) })
}

fn differences(name: &str, found: &PluginDifferences, output: &mut Output<'_>) -> Result<(), Failure> {
    let same = found.compared.iter().filter(|one| one.likeness == Likeness::Same).count();
    let title = output.paint(Tone::Strong, format_args!("plugin {}: {} > {}", clean(name), short(&found.old), short(&found.new)));
    output.line(format_args!("{title}  {same} of {} recorded deliveries are the same", found.compared.len()))?;
    if found.skipped > 0 {
        let skipped = output.paint(Tone::Wait, format_args!("{} could not be compared", found.skipped));
        output.line(format_args!("  {skipped}"))?;
    }
    found.compared.iter().filter(|one| one.likeness != Likeness::Same).try_for_each(|one| compared(one, output))
}

/// One delivery with what is different.
pub(super) fn compared(one: &Compared, output: &mut Output<'_>) -> Result<(), Failure> {
    let likeness = output.paint(tone(one.likeness), one.likeness.as_str());
    output.line(format_args!("  event {}  {}  delivery {}: {likeness}", clean(&one.event), clean(&one.event_type), one.delivery))?;
    differences_of(&one.diff, output)
}

/// What is different, call by call.
pub(super) fn differences_of(diff: &Differences, output: &mut Output<'_>) -> Result<(), Failure> {
    diff.calls.iter().filter(|call| !call.is_same()).try_for_each(|diff| call(diff, output))?;
    changes(&diff.changes, "    ", output)
}

fn call(call: &CallDiff, output: &mut Output<'_>) -> Result<(), Failure> {
    let (mark, words) = match call.fate {
        CallFate::Kept if call.moved => ("~", ", in another place"),
        CallFate::Kept => ("~", ""),
        CallFate::Added => ("+", ", added"),
        CallFate::Unrecorded => ("+", ", added; nothing is recorded of it, so what would follow is not known"),
        CallFate::LeftOut => ("-", ", left out"),
        CallFate::NotReached => (" ", ", not reached"),
    };
    let tone = match mark {
        "+" => Tone::Good,
        "-" => Tone::Bad,
        _ => Tone::Wait,
    };
    let step = output.paint(tone, format_args!("{mark} {}", call.step));
    output.line(format_args!("    {step}  {}{words}", clean(&call.request)))?;
    changes(&call.changes, "        ", output)
}

fn changes(changes: &[Change], indent: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    for Change { at, old, new } in changes {
        let at = clean(at);
        match (old.as_deref().map(clean), new.as_deref().map(clean)) {
            (None, None) => output.line(format_args!("{indent}{at}"))?,
            (old, new) => {
                let old = output.paint(Tone::Bad, old.as_deref().unwrap_or("nothing"));
                let new = output.paint(Tone::Good, new.as_deref().unwrap_or("nothing"));
                output.line(format_args!("{indent}{at}: {old} > {new}"))?;
            }
        }
    }
    Ok(())
}

/// How a generation did, with a sample of what is different.
pub(super) fn comparison(what: &str, comparison: &Comparison, output: &mut Output<'_>) -> Result<(), Failure> {
    let tone = if comparison.others() == 0 { Tone::Good } else { Tone::Wait };
    let told = output.paint(tone, comparison.told());
    output.line(format_args!("  {what}  {told} (beside {}, since {})", short(&comparison.with), time(comparison.since)))?;
    comparison.samples.iter().try_for_each(|sample| compared(sample, output))
}

fn tone(likeness: Likeness) -> Tone {
    match likeness {
        Likeness::Same => Tone::Good,
        Likeness::Differs => Tone::Wait,
        Likeness::Diverged | Likeness::Trapped => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use mortar_core::delivery::{DeliveryId, PluginNo};
    use mortar_core::diff::Diff;

    use super::*;

    fn call(step: &str, fate: CallFate, changes: Vec<Change>) -> CallDiff {
        CallDiff { step: step.into(), request: "PUT erp/orders/1".into(), fate, moved: false, changes }
    }

    #[test]
    fn a_difference_is_told_call_by_call() {
        let change = |at: &str, old: &str, new: Option<&str>| Change { at: at.into(), old: Some(old.into()), new: new.map(Into::into) };
        let diff = Diff {
            calls: vec![
                call("same", CallFate::Kept, Vec::new()),
                call("ship/1", CallFate::Kept, vec![change("body/qty", "1", Some("2")), change("headers/accept", "*/*", None)]),
                call("new", CallFate::Unrecorded, Vec::new()),
                call("order", CallFate::NotReached, Vec::new()),
            ],
            changes: vec![change("end", "done", Some("retry [erp.unavailable]: \x1b[2J"))],
            trapped: false,
        };
        let delivery = DeliveryId { event: 7, plugin: PluginNo(1) };
        let one = Compared { event: "m1:0".into(), event_type: "order.fulfilled".into(), delivery, likeness: diff.likeness(), diff };
        let found = PluginDifferences { old: "a".repeat(64), new: "b".repeat(64), compared: vec![one], skipped: 0 };
        let mut buffer = Vec::new();
        differences("shop", &found, &mut Output::plain(&mut buffer, false)).unwrap();
        assert_eq!(
            String::from_utf8(buffer).unwrap(),
            "plugin shop: aaaaaaaaaaaa > bbbbbbbbbbbb  0 of 1 recorded deliveries are the same\n\
             \x20 event m1:0  order.fulfilled  delivery 7-1: diverged\n\
             \x20   ~ ship/1  PUT erp/orders/1\n\
             \x20       body/qty: 1 > 2\n\
             \x20       headers/accept: */* > nothing\n\
             \x20   + new  PUT erp/orders/1, added; nothing is recorded of it, so what would follow is not known\n\
             \x20     order  PUT erp/orders/1, not reached\n\
             \x20   end: done > retry [erp.unavailable]: \\u{1b}[2J\n"
        );
    }

    #[test]
    fn a_side_is_a_file_or_a_digest() {
        assert_eq!(side("in-force").unwrap(), DiffSide::InForce);
        assert_eq!(side("0a1b2c").unwrap(), DiffSide::Generation("0a1b2c".into()));
        let here = std::env::current_dir().unwrap();
        assert_eq!(side("new.wasm").unwrap(), DiffSide::File(here.join("new.wasm")));
        assert_eq!(side("/tmp/new").unwrap(), DiffSide::File("/tmp/new".into()));
    }
}
