//! mortar-plugin-rest
