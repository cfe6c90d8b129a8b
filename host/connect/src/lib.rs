//! mortar-connect
