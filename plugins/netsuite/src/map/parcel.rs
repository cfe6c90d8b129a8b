//! One parcel, one item fulfilment.

use mortar_sdk::mapping::units::{Units, spread, sum, words};
use mortar_sdk::{Json, json};

use super::document::{Document, Line, open};

/// A parcel that is to be found in NetSuite in the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// MasonHub's name of it.
    pub(crate) shipment_id: String,
    pub(crate) external_id: String,
    pub(crate) tracking: String,
    /// Empty where the event does not say: all that is left.
    pub(crate) contents: Units,
    /// As MasonHub says it.
    pub(crate) weight: Option<f64>,
}

/// What a parcel needs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Choice {
    /// Nothing.
    Done,
    /// Its name and number on this fulfilment.
    Mark(String),
    /// A fulfilment.
    Create,
}

/// Says what a parcel needs, given the fulfilments of its order.
pub(crate) fn choose(known: &[Document], wanted: &Wanted) -> Choice {
    if known.iter().any(|document| document.tracking.contains(&wanted.tracking)) {
        return Choice::Done;
    }
    let own = known.iter().find(|document| document.external_id.eq_ignore_ascii_case(&wanted.external_id));
    let fits = |document: &&Document| document.is_unclaimed() && (wanted.contents.is_empty() || document.contents == wanted.contents);
    // One that somebody made by hand.
    match own.or_else(|| known.iter().find(fits)) {
        Some(document) => Choice::Mark(document.id.clone()),
        None => Choice::Create,
    }
}

/// What makes a fulfilment the parcel; with the package sublist replaced, it may be said twice.
pub(crate) fn mark(wanted: &Wanted) -> Json {
    json!({ "externalId": wanted.external_id, "shipStatus": { "id": "C" }, "package": { "items": [package(wanted)] } })
}

/// The body of the transformation of a sales order. Lines that are not named would be fulfilled as
/// well, so each open one is.
pub(crate) fn fulfilment(lines: &[Line], wanted: &Wanted, location: Option<&str>) -> Result<Json, String> {
    let open = open(lines);
    let left = sum(open.iter().map(|line| (line.sku.clone(), line.left)));
    let (taken, rest) = spread(&open, if wanted.contents.is_empty() { &left } else { &wanted.contents });
    if taken.is_empty() || !rest.is_empty() {
        return Err(format!(
            "parcel {} holds {}, but only {} of the order are left to ship in NetSuite. Mend the order there, or give its \
             fulfilment the tracking number {}, then replay",
            wanted.shipment_id,
            if wanted.contents.is_empty() { "an unsaid content".to_owned() } else { words(&wanted.contents) },
            words(&left),
            wanted.tracking
        ));
    }
    let item = |line: &Line| {
        let Some((_, quantity)) = taken.iter().find(|(id, _)| *id == line.line) else {
            return json!({ "orderLine": line.line, "itemReceive": false });
        };
        let mut item = json!({ "orderLine": line.line, "itemReceive": true, "quantity": quantity });
        if let Some(location) = location.or(line.location.as_deref()) {
            item["location"] = json!({ "id": location });
        }
        item
    };
    let items: Vec<Json> = lines.iter().filter(|line| line.left() > 0).map(item).collect();
    Ok(json!({
        "externalId": wanted.external_id,
        "shipStatus": { "id": "C" },
        "item": { "items": items },
        "package": { "items": [package(wanted)] },
    }))
}

fn package(wanted: &Wanted) -> Json {
    let mut package = json!({ "packageTrackingNumber": wanted.tracking, "packageDescr": wanted.shipment_id });
    if let Some(weight) = wanted.weight {
        package["packageWeight"] = json!(weight);
    }
    package
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(lines: &[(&str, i64)]) -> Units {
        sum(lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)))
    }

    fn wanted(lines: &[(&str, i64)]) -> Wanted {
        let external_id = "masonhub.SO-1.shp_1".into();
        Wanted { shipment_id: "shp_1".into(), external_id, tracking: "1Z".into(), contents: units(lines), weight: Some(2.4) }
    }

    fn line(line: i64, sku: &str, ordered: i64, moved: i64) -> Line {
        Line { line, sku: sku.into(), ordered, moved, location: Some("6".into()), ..Line::default() }
    }

    fn document(id: &str, external_id: &str, tracking: &[&str], lines: &[(&str, i64)]) -> Document {
        let tracking = tracking.iter().map(|t| (*t).to_owned()).collect();
        Document { id: id.into(), external_id: external_id.into(), tracking, contents: units(lines) }
    }

    #[test]
    fn a_parcel_is_made_once_and_one_made_by_hand_gets_its_number() {
        let parcel = wanted(&[("TEE", 2)]);
        let ours = document("1", "masonhub.SO-1.shp_1", &["1Z"], &[("TEE", 2)]);
        let other = document("2", "masonhub.SO-1.shp_2", &["1Y"], &[("TEE", 2)]);
        let by_hand = document("3", "", &[], &[("TEE", 2)]);
        assert_eq!(choose(&[other.clone(), ours], &parcel), Choice::Done);
        assert_eq!(choose(&[document("4", "", &["1Z"], &[])], &parcel), Choice::Done, "somebody typed the number in");
        assert_eq!(choose(&[other.clone(), by_hand.clone()], &parcel), Choice::Mark("3".into()));
        assert_eq!(choose(std::slice::from_ref(&by_hand), &wanted(&[])), Choice::Mark("3".into()));
        assert_eq!(choose(std::slice::from_ref(&by_hand), &wanted(&[("TEE", 1)])), Choice::Create);
        assert_eq!(choose(&[other], &parcel), Choice::Create);
        let relabelled = document("5", "Masonhub.SO-1.shp_1", &["1X"], &[("TEE", 2)]);
        assert_eq!(choose(&[relabelled], &parcel), Choice::Mark("5".into()), "a parcel that got another label keeps its record");
    }

    #[test]
    fn every_open_line_is_named_so_that_none_ships_unasked() {
        let lines = [line(1, "TEE", 3, 1), line(4, "PANT", 1, 0), line(5, "HAT", 2, 2), line(7, "TEE", 2, 0)];
        let body = fulfilment(&lines, &wanted(&[("TEE", 3)]), None).unwrap();
        let expected = json!([
            { "orderLine": 1, "itemReceive": true, "quantity": 2, "location": { "id": "6" } },
            { "orderLine": 4, "itemReceive": false },
            { "orderLine": 7, "itemReceive": true, "quantity": 1, "location": { "id": "6" } },
        ]);
        assert_eq!(body["item"]["items"], expected);
        assert_eq!(body["package"]["items"], json!([{ "packageTrackingNumber": "1Z", "packageDescr": "shp_1", "packageWeight": 2.4 }]));
        let elsewhere = fulfilment(&lines, &wanted(&[]), Some("9")).unwrap();
        let named: Vec<_> = elsewhere["item"]["items"].as_array().unwrap().iter().map(|item| item["location"]["id"].clone()).collect();
        assert_eq!(named, ["9", "9", "9"], "an unsaid content is all that is left");
    }

    #[test]
    fn a_parcel_of_more_than_is_left_is_refused_with_what_to_do() {
        let why = fulfilment(&[line(1, "TEE", 3, 2)], &wanted(&[("TEE", 2)]), None).unwrap_err();
        assert!(why.contains("shp_1 holds 2 TEE, but only 1 TEE") && why.contains("then replay"), "{why}");
        assert!(fulfilment(&[line(1, "TEE", 3, 3)], &wanted(&[]), None).unwrap_err().contains("only nothing"));
    }
}
