//! What Vendure has no place for, as notes on orders that customers do not see.

use mortar_sdk::order_resolutions::Resolution;
use mortar_sdk::return_events::ReturnShipment;
use mortar_sdk::{Failure, Outcome, done, ignored, json};
use serde::Deserialize;

use crate::map::document::{NOTE, NOTES};
use crate::map::note;
use crate::map::record::Items;
use crate::shop::Shop;

/// A decision that changes nothing in the shop by itself.
pub(crate) fn decision(shop: &Shop<'_>, resolution: &Resolution) -> Result<Outcome, Failure> {
    write(shop, &resolution.order, &note::decision(resolution))?;
    done()
}

/// What came back. Vendure keeps no returns: stock comes with the counts, and money is for people.
pub(crate) fn returned(shop: &Shop<'_>, shipment: &ReturnShipment) -> Result<Outcome, Failure> {
    let notes = note::returned(shipment);
    if notes.is_empty() {
        return ignored("nothing came back of an order that the return names");
    }
    for (order, text) in notes {
        write(shop, order, &text)?;
    }
    done()
}

fn write(shop: &Shop<'_>, number: &str, text: &str) -> Result<(), Failure> {
    let order = shop.order(&format!("look for {number}"), number)?;
    let is_there = || is_noted(shop, &order.id, text);
    if is_there()? {
        return Ok(());
    }
    let step = format!("note on {number}");
    let input = json!({ "input": { "id": order.id, "note": text, "isPublic": false } });
    shop.once(&step, NOTE, "addNoteToOrder", &input, is_there)?.map(drop).map_err(|no| shop.failure(&step, &no))
}

fn is_noted(shop: &Shop<'_>, order: &str, text: &str) -> Result<bool, Failure> {
    #[derive(Deserialize)]
    struct Noted {
        history: Items<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        data: Note,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Note {
        note: String,
    }
    let noted: Noted = shop.read("look for the note", NOTES, "order", &json!({ "id": order }))?;
    Ok(noted.history.items.iter().any(|entry| entry.data.note == text))
}
