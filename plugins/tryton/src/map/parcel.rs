//! One parcel, one shipment in Tryton: which one it is, and what it still lacks.
//!
//! Tryton makes one shipment for everything that is left to ship, and another one for the rest as
//! soon as that is shipped in part. So each parcel takes the shipment that is open, leaves in it what
//! is in the parcel, and ships it; the next parcel finds the rest.

use mortar_sdk::{Json, json};
use serde_json::Map;

use super::record::{Move, Package, Sale, Shipment};
use super::{Units, covers, less, sum, units, words};

/// A parcel that is to be found in Tryton in the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// MasonHub's name of it, which becomes the shipment's reference.
    pub(crate) shipment_id: String,
    pub(crate) tracking: String,
    /// Empty where the event does not say: all that is left.
    pub(crate) contents: Units,
    /// Tryton's carrier.
    pub(crate) carrier: Option<i64>,
}

/// Where a parcel belongs.
#[derive(Debug)]
pub(crate) enum Choice<'a> {
    /// To this shipment.
    Take(&'a Shipment),
    /// To none yet: Tryton has to be asked to make one.
    Process,
    /// To none before somebody has done something.
    Later(String),
    /// To none.
    Refuse(String),
}

/// Finds the shipment that a parcel is, or can become.
pub(crate) fn choose<'a>(sale: &'a Sale, wanted: &Wanted) -> Choice<'a> {
    let all = || sale.shipments.iter().filter(|shipment| shipment.state != "cancelled");
    let open = || all().filter(|shipment| shipment.state != "done" && is_unclaimed(shipment));
    let exact = |shipment: &&Shipment| units(&shipment.outgoing_moves) == wanted.contents;
    let holds = |shipment: &&Shipment| covers(&units(&shipment.outgoing_moves), &wanted.contents);
    let early = |shipment: &&Shipment| matches!(shipment.state.as_str(), "draft" | "waiting" | "assigned");
    let by_hand = |shipment: &&Shipment| shipment.state == "done" && has_loose(shipment, wanted);
    let unsaid = wanted.contents.is_empty();

    let chosen = all()
        .find(|shipment| is_of(shipment, wanted))
        .or_else(|| open().find(|shipment| unsaid || exact(shipment)))
        .or_else(|| open().filter(early).find(holds))
        .or_else(|| all().find(by_hand))
        // One whose content is not said, and nothing is left: it went with another one.
        .or_else(|| all().rfind(|shipment| unsaid && shipment.state == "done"));
    match (chosen, sale.state.as_str()) {
        (Some(shipment), _) => Choice::Take(shipment),
        (None, "draft" | "quotation") => Choice::Later("the sale is not confirmed in Tryton yet, so there is nothing to ship".into()),
        (None, "cancelled") => Choice::Refuse("the sale is cancelled in Tryton".into()),
        (None, "done") => Choice::Refuse("everything of the sale is shipped in Tryton already".into()),
        (None, _) => Choice::Process,
    }
}

/// What a shipment needs next so that it becomes the parcel.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// The transition of this name.
    Act(&'static str),
    /// Stock has to be found for it. Tryton may find none, and say 200 all the same.
    Assign,
    /// These fields.
    Set(Json),
    /// A package of these moves, while the shipment can take one.
    Pack(Vec<i64>),
    /// The tracking number on this package, which somebody made.
    Track(i64),
    /// A package beside the shipment, which is closed, and these moves into it.
    Attach(Vec<i64>),
    /// Nothing.
    Done,
}

