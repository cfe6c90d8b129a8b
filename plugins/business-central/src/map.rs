//! What to do about what was found in Business Central. Pure: no host here.

pub(crate) mod document;
pub(crate) mod filter;
pub(crate) mod plan;
pub(crate) mod refusal;
pub(crate) mod settings;
pub(crate) mod shipment;
