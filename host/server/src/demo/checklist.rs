//! What a demo shows of the six points of MasonHub's validation checklist.

use mortar_core::delivery::State;
use mortar_core::story::EventSummary;
use mortar_simulator::audit::{Parcels, Report, audit};
use mortar_simulator::erp::Ledger;
use mortar_simulator::masonhub::{Kind, Outcome, Plan, SendReport};

use crate::admin_types::Status;
use crate::checklist::{Checklist, Judged};

/// What is known in the end, of all three parties.
pub(super) struct Evidence {
    /// What was to be sent.
    pub(super) plan: Plan,
    /// What became of it, for the sender.
    pub(super) report: SendReport,
    /// What the host says.
    pub(super) status: Status,
    /// Its dead letters.
    pub(super) dead: Vec<EventSummary>,
    /// What the ERP has on record.
    pub(super) ledger: Ledger,
    /// How often the host was started again.
    pub(super) restarts: u32,
}

impl Evidence {
    /// Goes through the checklist.
    pub(super) fn judge(&self) -> Checklist {
        let audit = audit(&self.plan.truth, &self.ledger);
        Checklist([self.received(), self.verified(&audit), self.processed(&audit), updated(&audit), notified(&audit), self.handled()])
    }

    fn count(&self, state: State) -> u64 {
        self.status.counts.deliveries.iter().find(|(s, _)| *s == state).map_or(0, |(_, count)| *count)
    }

    fn received(&self) -> Judged {
        let genuine = self.plan.callbacks.iter().filter(|c| c.kind != Kind::Forged).count();
        let acked = self.report.acked();
        let (events, expected) = (self.status.counts.events, self.plan.truth.events);
        Judged::holds(
            acked == genuine && events == expected as u64,
            vec![format!(
                "{acked} of {genuine} genuine callbacks acked in {} requests; {events} of {expected} events stored",
                self.report.tries()
            )],
        )
    }

    fn verified(&self, audit: &Report) -> Judged {
        let kinds = self.plan.callbacks.iter().zip(&self.report.sent);
        let forged: Vec<_> = kinds.filter(|(callback, _)| callback.kind == Kind::Forged).map(|(_, sent)| sent.outcome).collect();
        let refused = forged.iter().filter(|outcome| **outcome == Outcome::Refused(401)).count();
        let in_erp = audit.parcels.forged.len() + audit.notifications.forged.len();
        Judged::holds(
            !forged.is_empty() && refused == forged.len() && in_erp == 0 && self.report.refused().len() == forged.len(),
            vec![format!(
                "{refused} of {} forged callbacks answered 401 and kept for the operator ({}); {in_erp} of their tracking numbers in the ERP",
                forged.len(),
                self.status.counts.rejected,
            )],
        )
    }

    fn processed(&self, audit: &Report) -> Judged {
        let open: u64 = State::ALL.into_iter().filter(|s| s.is_open()).map(|s| self.count(s)).sum();
        let repeated = self.plan.callbacks.iter().filter(|c| matches!(c.kind, Kind::Redelivery(_))).count();
        let mut evidence = vec![
            format!(
                "deliveries: {} done, {} ignored, {} superseded by a newer count, {open} open, {} dead letters; {} unhandled events",
                self.count(State::Done),
                self.count(State::Ignored),
                self.count(State::Superseded),
                self.count(State::Dead),
                self.status.counts.unhandled,
            ),
            format!(
                "{repeated} redelivered callbacks recognised; {} of {} status updates in order",
                audit.updates.found, audit.updates.sent
            ),
        ];
        evidence.extend(self.dead.iter().flat_map(|e| &e.deliveries).filter_map(|d| d.reason.clone()).take(3));
        evidence.extend(audit.updates.out_of_order.iter().take(3).map(|s| format!("out of order: {s}")));
        Judged::holds(open == 0 && self.count(State::Dead) == 0 && audit.updates.passed(), evidence)
    }

    fn handled(&self) -> Judged {
        let faults = |name: &str| self.ledger.faults.get(name).copied().unwrap_or(0);
        let repeated: u32 = self.ledger.repeated.values().sum();
        let given_up = self.report.given_up().len();
        Judged::holds(
            faults("unavailable") > 0 && faults("cut") > 0 && self.count(State::Dead) == 0 && given_up == 0,
            vec![format!(
                "the ERP answered 503 {} times and lost {} answer(s): all of it arrived, {repeated} write(s) repeated under their key and applied once; the host was started again {} time(s)",
                faults("unavailable"),
                faults("cut"),
                self.restarts,
            )],
        )
    }
}

fn updated(audit: &Report) -> Judged {
    let mut evidence = vec![
        parcels("tracking numbers", &audit.parcels),
        format!(
            "last counts equal for {} of {} SKUs, receipts for {} of {}",
            audit.stock.equal, audit.stock.expected, audit.receipts.equal, audit.receipts.expected
        ),
    ];
    evidence.extend(audit.stock.wrong.iter().chain(&audit.receipts.wrong).take(3).cloned());
    let holds = audit.parcels.passed() && audit.stock.passed() && audit.receipts.passed();
    Judged::holds(holds, evidence)
}

fn notified(audit: &Report) -> Judged {
    let evidence = vec![parcels("customers told of tracking numbers", &audit.notifications)];
    Judged::holds(audit.notifications.passed(), evidence)
}

fn parcels(what: &str, parcels: &Parcels) -> String {
    format!(
        "{what}: sent {}, found {}, missing {}, doubled {}, at another order {}",
        parcels.sent,
        parcels.found,
        parcels.missing.len(),
        parcels.doubled.len(),
        parcels.misplaced.len()
    )
}
