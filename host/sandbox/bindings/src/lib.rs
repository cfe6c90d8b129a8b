//! mortar-bindings
