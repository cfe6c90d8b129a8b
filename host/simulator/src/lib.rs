//! mortar-simulator
