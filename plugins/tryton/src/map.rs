//! What to do about what was found in Tryton. Pure: no host here.

pub(crate) mod dropped;
pub(crate) mod evidence;
pub(crate) mod goods;
pub(crate) mod parcel;
pub(crate) mod query;
pub(crate) mod record;
pub(crate) mod settings;

pub(crate) use mortar_sdk::mapping::units::{Units, covers, less, sum, words};
use record::Move;

/// What moves hold, those that are cancelled left out.
pub(crate) fn units<'a>(moves: impl IntoIterator<Item = &'a Move>) -> Units {
    sum(moves.into_iter().filter(|m| m.state != "cancelled").map(|m| (m.sku().to_owned(), m.units())))
}
