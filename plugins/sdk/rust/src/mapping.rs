//! What mappings to ERPs have in common. Pure: it can be tested natively.
//!
//! | module | what is in it |
//! |---|---|
//! | [`units`] | units by SKU, and how they compare |
//! | [`goods`] | what came in, the damaged units apart |
//! | [`parcels`] | those that have a tracking number |
//! | [`counts`] | absolute counts: which place of the ERP holds which of MasonHub's statuses |
//! | [`record`] | the raw record of an event, for the round trip, which is given no typed one |

pub mod counts;
pub mod goods;
pub mod parcels;
pub mod record;
pub mod units;
