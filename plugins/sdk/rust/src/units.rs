//! Units by SKU.

use std::collections::BTreeMap;

/// Units by SKU; none of them is zero.
pub type Units = BTreeMap<String, i64>;

/// Sums units by SKU.
pub fn sum(lines: impl IntoIterator<Item = (String, i64)>) -> Units {
    let mut units = Units::new();
    for (sku, quantity) in lines {
        *units.entry(sku).or_default() += quantity;
    }
    units.retain(|_, quantity| *quantity != 0);
    units
}

/// `3 TEE, 1 PANT`
#[must_use]
pub fn words(units: &Units) -> String {
    units.iter().map(|(sku, quantity)| format!("{quantity} {sku}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_sku_are_summed() {
        let units = sum([("TEE".into(), 2), ("HAT".into(), 1), ("TEE".into(), 1), ("SOCK".into(), 0)]);
        assert_eq!(words(&units), "1 HAT, 3 TEE");
    }
}
