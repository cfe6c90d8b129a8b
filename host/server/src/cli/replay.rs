//! `mortar dead replay`: dead letters run again, one by one or a whole selection.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use mortar_core::delivery::{DeliveryId, EventSeq, State};
use mortar_core::ports::{self, Filter};
use mortar_core::story::DeliverySummary;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::client::Client;
use super::each::each;
use super::event::Which;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, clean};
use crate::admin_types::{EventQuery, MAX_LIMIT};

/// Refusals that the JSON of a selection lists; all are counted.
const LISTED: usize = 1000;

/// How often a long replay says how far it is.
const PROGRESS: Duration = Duration::from_secs(5);

/// `mortar dead replay`
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The deliveries, as listed; or a selection by the options below
    ids: Vec<DeliveryId>,
    /// All that are dead now
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    which: Which,
    /// Instead of dead letters: deliveries that are `ignored`, or `done` (with --from-scratch)
    #[arg(long, default_value = "dead")]
    state: State,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// At most this many deliveries per second
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Let answered steps keep their answers where the plugin asks for something else now: for a
    /// step that diverged, what was sent then stands
    #[arg(long)]
    keep_steps: bool,
    /// Forget all steps and send every one again: what was written is written twice, unless the ERP
    /// knows the idempotency keys
    #[arg(long, conflicts_with = "keep_steps")]
    from_scratch: bool,
    /// With --from-scratch: do not ask
    #[arg(long, requires = "from_scratch")]
    yes: bool,
}

impl Replay {
    fn steps(&self) -> ports::Replay {
        match (self.keep_steps, self.from_scratch) {
            (true, _) => ports::Replay::KeepSteps,
            (_, true) => ports::Replay::FromScratch,
            _ => ports::Replay::Resume,
        }
    }

    /// True for a selection, false for single deliveries.
    fn is_selection(&self) -> Result<bool, Failure> {
        let selects = self.all || self.which != Which::default();
        let wrong = match (self.ids.is_empty(), selects, self.state) {
            (true, false, _) => "say which: ids, --all, or a selection by --type, --subject, --plugin, --code, --since, --until",
            (false, true, _) => "give ids or a selection, not both",
            (false, false, _) if self.dry_run => "--dry-run goes with a selection; `mortar dead show ID` tells of a single one",
            (_, _, State::Done) if !self.from_scratch => "what is done can only be replayed with --from-scratch: its steps are answered",
            (_, _, State::Dead | State::Ignored | State::Done) => return Ok(selects),
            _ => "--state is dead, ignored or done: others run by themselves, or never again",
        };
        Err(Failure::Usage(wrong.into()))
    }

    /// Asks before writes are repeated.
    fn confirm(&self) -> Result<(), Failure> {
        if !self.from_scratch || self.yes {
            return Ok(());
        }
        let what = "--from-scratch sends every step of the chosen deliveries again: what was written is written twice, \
                    unless the ERP knows the idempotency keys";
        if !io::stdin().is_terminal() {
            return Err(Failure::Usage(format!("{what}; add --yes if that is wanted")));
        }
        let mut answer = String::new();
        write!(io::stderr(), "{what}.\nType yes to do that: ")
            .and_then(|()| io::stdin().read_line(&mut answer))
            .map_err(|error| Failure::Failed(format!("cannot ask: {error}; add --yes if that is wanted")))?;
        if answer.trim() == "yes" { Ok(()) } else { Err(Failure::Refused("nothing was replayed".into())) }
    }
}

pub(super) async fn run(command: &Replay, client: &Client, now: Timestamp, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let steps = command.steps();
    if !command.is_selection()? {
        command.confirm()?;
        return each(&command.ids, output, async |id| client.replay(id, steps).await, |()| "runs again".into()).await;
    }
    let mut query = command.which.query(Some(command.state), now);
    // What comes in from now on is not in it, or it might never end.
    query.until = Some(query.until.map_or(now, |until| until.min(now)));
    let pages = Pages { client, query, after: Some(0) };
    if command.dry_run {
        return foresee(pages, output).await;
    }
    command.confirm()?;
    replay(command, pages, output).await
}

/// A selection, page by page. Oldest first, so that of one subject the older delivery runs first.
struct Pages<'a> {
    client: &'a Client,
    query: EventQuery,
    /// None at the end.
    after: Option<EventSeq>,
}

impl Pages<'_> {
    async fn next(&mut self) -> Result<Option<Vec<DeliverySummary>>, Failure> {
        let Some(after) = self.after else { return Ok(None) };
        let query = EventQuery { after: Some(after), limit: Some(MAX_LIMIT), ..self.query.clone() };
        let events = self.client.events(&query).await?;
        self.after = events.last().map(|event| event.seq);
        let filter = Filter::from(query);
        Ok(Some(events.into_iter().flat_map(|event| event.deliveries).filter(|delivery| filter.takes(delivery)).collect()))
    }
}

