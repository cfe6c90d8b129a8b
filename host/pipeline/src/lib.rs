//! mortar-pipeline
