//! Absolute counts: which place has to hold how many.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::inventory_events::Stock;

/// A place in the ERP, and the counts that make up its stock; for a plugin's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// How the ERP names it.
    pub place: String,
    /// MasonHub's inventory statuses.
    pub statuses: Vec<String>,
    /// MasonHub's identifier of the location. Absent: any.
    pub masonhub_location: Option<String>,
}

/// A count as the event says it.
#[derive(Clone, Copy, Debug)]
pub struct Count<'a> {
    /// MasonHub's identifier of the location.
    pub location: Option<&'a str>,
    /// The inventory status.
    pub status: &'a str,
    /// Units, absolute.
    pub quantity: i64,
}

/// The counts of an event.
#[must_use]
pub fn of(stock: &Stock) -> Vec<Count<'_>> {
    let counts = stock.counts.iter();
    counts.map(|c| Count { location: c.location_id.as_deref(), status: &c.status, quantity: c.quantity }).collect()
}

/// Units by place, for each place that the counts say something about. What they do not say is left
/// as it is.
#[must_use]
pub fn by_place<'a>(counted: &'a [Counted], counts: &[Count<'_>]) -> BTreeMap<&'a str, i64> {
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
    use super::*;

    fn rule(place: &str, statuses: &[&str], location: Option<&str>) -> Counted {
        let statuses = statuses.iter().map(|status| (*status).to_owned()).collect();
        Counted { place: place.into(), statuses, masonhub_location: location.map(Into::into) }
    }

    fn count<'a>(location: &'a str, status: &'a str, quantity: i64) -> Count<'a> {
        Count { location: Some(location), status, quantity }
    }

    #[test]
    fn statuses_of_one_place_are_summed_and_unsaid_places_left_alone() {
        let counted = [rule("STOCK", &["available", "allocated"], None), rule("DAMAGED", &["damaged"], None)];
        let counts = [count("a", "available", 200), count("b", "Allocated", 100), count("a", "expected", 7)];
        assert_eq!(by_place(&counted, &counts), [("STOCK", 300)].into());
        assert_eq!(by_place(&counted, &[count("a", "damaged", 0)]), [("DAMAGED", 0)].into());
    }

    #[test]
    fn a_place_can_stand_for_one_of_masonhubs_locations() {
        let counted = [rule("EAST", &["available"], Some("a"))];
        assert_eq!(by_place(&counted, &[count("a", "available", 1), count("b", "available", 2)]), [("EAST", 1)].into());
    }
}
