//! Mails when a SKU falls to its reorder point: once for each fall. That a SKU is low is remembered
//! in the plugin's state, which is committed with the delivery.

use std::collections::BTreeMap;

use mortar_sdk::inventory_events::{Inventory, InventoryEvents};
use mortar_sdk::mail::{self, Message};
use mortar_sdk::{Delivery, Failure, Outcome, config, done, ignored, log, state};
use serde::Deserialize;

struct ReorderAlert;

mortar_sdk::export!(ReorderAlert: inventory_events);

/// `[config]` in plugin.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Whom to write to.
    to: Vec<String>,
    /// The reorder point of a SKU that has none of its own.
    point: Option<i64>,
    #[serde(default)]
    points: BTreeMap<String, i64>,
}

/// What a count means.
#[derive(Debug, PartialEq)]
enum Change {
    Fell,
    Recovered,
    Nothing,
}

impl InventoryEvents for ReorderAlert {
    fn handle(_: Delivery, inventory: Inventory) -> Result<Outcome, Failure> {
        let Inventory::Stock(stock) = inventory else { return ignored("a snapshot is no count") };
        let settings: Settings = config()?;
        let Some(point) = settings.point_of(&stock.sku) else { return ignored("this SKU has no reorder point") };
        let Some(left) = stock.available.or(stock.total) else { return ignored("the count says no number") };
        let key = format!("low/{}", stock.sku);
        let was_low = state::get::<bool>(&key)?.is_some();
        match change(left, point, was_low) {
            Change::Fell => {
                mail::send("alert", &letter(&settings, &stock.sku, left, point))?;
                state::update(&key, |_| true)?;
            }
            Change::Recovered => {
                log::info!("{} is above its reorder point again", stock.sku);
                state::remove(&key)?;
            }
            Change::Nothing => return ignored(if was_low { "the alert is out already" } else { "there is enough" }),
        }
        done()
    }
}

impl Settings {
    fn point_of(&self, sku: &str) -> Option<i64> {
        self.points.get(sku).copied().or(self.point)
    }
}

fn change(left: i64, point: i64, was_low: bool) -> Change {
    match (left <= point, was_low) {
        (true, false) => Change::Fell,
        (false, true) => Change::Recovered,
        _ => Change::Nothing,
    }
}

fn letter(settings: &Settings, sku: &str, left: i64, point: i64) -> Message {
    Message {
        connection: "mail".into(),
        to: settings.to.clone(),
        subject: format!("{sku}: {left} left, time to reorder"),
        text: format!("MasonHub has {left} units of {sku} to sell. Its reorder point is {point}.\n"),
        ..Message::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_goes_out_once_for_each_fall() {
        assert_eq!(change(10, 10, false), Change::Fell);
        assert_eq!(change(3, 10, true), Change::Nothing);
        assert_eq!(change(11, 10, true), Change::Recovered);
        assert_eq!(change(11, 10, false), Change::Nothing);
    }

    #[test]
    fn a_sku_has_its_own_point_or_the_common_one() {
        let settings = |point| Settings { to: Vec::new(), point, points: BTreeMap::from([("A".to_owned(), 50)]) };
        assert_eq!(
            [settings(None).point_of("A"), settings(None).point_of("B"), settings(Some(10)).point_of("B")],
            [Some(50), None, Some(10)]
        );
    }
}
