//! Absolute counts: which place has to hold how many.

use std::collections::BTreeMap;

use super::settings::Counted;

/// A count as the event says it.
pub(crate) struct Count<'a> {
    pub(crate) location: Option<&'a str>,
    pub(crate) status: &'a str,
    pub(crate) quantity: i64,
}

/// Units by the code of the place, for each place that the counts say something about. What they do
/// not say is left as it is.
pub(crate) fn by_place<'a>(counted: &'a [Counted], counts: &[Count<'_>]) -> BTreeMap<&'a str, i64> {
    let mut places = BTreeMap::new();
    for rule in counted {
        for count in counts {
            let here = rule.masonhub_location.is_none() || rule.masonhub_location.as_deref() == count.location;
            if here && rule.statuses.iter().any(|status| status.eq_ignore_ascii_case(count.status)) {
                *places.entry(rule.place.as_str()).or_default() += count.quantity;
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::settings::shipped;
    use super::*;

    fn count<'a>(location: &'a str, status: &'a str, quantity: i64) -> Count<'a> {
        Count { location: Some(location), status, quantity }
    }

    #[test]
    fn statuses_of_one_place_are_summed_and_unsaid_places_left_alone() {
        let counted = shipped().counts;
        let counts = [count("a", "available", 200), count("b", "Allocated", 100), count("a", "expected", 7)];
        assert_eq!(by_place(&counted, &counts), [("STOCK", 300)].into());
        assert_eq!(by_place(&counted, &[count("a", "damaged", 0)]), [("DAMAGED", 0)].into());
    }

    #[test]
    fn a_place_can_stand_for_one_of_masonhubs_locations() {
        let counted = [Counted { place: "EAST".into(), statuses: vec!["available".into()], masonhub_location: Some("a".into()) }];
        assert_eq!(by_place(&counted, &[count("a", "available", 1), count("b", "available", 2)]), [("EAST", 1)].into());
    }
}
