//! Absolute counts: the stock on hand of each location that differs.

use mortar_sdk::inventory_events::Stock;
use mortar_sdk::mapping::counts::{self, Count, by_place};
use mortar_sdk::{Failure, Outcome, done, ignored, json, log};

use crate::map::document::{LOCATIONS, STOCK, VARIANT};
use crate::map::record::{Items, Location, Stocked};
use crate::shop::{Shop, one};

/// What a location holds, and what it shall hold.
pub(crate) struct Difference<'a> {
    pub(crate) place: &'a str,
    pub(crate) counted: i64,
    pub(crate) found: i64,
    location: String,
    variant: String,
}

/// Makes Vendure hold what was counted.
pub(crate) fn count(shop: &Shop<'_>, stock: &Stock) -> Result<Outcome, Failure> {
    let counts = counts::of(stock);
    let places = compare(shop, &stock.sku, &counts)?;
    if places.is_empty() {
        return ignored("no location in [config.counts] takes any of these counts");
    }
    let differing: Vec<_> = places.iter().filter(|place| place.found != place.counted).collect();
    let Some(first) = differing.first() else {
        log::info!("Vendure holds what was counted already");
        return done();
    };
    let level = |place: &&Difference<'_>| json!({ "stockLocationId": place.location, "stockOnHand": place.counted });
    let levels: Vec<_> = differing.iter().map(level).collect();
    let input = json!({ "input": [{ "id": first.variant, "stockLevels": levels }] });
    let step = format!("count {}", stock.sku);
    shop.write(&step, STOCK, "updateProductVariants", &input)?.map_err(|no| shop.failure(&step, &no))?;
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
    let found: Items<Stocked> = shop.read(&format!("look at {sku}"), VARIANT, "productVariants", &json!({ "sku": sku }))?;
    let variant = one(found.items, &format!("variant with the SKU {sku}"))?;
    let locations: Items<Location> = shop.read("look for the locations", LOCATIONS, "stockLocations", &json!({}))?;
    let mut all = Vec::new();
    for (place, counted) in places {
        let unknown = || Failure::reject(format!("Vendure has no stock location `{place}`, which [config.counts] names"));
        let location = locations.items.iter().find(|location| location.name == place).ok_or_else(unknown)?;
        let level = variant.stock_levels.iter().find(|level| level.stock_location.id == location.id);
        let found = level.map_or(0, |level| level.stock_on_hand);
        all.push(Difference { place, counted, found, location: location.id.clone(), variant: variant.id.clone() });
    }
    Ok(all)
}
