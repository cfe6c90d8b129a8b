//! mortar-journal
