//! What came in.

use std::collections::BTreeMap;

use super::units::{Units, sum};

/// What came of one SKU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// Units, damaged ones included.
    pub received: i64,
    /// Those of them that came damaged.
    pub damaged: i64,
}

/// What came, by SKU; lines of one SKU are one.
#[must_use]
pub fn came(lines: impl IntoIterator<Item = (String, i64, i64)>) -> BTreeMap<String, Came> {
    let mut all: BTreeMap<String, Came> = BTreeMap::new();
    for (sku, received, damaged) in lines {
        let one = all.entry(sku).or_default();
        one.received += received;
        one.damaged += damaged.clamp(0, received.max(0));
    }
    all.retain(|_, one| one.received > 0);
    all
}

/// All that came.
#[must_use]
pub fn received(came: &BTreeMap<String, Came>) -> Units {
    sum(came.iter().map(|(sku, one)| (sku.clone(), one.received)))
}

/// What came well, and what came damaged.
#[must_use]
pub fn apart(came: &BTreeMap<String, Came>) -> (Units, Units) {
    let good = came.iter().map(|(sku, one)| (sku.clone(), one.received - one.damaged));
    (sum(good), sum(came.iter().map(|(sku, one)| (sku.clone(), one.damaged))))
}

#[cfg(test)]
mod tests {
    use super::super::units::words;
    use super::*;

    #[test]
    fn lines_of_one_sku_are_one_and_what_did_not_come_is_left_out() {
        let all = came([("TEE".into(), 5, 1), ("TEE".into(), 4, 9), ("HAT".into(), 0, 0)]);
        assert_eq!(all.get("TEE"), Some(&Came { received: 9, damaged: 5 }), "no more can be damaged than came");
        assert_eq!(all.len(), 1);
        let (good, damaged) = apart(&all);
        assert_eq!((words(&good), words(&damaged), words(&received(&all))), ("4 TEE".into(), "5 TEE".into(), "9 TEE".into()));
    }
}
