//! What to do about what was found in Shopify. Pure: no host here.

pub(crate) mod answer;
pub(crate) mod document;
pub(crate) mod evidence;
pub(crate) mod parcel;
pub(crate) mod record;
pub(crate) mod settings;
