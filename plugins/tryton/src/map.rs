//! What to do about what was found in Tryton. Pure: no host here.

pub(crate) mod count;
pub(crate) mod dropped;
pub(crate) mod evidence;
pub(crate) mod goods;
pub(crate) mod parcel;
pub(crate) mod payload;
pub(crate) mod query;
pub(crate) mod record;
pub(crate) mod settings;

use std::collections::BTreeMap;

use record::Move;

/// Units by SKU; none of them is zero.
pub(crate) type Units = BTreeMap<String, i64>;

/// What moves hold, those that are cancelled left out.
pub(crate) fn units<'a>(moves: impl IntoIterator<Item = &'a Move>) -> Units {
    sum(moves.into_iter().filter(|m| m.state != "cancelled").map(|m| (m.sku().to_owned(), m.units())))
}

/// Sums units by SKU.
pub(crate) fn sum(lines: impl IntoIterator<Item = (String, i64)>) -> Units {
    let mut units = Units::new();
    for (sku, quantity) in lines {
        *units.entry(sku).or_default() += quantity;
    }
    units.retain(|_, quantity| *quantity != 0);
    units
}

/// What is in `all` and not in `part`.
pub(crate) fn less(all: &Units, part: &Units) -> Units {
    let rest = all.iter().map(|(sku, quantity)| (sku.clone(), (quantity - part.get(sku).copied().unwrap_or(0)).max(0)));
    sum(rest)
}

/// True where all of `part` is in `all`.
pub(crate) fn covers(all: &Units, part: &Units) -> bool {
    less(part, all).is_empty()
}

/// `3 TEE, 1 PANT`
pub(crate) fn words(units: &Units) -> String {
    units.iter().map(|(sku, quantity)| format!("{quantity} {sku}")).collect::<Vec<_>>().join(", ")
}
