//! mortar-sdk
