//! What to do about what was found in NetSuite. Pure: no host here.

pub(crate) mod document;
pub(crate) mod evidence;
pub(crate) mod parcel;
pub(crate) mod receipt;
pub(crate) mod refusal;
pub(crate) mod settings;
pub(crate) mod stock;
pub(crate) mod suiteql;
