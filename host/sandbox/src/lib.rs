//! mortar-sandbox
