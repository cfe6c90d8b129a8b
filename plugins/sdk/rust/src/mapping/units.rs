//! Units by SKU.

use std::collections::BTreeMap;

/// Units by SKU; none of them is zero.
pub type Units = BTreeMap<String, i64>;

/// Sums units by SKU.
#[must_use]
pub fn sum(lines: impl IntoIterator<Item = (String, i64)>) -> Units {
    let mut units = Units::new();
    for (sku, quantity) in lines {
        *units.entry(sku).or_default() += quantity;
    }
    units.retain(|_, quantity| *quantity != 0);
    units
}

/// What is in `all` and not in `part`.
#[must_use]
pub fn less(all: &Units, part: &Units) -> Units {
    let rest = all.iter().map(|(sku, quantity)| (sku.clone(), (quantity - part.get(sku).copied().unwrap_or(0)).max(0)));
    sum(rest)
}

/// True where all of `part` is in `all`.
#[must_use]
pub fn covers(all: &Units, part: &Units) -> bool {
    less(part, all).is_empty()
}

/// `3 TEE, 1 PANT`
#[must_use]
pub fn words(units: &Units) -> String {
    if units.is_empty() {
        return "nothing".into();
    }
    units.iter().map(|(sku, quantity)| format!("{quantity} {sku}")).collect::<Vec<_>>().join(", ")
}

/// An open line of an order: what is left to ship or to receive.
#[derive(Clone, Debug, PartialEq)]
pub struct Open<Id> {
    /// The ERP's name of the line.
    pub id: Id,
    /// The product.
    pub sku: String,
    /// Units that are left.
    pub left: i64,
}

/// Spreads units over the open lines in their order: units by line, lines that get none left out, and
/// what no line has left.
#[must_use]
pub fn spread<Id: Clone>(lines: &[Open<Id>], units: &Units) -> (Vec<(Id, i64)>, Units) {
    let mut rest = units.clone();
    let mut taken = Vec::new();
    for line in lines {
        let Some(wanted) = rest.get_mut(&line.sku) else { continue };
        let here = line.left.min(*wanted);
        if here > 0 {
            *wanted -= here;
            taken.push((line.id.clone(), here));
        }
    }
    rest.retain(|_, quantity| *quantity != 0);
    (taken, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&str, i64)]) -> Units {
        sum(lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)))
    }

    #[test]
    fn units_of_one_sku_are_summed_and_nothing_is_left_out() {
        assert_eq!(words(&of(&[("TEE", 1), ("PANT", 2), ("TEE", 2), ("HAT", 0)])), "2 PANT, 3 TEE");
        assert_eq!(words(&Units::new()), "nothing");
    }

    #[test]
    fn a_part_is_covered_or_not() {
        let all = of(&[("TEE", 3), ("PANT", 1)]);
        assert!(covers(&all, &of(&[("TEE", 3)])) && !covers(&all, &of(&[("TEE", 4)])) && !covers(&all, &of(&[("HAT", 1)])));
        assert_eq!(less(&all, &of(&[("TEE", 1), ("PANT", 5)])), of(&[("TEE", 2)]));
    }

    #[test]
    fn units_fill_the_lines_one_after_the_other() {
        let line = |id, sku: &str, left| Open { id, sku: sku.to_owned(), left };
        let lines = [line(1, "TEE", 2), line(2, "PANT", 1), line(3, "TEE", 4), line(4, "TEE", 0)];
        assert_eq!(spread(&lines, &of(&[("TEE", 3)])), (vec![(1, 2), (3, 1)], Units::new()));
        assert_eq!(spread(&lines, &of(&[("TEE", 9), ("HAT", 1)])), (vec![(1, 2), (3, 4)], of(&[("TEE", 3), ("HAT", 1)])));
    }
}
