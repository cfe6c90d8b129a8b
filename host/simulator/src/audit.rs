//! Whether the ERP holds what the callbacks said.
//!
//! Nothing here knows the mapping of a plugin: parcels are found by their tracking numbers, statuses
//! in `status` or `event_type` of what was written to a subject, counts at a path that ends with the
//! SKU.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::erp::{Ledger, Write, notification_path, order_of, segments, tracking_numbers};
use crate::masonhub::{Count, Received, Step, Truth};

/// What was compared, and everything that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The parcels that the ERP holds.
    pub parcels: Parcels,
    /// The parcels that customers were told of.
    pub notifications: Parcels,
    /// The status updates of orders, inbound shipments and returns.
    pub updates: Updates,
    /// The last counts.
    pub stock: Check,
    /// The units received, of inbound shipments and returns.
    pub receipts: Check,
}

/// Tracking numbers that were sent, against those found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcels {
    /// Tracking numbers that genuine callbacks named.
    pub sent: usize,
    /// How many of them were found.
    pub found: usize,
    /// Not found.
    pub missing: Vec<String>,
    /// Found more than once.
    pub doubled: Vec<String>,
    /// Found at another order.
    pub misplaced: Vec<String>,
    /// Found, though only a forged callback named them.
    pub forged: Vec<String>,
}

/// Status updates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Updates {
    /// Event types that the mapping writes a status for; others are not looked for.
    pub event_types: BTreeSet<String>,
    /// Updates of these types.
    pub sent: usize,
    /// How many of them arrived in their place.
    pub found: usize,
    /// How many arrived again, right after the first time.
    pub repeated: usize,
    /// Subjects with an update that came out of its order or from nowhere.
    pub out_of_order: Vec<String>,
    /// Subjects that lack an update.
    pub behind: Vec<String>,
}

/// Things that must be equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// How many were compared.
    pub expected: usize,
    /// How many are equal.
    pub equal: usize,
    /// What is wrong with the others.
    pub wrong: Vec<String>,
}

/// Compares what was sent with what the ERP has on record.
#[must_use]
pub fn audit(truth: &Truth, ledger: &Ledger) -> Report {
    let held = ledger.each_document().filter(|(path, _)| !notification_path(path)).flat_map(|(path, document)| {
        let order = order_of(path);
        tracking_numbers(document).into_iter().filter_map(move |number| Some((order.clone()?, number)))
    });
    let told = ledger.notifications.iter().map(|n| (n.order.clone(), n.tracking_number.clone()));
    Report {
        parcels: Parcels::compare(truth, held),
        notifications: Parcels::compare(truth, told),
        updates: Updates::compare(truth, ledger),
        stock: Check::of(truth.stock.iter().map(|(sku, count)| stock(sku, count, ledger))),
        receipts: Check::of(receipts(truth, ledger)),
    }
}

impl Report {
    /// True where nothing is missing, doubled, out of order or wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        let checks = [&self.stock, &self.receipts];
        [&self.parcels, &self.notifications].iter().all(|p| p.passed()) && self.updates.passed() && checks.iter().all(|c| c.passed())
    }
}

impl Parcels {
    /// True where every tracking number was found once, at its order, and no forged one was.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.found == self.sent && [&self.doubled, &self.misplaced, &self.forged].iter().all(|wrong| wrong.is_empty())
    }

    /// `found` are orders and tracking numbers.
    fn compare(truth: &Truth, found: impl Iterator<Item = (String, String)>) -> Self {
        let mut orders_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (order, number) in found {
            orders_of.entry(number).or_default().push(order);
        }
        let forged = truth.forged_tracking_numbers.iter().filter(|number| orders_of.contains_key(*number));
        let mut this = Self { forged: forged.cloned().collect(), ..Self::default() };
        for (order, parcel) in truth.parcels() {
            let number = parcel.tracking_number.clone();
            this.sent += 1;
            let orders = orders_of.get(&number).map_or(&[][..], Vec::as_slice);
            if orders.is_empty() {
                this.missing.push(number);
                continue;
            }
            this.found += 1;
            if orders.iter().any(|found| found != order) {
                this.misplaced.push(number.clone());
            }
            if orders.len() > 1 {
                this.doubled.push(number);
            }
        }
        this
    }
}

