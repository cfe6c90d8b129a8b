//! Absolute counts: an inventory adjustment of what each place differs by.
//!
//! An adjustment is relative, so what it is computed from is read once, and journaled: a retry makes
//! the same adjustment, which its external id keeps from being made twice. Then NetSuite is read again,
//! in a round of its own, until it holds what was counted.

use mortar_sdk::inventory_events::Stock;
use mortar_sdk::mapping::counts::{self, Count, by_place};
use mortar_sdk::{Failure, Outcome, Request, done, ignored, log};
use serde::Deserialize;

use crate::erp::Erp;
use crate::map::document::external_id;
use crate::map::stock::adjustment;
use crate::map::suiteql::{self, number, text};

#[derive(Deserialize)]
struct Held {
    #[serde(deserialize_with = "text")]
    item: String,
    #[serde(default, deserialize_with = "suiteql::optional_text")]
    location: Option<String>,
    #[serde(default, deserialize_with = "number")]
    held: i64,
}

/// What a place holds, and what it shall hold.
pub(crate) struct Place<'a> {
    pub(crate) place: &'a str,
    pub(crate) counted: i64,
    pub(crate) held: i64,
    item: String,
}

/// Makes NetSuite hold what was counted.
pub(crate) fn count(erp: &Erp<'_>, stock: &Stock) -> Result<Outcome, Failure> {
    let counts = counts::of(stock);
    if by_place(&erp.settings.counts, &counts).is_empty() {
        return ignored("no place in [config.counts] takes any of these counts");
    }
    // Each attempt goes one round further than the one before.
    for round in 1..=erp.delivery.attempt + 1 {
        let step = if round == 1 { "stock".to_owned() } else { format!("stock (round {round})") };
        let places = compare(&erp.settings.counts, &stock.sku, &counts, |sql| erp.query_once(&step, sql))?;
        let differing: Vec<_> = places.iter().filter(|place| place.held != place.counted).collect();
        if differing.is_empty() {
            return done();
        }
        for place in &differing {
            log::info!("location {} holds {} {}, counted were {}", place.place, place.held, stock.sku, place.counted);
        }
        let name = external_id(&[&erp.delivery.event_id, &round.to_string()]);
        let changes: Vec<_> = differing.iter().map(|p| (p.item.clone(), p.place.to_owned(), p.counted - p.held)).collect();
        let body = adjustment(erp.settings.adjustments.as_ref(), &name, &format!("MasonHub count of {}", stock.sku), &changes);
        let request = Request::post(&erp.settings.connection, "/inventoryAdjustment").json(&body.map_err(Failure::reject)?);
        erp.create(&format!("adjust (round {round})"), &request, || erp.is_there(&name))?;
    }
    Err(Failure::retry(format!("something moves {} in NetSuite while it is counted", stock.sku)))
}

/// What the places that the counts name hold now.
pub(crate) fn held<'a>(erp: &'a Erp<'_>, sku: &str, counts: &[Count<'_>]) -> Result<Vec<Place<'a>>, Failure> {
    compare(&erp.settings.counts, sku, counts, |sql| erp.query("stock now", sql))
}

fn compare<'a>(
    counted: &'a [counts::Counted],
    sku: &str,
    counts: &[Count<'_>],
    ask: impl FnOnce(&str) -> Result<Vec<Held>, Failure>,
) -> Result<Vec<Place<'a>>, Failure> {
    let places = by_place(counted, counts);
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let rows = ask(&suiteql::stock(sku, places.keys().copied()))?;
    let Some(item) = rows.first().map(|row| row.item.clone()) else { return Err(unknown(sku)) };
    let held = |place: &str| rows.iter().filter(|row| row.location.as_deref() == Some(place)).map(|row| row.held).sum();
    Ok(places.into_iter().map(|(place, counted)| Place { place, counted, held: held(place), item: item.clone() }).collect())
}

/// NetSuite's id of a product.
pub(crate) fn item(erp: &Erp<'_>, sku: &str) -> Result<String, Failure> {
    let rows: Vec<Held> = erp.query(&format!("look for {sku}"), &suiteql::stock(sku, []))?;
    rows.into_iter().next().map(|row| row.item).ok_or_else(|| unknown(sku))
}

fn unknown(sku: &str) -> Failure {
    Failure::reject(format!("NetSuite has no item whose name is {sku}: make it there, then replay"))
}
