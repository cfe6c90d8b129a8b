//! Whether all of it arrived: by the host's own account, and by what the ERPs hold.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};
use mortar_core::delivery::State;
use mortar_core::story::{DeliverySummary, EventSummary};
use mortar_simulator::audit::audit as compare;
use mortar_tests::Setup;
use tokio::time::Instant;

use crate::erps::Erps;
use crate::load::Sent;

/// Rows of one listing.
const ROWS: usize = 1000;

/// How many of what is wrong are named.
const NAMED: usize = 10;

/// What is wrong, by the ids concerned.
#[derive(Default)]
pub(crate) struct Found {
    acked: usize,
    arrived: usize,
    lost: Vec<String>,
    doubled: Vec<String>,
    out_of_order: Vec<String>,
    /// Whatever else should not have happened.
    pub(crate) problems: Vec<String>,
}

/// Waits until no delivery is open.
pub(crate) async fn drain(setup: &Setup, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        let counts = ask(setup, "/api/status").await?["counts"]["deliveries"].take();
        let counts: Vec<(State, u64)> = serde_json::from_value(counts)?;
        let open: u64 = counts.iter().filter(|(state, _)| state.is_open()).map(|(_, count)| count).sum();
        if open == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{open} deliveries did not come to an end within {} s after the last fault", patience.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Looks at everything that was acked.
pub(crate) async fn audit(setup: &Setup, sent: &Sent, erps: &Erps, found: &mut Found) -> Result<()> {
    found.acked = sent.events.len();
    if sent.truth.events != found.acked {
        found.problems.push(format!("{} of {} events were acked", found.acked, sent.truth.events));
    }
    let stored = stored(setup).await?;
    for id in &sent.events {
        match stored.get(id) {
            None => found.lost.push(format!("event {id} was acked and is not stored")),
            Some(deliveries) => {
                let open = deliveries.iter().filter(|d| !matches!(d.state, State::Done | State::Ignored | State::Superseded));
                let open: Vec<_> = open.map(|d| format!("event {id}: delivery {} is {}: {:?}", d.id, d.state, d.reason)).collect();
                found.arrived += usize::from(open.is_empty());
                found.lost.extend(open);
            }
        }
    }
    for (name, ledger) in erps.ledgers() {
        let report = compare(&sent.truth, &ledger);
        let named = |what: &str, ids: Vec<String>| ids.into_iter().map(|id| format!("{name}: {what} {id}")).collect::<Vec<_>>();
        found.lost.extend(named("tracking number", report.parcels.missing));
        found.lost.extend(named("notification of", report.notifications.missing));
        found.lost.extend(named("status of", report.updates.behind));
        found.lost.extend(named("receipt of", report.receipts.wrong));
        found.doubled.extend(named("tracking number", report.parcels.doubled));
        found.doubled.extend(named("notification of", report.notifications.doubled));
        if name == Erps::KEYED && report.updates.repeated > 0 {
            found.doubled.push(format!("{name}: {} statuses", report.updates.repeated));
        }
        found.out_of_order.extend(named("status of", report.updates.out_of_order));
        found.out_of_order.extend(named("last count of", report.stock.wrong));
        found.problems.extend(named("at another order: ", report.parcels.misplaced));
        found.problems.extend(named("forged: ", report.parcels.forged));
    }
    Ok(())
}

/// Every stored event's deliveries.
async fn stored(setup: &Setup) -> Result<BTreeMap<String, Vec<DeliverySummary>>> {
    let mut all = BTreeMap::new();
    let mut page = format!("/api/events?limit={ROWS}");
    loop {
        let events: Vec<EventSummary> = serde_json::from_value(ask(setup, &page).await?["items"].take())?;
        let Some(last) = events.last() else { return Ok(all) };
        page = format!("/api/events?limit={ROWS}&before={}", last.seq);
        all.extend(events.into_iter().map(|event| (event.id, event.deliveries)));
    }
}

async fn ask(setup: &Setup, path: &str) -> Result<serde_json::Value> {
    let answer = setup.ask(path).await.map_err(anyhow::Error::msg)?;
    if answer.status != 200 {
        bail!("{path} was answered {}: {}", answer.status, answer.json());
    }
    Ok(answer.json())
}

impl Found {
    /// True where nothing is wrong.
    pub(crate) fn holds(&self) -> bool {
        self.arrived == self.acked && [&self.lost, &self.doubled, &self.out_of_order, &self.problems].iter().all(|wrong| wrong.is_empty())
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acked, arrived, lost, doubled, out_of_order, problems } = self;
        write!(f, "acked {acked}, arrived {arrived}, lost {}, doubled {}, out of order {}", lost.len(), doubled.len(), out_of_order.len())?;
        for (what, ids) in [("lost", lost), ("doubled", doubled), ("out of order", out_of_order), ("also", problems)] {
            ids.iter().take(NAMED).try_for_each(|id| write!(f, "\n  {what}: {id}"))?;
            if ids.len() > NAMED {
                write!(f, "\n  {what}: {} more", ids.len() - NAMED)?;
            }
        }
        Ok(())
    }
}
