//! What to do about what was found in Vendure. Pure: no host here.

pub(crate) mod answer;
pub(crate) mod document;
pub(crate) mod dropped;
pub(crate) mod evidence;
pub(crate) mod note;
pub(crate) mod parcel;
pub(crate) mod record;
pub(crate) mod settings;