/// Deliveries of one plugin and code.
#[derive(Debug, Default, Serialize)]
struct Group {
    plugin: String,
    code: Option<String>,
    deliveries: u64,
    /// Counts that would be refused, because there is a newer one.
    outdated: u64,
    /// Those with a step in doubt: it stays in doubt.
    in_doubt: u64,
}

async fn foresee(mut pages: Pages<'_>, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let mut groups = BTreeMap::new();
    while let Some(page) = pages.next().await? {
        for DeliverySummary { plugin, code, outdated, in_doubt, .. } in page {
            let group: &mut Group = groups.entry((plugin.clone(), code.clone())).or_default();
            (group.plugin, group.code) = (plugin, code);
            group.deliveries += 1;
            group.outdated += u64::from(outdated);
            group.in_doubt += u64::from(in_doubt > 0);
        }
    }
    let groups: Vec<Group> = groups.into_values().collect();
    if output.is_json() {
        output.json(&groups)?;
        return Ok(Exit::Done);
    }
    let row = |group: &Group| {
        let code = group.code.as_deref().unwrap_or_default();
        vec![Cell::from(&group.plugin), code.into(), group.deliveries.into(), group.outdated.into(), group.in_doubt.into()]
    };
    let heads = ["plugin", "code", "deliveries", "outdated counts", "with steps in doubt"];
    output.table(&heads, groups.iter().map(row).collect(), "nothing fits")?;
    let sum = |of: fn(&Group) -> u64| groups.iter().map(of).sum::<u64>();
    let (all, outdated) = (sum(|group| group.deliveries), sum(|group| group.outdated));
    output.line(format_args!("{} would run again, {outdated} would be refused", all - outdated))?;
    Ok(Exit::Done)
}

#[derive(Debug, Default, Serialize)]
struct Replayed {
    replayed: u64,
    refused: u64,
    /// The first refusals.
    refusals: Vec<Refusal>,
}

#[derive(Debug, Serialize)]
struct Refusal {
    id: DeliveryId,
    error: String,
}

async fn replay(command: &Replay, mut pages: Pages<'_>, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let client = pages.client;
    let mut pace = interval(Duration::from_secs(1) / command.rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut sum, mut exit, mut told) = (Replayed::default(), Exit::Done, Instant::now());
    let mut end = Ok(());
    'all: while let Some(page) = pages.next().await? {
        for DeliverySummary { id, .. } in page {
            pace.tick().await;
            match client.replay(id, command.steps()).await {
                Ok(()) => sum.replayed += 1,
                Err(failure @ Failure::Unreachable(_)) => {
                    end = Err(failure);
                    break 'all;
                }
                Err(failure) => {
                    exit = if exit == Exit::Done { failure.exit() } else { exit };
                    sum.refused += 1;
                    if !output.is_json() {
                        output.line(format_args!("{id}: {}", clean(&failure.to_string())))?;
                    } else if sum.refusals.len() < LISTED {
                        sum.refusals.push(Refusal { id, error: failure.to_string() });
                    }
                }
            }
            if told.elapsed() > PROGRESS && io::stderr().is_terminal() {
                told = Instant::now();
                writeln!(io::stderr(), "so far {} run again, {} refused", sum.replayed, sum.refused)?;
            }
        }
    }
    if output.is_json() {
        output.json(&sum)?;
    } else {
        output.line(format_args!("{} run again, {} refused", sum.replayed, sum.refused))?;
    }
    end.map(|()| exit)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        replay: Replay,
    }

    /// Whether it is a selection; none where the line makes no sense.
    fn selects(line: &str) -> Option<bool> {
        let line = Line::try_parse_from(["replay"].into_iter().chain(line.split_whitespace())).ok()?;
        line.replay.is_selection().ok()
    }

    #[test]
    fn a_replay_is_of_ids_or_of_a_selection() {
        for line in ["1-1 2-1", "1-1 --keep-steps", "1-1 --from-scratch --yes"] {
            assert_eq!(selects(line), Some(false), "{line}");
        }
        for line in [
            "--all",
            "--code plugin.rejected --dry-run",
            "--since 2h --until 1h --rate 5",
            "--state ignored --type order.*",
            "--state done --all --from-scratch",
        ] {
            assert_eq!(selects(line), Some(true), "{line}");
        }
        for line in [
            "",
            "masonhub",
            "1-1 --all",
            "1-1 --plugin rest",
            "--keep-steps",
            "1-1 --yes",
            "--all --keep-steps --from-scratch",
            "1-1 --dry-run",
            "--all --state done",
            "--all --state waiting",
            "--code plugin.rejectd",
            "--all --rate 0",
        ] {
            assert_eq!(selects(line), None, "{line}");
        }
    }
}
