//! Absolute counts: an item's inventory is set, and Business Central posts the difference itself.

use mortar_sdk::inventory_events::Stock;
use mortar_sdk::mapping::counts::{self, Count, by_place};
use mortar_sdk::{Failure, Outcome, done, ignored, json, log};
use serde::Deserialize;

use crate::erp::{Erp, LOOKS, contended};
use crate::map::document::whole;
use crate::map::filter::is;

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(rename = "@odata.etag")]
    etag: String,
    inventory: f64,
}

/// Makes Business Central hold what was counted.
pub(crate) fn count(erp: &Erp<'_>, stock: &Stock) -> Result<Outcome, Failure> {
    let Some(counted) = counted(erp, &counts::of(stock)) else {
        return ignored("[config.count] takes none of these counts");
    };
    for _ in 0..LOOKS {
        let item = find(erp, &stock.sku)?;
        if whole(item.inventory) == counted {
            return done();
        }
        log::info!("there are {} {}, counted were {counted}", item.inventory, stock.sku);
        let record = erp.standard(&format!("items({})", item.id));
        erp.change("set the inventory", &record, &item.etag, &json!({ "inventory": counted }))?;
    }
    Err(contended(&format!("item {}", stock.sku)))
}

/// What the inventory has to be; none where the counts do not say.
pub(crate) fn counted(erp: &Erp<'_>, counts: &[Count<'_>]) -> Option<i64> {
    let rules: Vec<_> = erp.settings.counted().into_iter().collect();
    by_place(&rules, counts).into_values().next()
}

/// An item's inventory now.
pub(crate) fn held(erp: &Erp<'_>, sku: &str) -> Result<i64, Failure> {
    Ok(whole(find(erp, sku)?.inventory))
}

fn find(erp: &Erp<'_>, sku: &str) -> Result<Item, Failure> {
    let found: Vec<Item> = erp.list("look for the item", "items", &is("number", sku), "")?;
    let unknown = || Failure::reject(format!("Business Central has no item {sku}: make it there, then replay"));
    found.into_iter().next().ok_or_else(unknown)
}
