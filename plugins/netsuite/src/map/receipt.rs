//! Goods that came in: item receipts, the damaged units apart, and what no line has room for.

use std::collections::BTreeMap;

use mortar_sdk::mapping::goods::{Came, received};
use mortar_sdk::mapping::units::{Units, less, spread, words};
use mortar_sdk::{Json, json};

use super::document::{Document, Line, external_id, open};

/// The external ids of what is made for one shipment.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) good: String,
    pub(crate) damaged: String,
    pub(crate) extra: String,
}

impl Names {
    pub(crate) fn of(number: &str) -> Self {
        let with = |part| external_id(&[number, part]);
        Self { good: external_id(&[number]), damaged: with("damaged"), extra: with("extra") }
    }

    pub(crate) fn all(&self) -> [&str; 3] {
        [&self.good, &self.damaged, &self.extra]
    }

    fn include(&self, document: &Document) -> bool {
        self.all().iter().any(|name| document.external_id.eq_ignore_ascii_case(name))
    }
}

/// What is received under one name.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) name: &'static str,
    pub(crate) external_id: &'a str,
    pub(crate) units: &'a Units,
    pub(crate) place: Option<&'a str>,
}

/// The receipt that somebody made by hand of all that came.
pub(crate) fn by_hand<'a>(known: &'a [Document], names: &Names, came: &BTreeMap<String, Came>) -> Option<&'a Document> {
    if known.iter().any(|document| names.include(document)) {
        return None;
    }
    known.iter().find(|document| document.is_unclaimed() && document.contents == received(came))
}

/// The body of the transformation of an order; none where no line has room for any of it. Lines that
/// are not named would be received as well, so each open one is.
pub(crate) fn receipt(lines: &[Line], part: &Part<'_>, over: bool) -> Option<Json> {
    let (mut taken, rest) = spread(&open(lines), part.units);
    if over {
        for (sku, more) in &rest {
            // The last line of a SKU takes what is over, also where nothing of it is left.
            let last = lines.iter().rfind(|line| line.sku == *sku && line.closed.as_deref() != Some("T"))?.line;
            match taken.iter_mut().find(|(id, _)| *id == last) {
                Some((_, quantity)) => *quantity += more,
                None => taken.push((last, *more)),
            }
        }
    }
    if taken.is_empty() {
        return None;
    }
    let quantity = |line: &Line| taken.iter().find(|(id, _)| *id == line.line).map(|(_, quantity)| *quantity);
    let item = |line: &Line| {
        let Some(quantity) = quantity(line) else { return json!({ "orderLine": line.line, "itemReceive": false }) };
        let mut item = json!({ "orderLine": line.line, "itemReceive": true, "quantity": quantity });
        if let Some(place) = part.place.or(line.location.as_deref()) {
            item["location"] = json!({ "id": place });
        }
        item
    };
    let items: Vec<Json> = lines.iter().filter(|line| line.left() > 0 || quantity(line).is_some()).map(item).collect();
    Some(json!({ "externalId": part.external_id, "item": { "items": items } }))
}

