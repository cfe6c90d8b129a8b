//! Absolute counts: the quantity of each location that differs, and only where it still is what was
//! read.

use mortar_sdk::inventory_events::Stock;
use mortar_sdk::mapping::counts::{self, Count, by_place};
use mortar_sdk::{Failure, Outcome, done, ignored, json, log};

use crate::map::document::{COUNT, STOCK};
use crate::map::record::{Page, Stocked};
use crate::shop::{Shop, one, quoted};

/// What a location holds, and what it shall hold.
pub(crate) struct Difference<'a> {
    pub(crate) place: &'a str,
    pub(crate) counted: i64,
    pub(crate) found: i64,
    location: String,
    item: String,
}

/// Makes Shopify hold what was counted.
pub(crate) fn count(shop: &Shop<'_>, stock: &Stock) -> Result<Outcome, Failure> {
    let places = compare(shop, &stock.sku, &counts::of(stock))?;
    if places.is_empty() {
        return ignored("no location in [config.counts] takes any of these counts");
    }
    let differing: Vec<_> = places.iter().filter(|place| place.found != place.counted).collect();
    if differing.is_empty() {
        log::info!("Shopify holds what was counted already");
        return done();
    }
    let quantity = |place: &&Difference<'_>| {
        json!({
            "inventoryItemId": place.item, "locationId": place.location, "quantity": place.counted, "changeFromQuantity": place.found,
        })
    };
    let quantities: Vec<_> = differing.iter().map(quantity).collect();
    let (how, delivery) = (&shop.settings.stock, shop.delivery);
    // Each attempt reads afresh and so asks for something else: under a key of its own.
    let key = format!("{}#{}", delivery.event_id, delivery.attempt);
    let input = json!({
        "name": how.quantity.name(), "reason": "correction", "quantities": quantities,
        "referenceDocumentUri": format!("{}{}", how.reference, delivery.event_id),
    });
    shop.write(&format!("count {}", stock.sku), COUNT, "inventorySetQuantities", &json!({ "input": input, "key": key }))?;
    for place in differing {
        log::info!("{} held {} {}, counted were {}", place.place, place.found, stock.sku, place.counted);
    }
    done()
}

/// What each location holds that the counts say something about.
pub(crate) fn compare<'a>(shop: &'a Shop<'_>, sku: &str, counts: &[Count<'_>]) -> Result<Vec<Difference<'a>>, Failure> {
    let places = by_place(&shop.settings.counts, counts);
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let name = shop.settings.stock.quantity.name();
    let variables = json!({ "query": format!("sku:\"{}\"", quoted(sku)), "names": [name] });
    let found: Page<Stocked> = shop.read(&format!("look at {sku}"), STOCK, "inventoryItems", &variables)?;
    let found = found.nodes.into_iter().filter(|item| item.sku.as_deref() == Some(sku)).collect();
    let item: Stocked = one(found, &format!("inventory item with the SKU {sku}"))?;
    if !item.tracked {
        return Err(Failure::reject(format!("Shopify does not track the stock of {sku}: let it, or leave its counts out")));
    }
    let mut all = Vec::new();
    for (place, counted) in places {
        let unknown = || Failure::reject(format!("{sku} is not stocked at `{place}` in Shopify, which [config.counts] names"));
        let level = item.inventory_levels.nodes.iter().find(|level| level.location.name == place).ok_or_else(unknown)?;
        let found = level.quantities.iter().find(|quantity| quantity.name == name).map_or(0, |quantity| quantity.quantity);
        all.push(Difference { place, counted, found, location: level.location.id.clone(), item: item.id.clone() });
    }
    Ok(all)
}
