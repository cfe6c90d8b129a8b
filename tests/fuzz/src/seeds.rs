//! Where each target begins.