/// Says what a shipment needs next, or why it cannot become the parcel.
pub(crate) fn next(shipment: &Shipment, wanted: &Wanted) -> Result<Next, String> {
    let unsaid = wanted.contents.is_empty();
    let differs = |moves: &[Move]| !unsaid && units(moves) != wanted.contents;
    let claim = claim(shipment, wanted);
    let tracked = is_tracked(shipment, wanted);
    let track = || json!({ "shipping_reference": wanted.tracking });
    let id = shipment.id;
    match shipment.state.as_str() {
        "draft" => Ok(Next::Act("wait")),
        "waiting" => {
            let moves = &shipment.inventory_moves;
            // Some units were found and others not, or what is left in it was for another parcel.
            if moves.iter().any(|m| m.state == "assigned") || !covers(&units(moves), &wanted.contents) {
                return Ok(Next::Act("wait"));
            }
            let mut fields = claim;
            if differs(moves) {
                fields.insert("inventory_moves".into(), keep(moves, &wanted.contents));
            }
            Ok(if fields.is_empty() { Next::Assign } else { Next::Set(fields.into()) })
        }
        "assigned" if differs(&shipment.inventory_moves) => Ok(Next::Act("wait")),
        "picked" | "packed" | "shipped" if differs(&shipment.outgoing_moves) => {
            let held = words(&units(&shipment.outgoing_moves));
            let state = &shipment.state;
            Err(format!("shipment {id} is {state} in Tryton with {held}, but the parcel holds {}", words(&wanted.contents)))
        }
        "assigned" | "picked" | "packed" | "shipped" if !claim.is_empty() => Ok(Next::Set(claim.into())),
        "assigned" => Ok(Next::Act("pick")),
        "picked" if !tracked => Ok(untracked(shipment, wanted).map_or_else(|| Next::Pack(loose_ids(shipment)), Next::Track)),
        "packed" | "shipped" | "done" if !tracked => {
            Ok(untracked(shipment, wanted).map_or_else(|| Next::Attach(fitting(shipment, wanted)), Next::Track))
        }
        // Last, since Tryton may write to the customer as soon as a shipment has its number and is
        // done. Several parcels that went as one shipment leave it the first one's.
        "picked" | "packed" | "shipped" | "done" if !has_text(&shipment.shipping_reference) => Ok(Next::Set(track())),
        "picked" => Ok(Next::Act("pack")),
        "packed" | "shipped" => Ok(Next::Act("do")),
        "done" => Ok(Next::Done),
        state => Err(format!("shipment {id} is {state} in Tryton")),
    }
}

/// The units that Tryton found no stock for.
pub(crate) fn not_found(shipment: &Shipment) -> Units {
    units(shipment.inventory_moves.iter().filter(|m| m.state == "draft" || m.state == "staging"))
}

/// True where the shipment is this parcel.
pub(crate) fn is_of(shipment: &Shipment, wanted: &Wanted) -> bool {
    is_tracked(shipment, wanted)
        || shipment.reference.as_ref() == Some(&wanted.shipment_id)
        || shipment.shipping_reference.as_ref() == Some(&wanted.tracking)
}

/// True where nobody has said yet which parcel it is.
pub(crate) fn is_unclaimed(shipment: &Shipment) -> bool {
    !has_text(&shipment.shipping_reference) && !shipment.packages.iter().any(Package::is_tracked)
}

fn is_tracked(shipment: &Shipment, wanted: &Wanted) -> bool {
    shipment.packages.iter().any(|package| package.shipping_reference.as_ref() == Some(&wanted.tracking))
}

fn has_text(text: &Option<String>) -> bool {
    text.as_deref().is_some_and(|text| !text.is_empty())
}

/// The fields that say which parcel it becomes, those that say so already left out.
fn claim(shipment: &Shipment, wanted: &Wanted) -> Map<String, Json> {
    let mut fields = Map::new();
    if shipment.reference.as_ref() != Some(&wanted.shipment_id) {
        fields.insert("reference".into(), json!(wanted.shipment_id));
    }
    let open = matches!(shipment.state.as_str(), "draft" | "waiting" | "assigned" | "picked");
    if open && wanted.carrier.is_some() && shipment.carrier != wanted.carrier {
        fields.insert("carrier".into(), json!(wanted.carrier));
    }
    fields
}

/// Writes that leave these units in the moves.
fn keep(moves: &[Move], contents: &Units) -> Json {
    let mut left = contents.clone();
    let write = |m: &Move| {
        let quantity = left.get_mut(m.sku()).map_or(0, |left| {
            let taken = (*left).min(m.units());
            *left -= taken;
            taken
        });
        (quantity != m.units()).then(|| json!(["write", [m.id], { "quantity": quantity }]))
    };
    moves.iter().filter_map(write).collect()
}

/// The moves that are in no package, or in one without a tracking number.
fn loose(shipment: &Shipment) -> impl Iterator<Item = &Move> {
    let tracked = |id: i64| shipment.packages.iter().any(|package| package.id == id && package.is_tracked());
    shipment.outgoing_moves.iter().filter(move |m| m.state != "cancelled" && m.units() != 0 && !m.package.is_some_and(tracked))
}

fn has_loose(shipment: &Shipment, wanted: &Wanted) -> bool {
    let loose = units(loose(shipment));
    !loose.is_empty() && covers(&loose, &wanted.contents)
}

fn loose_ids(shipment: &Shipment) -> Vec<i64> {
    loose(shipment).filter(|m| m.package.is_none()).map(|m| m.id).collect()
}

/// The package without a tracking number that somebody made of just these units.
fn untracked(shipment: &Shipment, wanted: &Wanted) -> Option<i64> {
    let of = |id: i64| units(shipment.outgoing_moves.iter().filter(|m| m.package == Some(id)));
    let fits = |id: i64| if wanted.contents.is_empty() { !of(id).is_empty() } else { of(id) == wanted.contents };
    shipment.packages.iter().find(|package| !package.is_tracked() && fits(package.id)).map(|package| package.id)
}

