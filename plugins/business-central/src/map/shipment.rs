//! Parcels and posted shipments.

use mortar_sdk::mapping::units::Units;

use super::document::{Posted, Tracking};

/// A parcel that is to be found in Business Central in the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) tracking: String,
    /// Empty where the event does not say: all that is left.
    pub(crate) contents: Units,
}

/// A posted shipment, with what the tracking page says of it.
#[derive(Clone, Debug)]
pub(crate) struct Shipment {
    pub(crate) tracking: Tracking,
    pub(crate) contents: Units,
}

/// What a parcel needs.
#[derive(Debug)]
pub(crate) enum Choice<'a> {
    /// Nothing.
    Done,
    /// Its number on this shipment.
    Number(&'a Shipment),
    /// A shipment.
    Post,
}

/// Shipments with their tracking; one that the tracking page does not know yet is left out.
pub(crate) fn join(posted: &[Posted], tracking: &[Tracking]) -> Vec<Shipment> {
    let of = |shipment: &Posted| {
        let tracking = tracking.iter().find(|tracking| tracking.id.eq_ignore_ascii_case(&shipment.id))?.clone();
        Some(Shipment { tracking, contents: shipment.contents() })
    };
    posted.iter().filter_map(of).collect()
}

/// Says what a parcel needs, given the shipments of its order.
pub(crate) fn choose<'a>(shipments: &'a [Shipment], wanted: &Wanted) -> Choice<'a> {
    if shipments.iter().any(|shipment| shipment.tracking.package_tracking_no == wanted.tracking) {
        return Choice::Done;
    }
    let fits = |shipment: &&Shipment| {
        shipment.tracking.package_tracking_no.is_empty() && (wanted.contents.is_empty() || shipment.contents == wanted.contents)
    };
    // One that was just posted, or that somebody posted by hand.
    shipments.iter().find(fits).map_or(Choice::Post, Choice::Number)
}

#[cfg(test)]
mod tests {
    use mortar_sdk::mapping::units::sum;

    use super::*;

    fn shipment(id: &str, number: &str, lines: &[(&str, i64)]) -> Shipment {
        let contents = sum(lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)));
        Shipment { tracking: Tracking { id: id.into(), package_tracking_no: number.into(), ..Tracking::default() }, contents }
    }

    fn said(shipments: &[Shipment], lines: &[(&str, i64)]) -> String {
        let contents = sum(lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)));
        match choose(shipments, &Wanted { tracking: "1Z".into(), contents }) {
            Choice::Number(shipment) => shipment.tracking.id.clone(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_parcel_takes_the_shipment_that_fits_and_has_no_number() {
        let other = shipment("a", "1Y", &[("TEE", 2)]);
        assert_eq!(said(std::slice::from_ref(&other), &[("TEE", 2)]), "Post");
        assert_eq!(said(&[other.clone(), shipment("b", "", &[("TEE", 2)])], &[("TEE", 2)]), "b");
        assert_eq!(said(&[other.clone(), shipment("b", "", &[("TEE", 3)])], &[("TEE", 2)]), "Post");
        assert_eq!(said(&[other.clone(), shipment("b", "", &[("TEE", 3)])], &[]), "b", "an unsaid content fits any");
        assert_eq!(said(&[other, shipment("b", "1Z", &[])], &[("TEE", 2)]), "Done");
    }

    #[test]
    fn a_shipment_is_joined_by_its_id() {
        let posted = [Posted { id: "AB".into(), ..Posted::default() }, Posted { id: "CD".into(), ..Posted::default() }];
        let joined = join(&posted, &[Tracking { id: "ab".into(), package_tracking_no: "1Z".into(), ..Tracking::default() }]);
        assert_eq!(joined.iter().map(|s| s.tracking.package_tracking_no.as_str()).collect::<Vec<_>>(), ["1Z"]);
    }
}