/// What came and was not received, by part. With somebody else's receipts about, that may well have
/// been received there, so it is nobody's guess.
pub(crate) fn extra(known: &[Document], names: &Names, parts: &[Part<'_>; 2]) -> Result<[Units; 2], String> {
    let of = |part: &Part<'_>| known.iter().find(|document| document.external_id.eq_ignore_ascii_case(part.external_id));
    let extra = parts.each_ref().map(|part| of(part).map_or_else(|| part.units.clone(), |document| less(part.units, &document.contents)));
    let others: Vec<_> =
        known.iter().filter(|document| document.is_unclaimed() && !names.include(document)).map(|d| d.id.as_str()).collect();
    if extra.iter().all(Units::is_empty) || others.is_empty() {
        return Ok(extra);
    }
    let over: Vec<_> = extra.iter().filter(|units| !units.is_empty()).map(words).collect();
    Err(format!(
        "{} are over, and the order was also received by hand (receipt {}). Where those are the same units, delete that receipt, \
         then replay; else give it an external id of your own that begins with `masonhub.`, then replay",
        over.join(", "),
        others.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use mortar_sdk::mapping::goods::came;
    use mortar_sdk::mapping::units::sum;

    use super::*;

    fn units(lines: &[(&str, i64)]) -> Units {
        sum(lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)))
    }

    fn line(line: i64, sku: &str, ordered: i64, moved: i64) -> Line {
        Line { line, sku: sku.into(), ordered, moved, ..Line::default() }
    }

    fn part<'a>(external_id: &'a str, units: &'a Units) -> Part<'a> {
        Part { name: "units", external_id, units, place: Some("7") }
    }

    fn document(external_id: &str, lines: &[(&str, i64)]) -> Document {
        Document { id: "9".into(), external_id: external_id.into(), contents: units(lines), ..Document::default() }
    }

    #[test]
    fn a_receipt_names_every_open_line_and_takes_no_more_than_is_left() {
        let lines = [line(1, "TEE", 100, 0), line(2, "PANT", 5, 0), line(3, "TEE", 10, 10)];
        let came = units(&[("TEE", 110), ("SOCK", 25)]);
        let body = receipt(&lines, &part("masonhub.ASN", &came), false).unwrap();
        let expected = json!([
            { "orderLine": 1, "itemReceive": true, "quantity": 100, "location": { "id": "7" } },
            { "orderLine": 2, "itemReceive": false },
        ]);
        assert_eq!(body["item"]["items"], expected);
        let unexpected = units(&[("SOCK", 25)]);
        assert_eq!(receipt(&lines, &part("masonhub.ASN", &unexpected), false), None);
    }

    #[test]
    fn what_is_over_goes_to_the_last_line_where_that_is_allowed() {
        let lines = [line(1, "TEE", 100, 0), line(3, "TEE", 10, 10)];
        let came = units(&[("TEE", 110)]);
        let body = receipt(&lines, &part("masonhub.ASN", &came), true).unwrap();
        let quantities: Vec<_> = body["item"]["items"].as_array().unwrap().iter().map(|item| item["quantity"].clone()).collect();
        assert_eq!(quantities, [100, 10]);
    }

    #[test]
    fn what_no_receipt_holds_is_extra_unless_somebody_else_received() {
        let names = Names::of("ASN");
        let (good, damaged) = (units(&[("TEE", 110), ("SOCK", 2)]), units(&[("TEE", 5)]));
        let parts = [part(&names.good, &good), part(&names.damaged, &damaged)];
        let ours = document("masonhub.asn", &[("TEE", 100)]);
        let found = extra(std::slice::from_ref(&ours), &names, &parts).unwrap();
        assert_eq!(found, [units(&[("TEE", 10), ("SOCK", 2)]), damaged.clone()]);
        let why = extra(&[ours, document("", &[("TEE", 10)])], &names, &parts).unwrap_err();
        assert!(why.contains("2 SOCK, 10 TEE, 5 TEE") && why.contains("receipt 9"), "{why}");
        let all =
            [document("masonhub.ASN", &[("TEE", 110), ("SOCK", 2)]), document("masonhub.ASN.damaged", &[("TEE", 5)]), document("", &[])];
        assert_eq!(extra(&all, &names, &parts), Ok([Units::new(), Units::new()]));
    }

    #[test]
    fn a_receipt_of_all_that_came_was_made_by_hand() {
        let names = Names::of("ASN");
        let all = came([("TEE".into(), 90, 5)]);
        assert!(by_hand(&[document("", &[("TEE", 90)])], &names, &all).is_some());
        assert!(by_hand(&[document("", &[("TEE", 85)])], &names, &all).is_none());
        assert!(by_hand(&[document("masonhub.OTHER", &[("TEE", 90)])], &names, &all).is_none(), "another shipment's");
        assert!(by_hand(&[document("masonhub.ASN", &[("TEE", 85)]), document("", &[("TEE", 90)])], &names, &all).is_none());
    }
}