/// The moves without a package that are wholly in the parcel. One that holds more stays for the
/// next parcel that was shipped with it.
fn fitting(shipment: &Shipment, wanted: &Wanted) -> Vec<i64> {
    let mut left = wanted.contents.clone();
    let fits = |m: &&Move| {
        if m.package.is_some() {
            return false;
        }
        let one = sum([(m.sku().to_owned(), m.units())]);
        let whole = wanted.contents.is_empty() || covers(&left, &one);
        left = less(&left, &one);
        whole
    };
    loose(shipment).filter(fits).map(|m| m.id).collect()
}

#[cfg(test)]
mod tests {
    use super::super::record::Product;
    use super::*;

    fn moves(first: i64, lines: &[(&str, i64)], state: &str) -> Vec<Move> {
        let one = |(index, (sku, quantity)): (usize, &(&str, i64))| Move {
            id: first + i64::try_from(index).unwrap(),
            state: state.into(),
            quantity: f64::from(i32::try_from(*quantity).unwrap()),
            product: Product { code: Some((*sku).into()), ..Product::default() },
            ..Move::default()
        };
        lines.iter().enumerate().map(one).collect()
    }

    fn shipment(id: i64, state: &str, lines: &[(&str, i64)]) -> Shipment {
        Shipment {
            id,
            state: state.into(),
            inventory_moves: moves(10 * id, lines, if state == "assigned" { "assigned" } else { "draft" }),
            outgoing_moves: moves(10 * id + 5, lines, "draft"),
            ..Shipment::default()
        }
    }

    fn sale(shipments: &[Shipment]) -> Sale {
        Sale { id: 1, state: "processing".into(), shipments: shipments.to_vec(), ..Sale::default() }
    }

