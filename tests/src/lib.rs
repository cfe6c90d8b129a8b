//! mortar-tests
