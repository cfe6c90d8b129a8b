//! Absolute counts: an inventory for each place that differs.

use mortar_sdk::inventory_events::Stock;
use mortar_sdk::mapping::counts::{self, Count, by_place};
use mortar_sdk::{Failure, Outcome, done, ignored, json, log};

use crate::erp::{Erp, one};
use crate::goods::unknown_place;
use crate::map::query::{Query, path};
use crate::map::record::{Inventory, Named, Product, by_name};

const INVENTORY: &str = "stock.inventory";
const FIELDS: &[&str] = &["state", "lines.expected_quantity"];

/// What a place holds, and what it shall hold.
pub(crate) struct Difference<'a> {
    pub(crate) place: &'a str,
    pub(crate) counted: i64,
    pub(crate) found: i64,
    location: i64,
    product: i64,
}

/// Makes Tryton hold what was counted.
pub(crate) fn count(erp: &Erp<'_>, stock: &Stock) -> Result<Outcome, Failure> {
    let counts = counts::of(stock);
    let places = compare(erp, &stock.sku, &counts)?;
    if places.is_empty() {
        return ignored("no place in [config.counts] takes any of these counts");
    }
    let differing = || places.iter().filter(|place| place.found != place.counted);
    if differing().next().is_none() {
        log::info!("Tryton holds what was counted already");
        return done();
    }
    for place in differing() {
        log::info!("{} holds {} {}, counted were {}", place.place, place.found, stock.sku, place.counted);
        set(erp, place)?;
    }
    // Tryton writes the difference to what it held when the inventory was made.
    match compare(erp, &stock.sku, &counts)?.iter().find(|place| place.found != place.counted) {
        None => done(),
        Some(Difference { place, found, .. }) => {
            Err(Failure::retry(format!("{place} holds {found} {} after the inventory: something moved meanwhile", stock.sku)))
        }
    }
}

/// What each place holds that the counts say something about.
pub(crate) fn compare<'a>(erp: &'a Erp<'_>, sku: &str, counts: &[Count<'_>]) -> Result<Vec<Difference<'a>>, Failure> {
    let places = by_place(&erp.settings.counts, counts);
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let codes: Vec<_> = places.keys().collect();
    let query = Query { model: "stock.location", domain: json!([["code", "in", codes]]), fields: &["code"], locations: &[] };
    let locations: Vec<Named> = erp.search("look for the places", &query)?;
    let mut all = Vec::new();
    for (place, counted) in places {
        let location = by_name(&locations, place).ok_or_else(|| unknown_place(place))?.id;
        let query =
            Query { model: "product.product", domain: json!([["code", "=", sku]]), fields: &["code", "quantity"], locations: &[location] };
        let product = one(erp.search::<Product>(&format!("look at {place}"), &query)?, &format!("product with the code {sku}"))?;
        all.push(Difference { place, counted, found: product.held(), location, product: product.id });
    }
    Ok(all)
}

fn set(erp: &Erp<'_>, difference: &Difference<'_>) -> Result<(), Failure> {
    let Difference { place, counted, found, location, product } = difference;
    let domain = json!([
        ["company", "=", erp.settings.company],
        ["location", "=", location],
        ["state", "=", "draft"],
        ["lines.product", "=", product],
        ["lines.quantity", "=", counted]
    ]);
    let query = Query { model: INVENTORY, domain, fields: FIELDS, locations: &[] };
    let look = format!("look for an inventory of {place}");
    let mut ready = None;
    // One that an earlier attempt has left; an operator's has other lines.
    for draft in erp.search::<Inventory>(&look, &query)?.into_iter().filter(|draft| draft.lines.len() == 1) {
        if ready.is_none() && draft.expects(*found) {
            ready = Some(draft);
        } else {
            erp.act(&format!("cancel an old inventory of {place}"), INVENTORY, &draft, "cancel", FIELDS)?;
        }
    }
    let draft: Inventory = match ready {
        Some(draft) => draft,
        None => {
            let lines = json!([["create", [{ "product": product, "quantity": counted }]]]);
            let body = json!({ "company": erp.settings.company, "location": location, "lines": lines });
            let request = erp.request("POST", &path(INVENTORY, None, FIELDS)).json(&body);
            // A later attempt that finds another stock makes another inventory.
            erp.create(&format!("count {place} from {found}"), &request, || erp.find(&look, &query))?
        }
    };
    erp.act(&format!("confirm {place}"), INVENTORY, &draft, "confirm", FIELDS).map(drop::<Inventory>)
}