    fn wanted(lines: &[(&str, i64)]) -> Wanted {
        let contents = sum(lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)));
        Wanted { shipment_id: "shp_1".into(), tracking: "T1".into(), contents, carrier: Some(3) }
    }

    fn claimed(mut shipment: Shipment) -> Shipment {
        shipment.reference = Some("shp_1".into());
        shipment.carrier = Some(3);
        shipment
    }

    fn numbered(mut shipment: Shipment) -> Shipment {
        shipment.shipping_reference = Some("T1".into());
        packed(shipment, Some("T1"))
    }

    fn packed(mut shipment: Shipment, tracking: Option<&str>) -> Shipment {
        shipment.packages = vec![Package { id: 70, shipping_reference: tracking.map(Into::into), shipment: None }];
        shipment.outgoing_moves.iter_mut().for_each(|m| m.package = Some(70));
        shipment
    }

    fn taken(sale: &Sale, wanted: &Wanted) -> String {
        match choose(sale, wanted) {
            Choice::Take(shipment) => shipment.id.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_parcel_takes_its_own_shipment_then_the_one_that_fits_then_one_that_holds_it() {
        let whole = shipment(1, "waiting", &[("TEE", 3), ("PANT", 2)]);
        let exact = shipment(2, "picked", &[("TEE", 2)]);
        let own = claimed(shipment(3, "done", &[("TEE", 9)]));
        let parcel = wanted(&[("TEE", 2)]);
        assert_eq!(taken(&sale(&[whole.clone(), exact.clone(), own]), &parcel), "3");
        assert_eq!(taken(&sale(&[whole.clone(), exact]), &parcel), "2");
        assert_eq!(taken(&sale(&[whole.clone(), shipment(2, "picked", &[("TEE", 3)])]), &parcel), "1", "what is picked is as it is");
        assert_eq!(taken(&sale(std::slice::from_ref(&whole)), &wanted(&[])), "1", "an unsaid content is all that is left");
        assert_eq!(taken(&sale(&[whole]), &wanted(&[("TEE", 4)])), "Process");
    }

    #[test]
    fn another_parcels_shipment_is_never_taken() {
        let other = Shipment { shipping_reference: Some("T9".into()), ..shipment(1, "waiting", &[("TEE", 2)]) };
        let tracked = packed(shipment(2, "done", &[("TEE", 2)]), Some("T8"));
        let cancelled = claimed(shipment(3, "cancelled", &[("TEE", 2)]));
        assert_eq!(taken(&sale(&[other, tracked, cancelled]), &wanted(&[("TEE", 2)])), "Process");
    }

    #[test]
    fn what_was_shipped_by_hand_is_found_also_where_two_parcels_went_as_one() {
        let parcel = wanted(&[("TEE", 2)]);
        let by_hand = shipment(1, "done", &[("TEE", 3)]);
        assert_eq!(taken(&sale(std::slice::from_ref(&by_hand)), &parcel), "1");
        assert_eq!(next(&by_hand, &parcel), Ok(Next::Attach(vec![])), "a move that holds more is left for the other parcel");
        let first = Shipment { shipping_reference: Some("T0".into()), ..by_hand };
        assert_eq!(taken(&sale(&[first]), &parcel), "1");
    }

    #[test]
    fn a_parcel_of_unsaid_content_goes_with_the_last_one_where_nothing_is_left() {
        let done = numbered(claimed(shipment(1, "done", &[("TEE", 3)])));
        let other = Wanted { shipment_id: "shp_2".into(), tracking: "T2".into(), ..Wanted::default() };
        assert_eq!(taken(&sale(std::slice::from_ref(&done)), &other), "1");
        assert_eq!(next(&done, &other), Ok(Next::Attach(vec![])));
    }

    #[test]
    fn a_sale_without_a_shipment_says_why() {
        for (state, said) in
            [("draft", "Later"), ("quotation", "Later"), ("cancelled", "Refuse"), ("done", "Refuse"), ("confirmed", "Process")]
        {
            let sale = Sale { state: state.into(), ..Sale::default() };
            assert!(taken(&sale, &wanted(&[("TEE", 1)])).starts_with(said), "{state}");
        }
    }

    #[test]
    fn each_state_leads_to_the_next_one() {
        let parcel = wanted(&[("TEE", 2)]);
        let at = |state: &str| claimed(shipment(1, state, &[("TEE", 2)]));
        assert_eq!(next(&at("draft"), &parcel), Ok(Next::Act("wait")));
        assert_eq!(next(&at("waiting"), &parcel), Ok(Next::Assign));
        assert_eq!(next(&at("assigned"), &parcel), Ok(Next::Act("pick")));
        assert_eq!(next(&at("picked"), &parcel), Ok(Next::Pack(vec![15])));
        assert_eq!(next(&numbered(at("picked")), &parcel), Ok(Next::Act("pack")));
        assert_eq!(next(&numbered(at("packed")), &parcel), Ok(Next::Act("do")));
        assert_eq!(next(&numbered(at("shipped")), &parcel), Ok(Next::Act("do")));
        assert_eq!(next(&numbered(at("done")), &parcel), Ok(Next::Done));
        assert!(next(&at("cancelled"), &parcel).is_err());
    }

    #[test]
    fn a_parcel_leaves_in_the_shipment_what_is_in_it() {
        let whole = shipment(1, "waiting", &[("TEE", 3), ("PANT", 2), ("TEE", 2)]);
        let Ok(Next::Set(fields)) = next(&whole, &wanted(&[("TEE", 4)])) else { panic!() };
        assert_eq!(
            fields,
            json!({
                "reference": "shp_1", "carrier": 3,
                "inventory_moves": [["write", [11], { "quantity": 0 }], ["write", [12], { "quantity": 1 }]],
            })
        );
    }

    #[test]
    fn stock_that_was_found_in_part_is_looked_for_again_from_the_start() {
        let mut part = claimed(shipment(1, "waiting", &[("TEE", 2), ("PANT", 1)]));
        part.inventory_moves[0].state = "assigned".into();
        assert_eq!(next(&part, &wanted(&[("TEE", 2), ("PANT", 1)])), Ok(Next::Act("wait")));
        assert_eq!(words(&not_found(&part)), "1 PANT");
    }

    #[test]
    fn what_an_operator_has_begun_is_gone_on_with() {
        let parcel = wanted(&[("TEE", 2)]);
        assert_eq!(next(&shipment(1, "assigned", &[("TEE", 3)]), &parcel), Ok(Next::Act("wait")), "assigned, but too much");
        let Err(why) = next(&shipment(1, "picked", &[("TEE", 3)]), &parcel) else { panic!() };
        assert_eq!(why, "shipment 1 is picked in Tryton with 3 TEE, but the parcel holds 2 TEE");
        assert_eq!(next(&packed(claimed(shipment(1, "picked", &[("TEE", 2)])), None), &parcel), Ok(Next::Track(70)));
        assert_eq!(next(&claimed(shipment(1, "packed", &[("TEE", 2)])), &parcel), Ok(Next::Attach(vec![15])));
        let done = shipment(1, "done", &[("TEE", 2)]);
        assert_eq!(next(&done, &parcel), Ok(Next::Attach(vec![15])), "the package comes before the number that sends the mail");
        assert_eq!(next(&packed(done, Some("T1")), &parcel), Ok(Next::Set(json!({ "shipping_reference": "T1" }))));
    }
}