impl Updates {
    /// True where every update is there, in its order.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.out_of_order.is_empty() && self.behind.is_empty()
    }

    fn compare(truth: &Truth, ledger: &Ledger) -> Self {
        let written = statuses_by_subject(ledger);
        let of = |subject: &str| written.get(subject).map_or(&[][..], Vec::as_slice);
        let subjects: Vec<(&String, &[Step])> = truth
            .orders
            .iter()
            .map(|(number, order)| (number, order.steps.as_slice()))
            .chain(truth.inbound.iter().map(|(number, shipment)| (number, shipment.steps.as_slice())))
            .chain(truth.returns.iter().map(|(number, told)| (number, told.steps.as_slice())))
            .collect();
        let mut this = Self::default();
        for (subject, steps) in &subjects {
            let written = steps.iter().filter(|step| of(subject).iter().any(|status| names(step, status)));
            this.event_types.extend(written.map(|step| step.event_type.clone()));
        }
        for (subject, steps) in subjects {
            let steps: Vec<&Step> = steps.iter().filter(|step| this.event_types.contains(&step.event_type)).collect();
            this.follow(subject, &steps, of(subject));
        }
        this
    }

    fn follow(&mut self, subject: &str, steps: &[&Step], statuses: &[&str]) {
        let mut next = 0;
        let mut in_order = true;
        for status in statuses {
            if steps.get(next).is_some_and(|step| names(step, status)) {
                next += 1;
            } else if next > 0 && names(steps[next - 1], status) {
                self.repeated += 1;
            } else {
                in_order = false;
            }
        }
        self.sent += steps.len();
        self.found += next;
        if !in_order {
            self.out_of_order.push(format!("{subject}: {}", statuses.join(", ")));
        } else if let Some(step) = steps.get(next) {
            self.behind.push(format!("{subject}: no {}", step.event_type));
        }
    }
}

/// The statuses that were written to each subject, in order of arrival.
fn statuses_by_subject(ledger: &Ledger) -> BTreeMap<String, Vec<&str>> {
    let mut all: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for write in &ledger.writes {
        if let Some((subject, status)) = status(write) {
            all.entry(subject).or_default().push(status);
        }
    }
    all
}

/// The status that a write to `…/{collection}/{number}` or to something right below it brings.
fn status(write: &Write) -> Option<(String, &str)> {
    let status = ["event_type", "status"].iter().find_map(|field| write.body.get(field)?.as_str())?;
    let all: Vec<String> = segments(&write.path).collect();
    let collections = ["orders", "inbound-shipments", "inbound_shipments", "returns"];
    let collection = all.iter().position(|s| collections.contains(&s.to_ascii_lowercase().as_str()))?;
    let number = all.get(collection + 1)?;
    (all.len() <= collection + 3).then(|| (number.clone(), status))
}

/// True where a written status stands for the step: by the status sent, or by the event type.
fn names(step: &Step, status: &str) -> bool {
    let short = step.event_type.split_once('.').map_or("", |(_, name)| name);
    [step.status.as_str(), &step.event_type, short].iter().any(|name| folded(name) == folded(status))
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

impl Check {
    /// True where all are equal.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.wrong.is_empty()
    }

    fn of(results: impl Iterator<Item = Result<(), String>>) -> Self {
        results.fold(Self::default(), |mut this, result| {
            this.expected += 1;
            match result {
                Ok(()) => this.equal += 1,
                Err(wrong) => this.wrong.push(wrong),
            }
            this
        })
    }
}

/// The ERP's count at a path that ends with the SKU, orders left out.
fn stock(sku: &str, count: &Count, ledger: &Ledger) -> Result<(), String> {
    let of_sku = |path: &str| order_of(path).is_none() && segments(path).last().as_deref() == Some(sku);
    let document = ledger.each_document().filter(|(path, _)| of_sku(path)).last();
    let (_, document) = document.ok_or_else(|| format!("{sku}: no count"))?;
    let total = number(document, &["on_hand", "total", "total_units", "quantity"]);
    let available = number(document, &["available", "available_to_sell", "total_available_to_sell"]);
    let differs = |found: Option<i64>, expected: i64| found.is_some_and(|found| found != expected);
    if (total, available) == (None, None) || differs(total, count.total) || differs(available, count.available) {
        let expected = format!("{} in all, {} available", count.total, count.available);
        return Err(format!("{sku}: counted {expected}, the ERP says {document}"));
    }
    Ok(())
}

/// One result for each inbound shipment and return.
fn receipts(truth: &Truth, ledger: &Ledger) -> impl Iterator<Item = Result<(), String>> {
    let inbound = truth.inbound.iter().map(|(number, shipment)| (number, &shipment.lines));
    let returned = truth.returns.iter().map(|(number, told)| (number, &told.lines));
    inbound.chain(returned).map(|(number, lines)| received(number, lines, ledger))
}

fn received(number: &str, lines: &[Received], ledger: &Ledger) -> Result<(), String> {
    let mut found = Vec::new();
    let mut known = false;
    for (path, document) in ledger.each_document() {
        if segments(path).any(|segment| segment == number) {
            known = true;
            collect_received(document, &mut found);
        }
    }
    if !known {
        return Err(format!("{number}: nothing"));
    }
    let mut expected: Vec<(String, i64)> = lines.iter().map(|l| (l.sku.clone(), l.received)).collect();
    expected.sort();
    found.sort();
    found.dedup();
    if found == expected { Ok(()) } else { Err(format!("{number}: received {expected:?}, the ERP says {found:?}")) }
}

/// Every SKU in a document with the units that came.
fn collect_received(value: &Value, found: &mut Vec<(String, i64)>) {
    match value {
        Value::Object(fields) => {
            let units = number(value, &["received", "received_quantity", "quantity_received", "quantity"]);
            match (value["sku"].as_str(), units) {
                (Some(sku), Some(units)) => found.push((sku.to_owned(), units)),
                _ => fields.values().for_each(|v| collect_received(v, found)),
            }
        }
        Value::Array(values) => values.iter().for_each(|v| collect_received(v, found)),
        _ => {}
    }
}

fn number(document: &Value, fields: &[&str]) -> Option<i64> {
    fields.iter().find_map(|field| document.get(field)?.as_i64())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tracking numbers: {}", self.parcels)?;
        writeln!(f, "notifications: {}", self.notifications)?;
        writeln!(f, "status updates: {}", self.updates)?;
        writeln!(f, "stock counts: {}", self.stock)?;
        write!(f, "receipts: {}", self.receipts)
    }
}

impl fmt::Display for Parcels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} found", self.found, self.sent)?;
        listed(f, "missing", &self.missing)?;
        listed(f, "doubled", &self.doubled)?;
        listed(f, "at another order", &self.misplaced)?;
        listed(f, "forged", &self.forged)
    }
}

impl fmt::Display for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} found in order", self.found, self.sent)?;
        listed(f, "out of order", &self.out_of_order)?;
        listed(f, "behind", &self.behind)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} equal", self.equal, self.expected)?;
        listed(f, "wrong", &self.wrong)
    }
}

/// The first few of what is wrong.
fn listed(f: &mut fmt::Formatter<'_>, what: &str, all: &[String]) -> fmt::Result {
    const SHOWN: usize = 3;
    if all.is_empty() {
        return Ok(());
    }
    let more = if all.len() > SHOWN { ", …" } else { "" };
    write!(f, "; {} {what}: {}{more}", all.len(), all[..all.len().min(SHOWN)].join(", "))
}

#[cfg(test)]
mod tests;
