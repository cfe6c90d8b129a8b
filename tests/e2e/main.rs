//! The round trip with a real ERP, Tryton, and a real shop, Vendure, on PostgreSQL: the real binary,
//! real callbacks, real mails.
//!
//! `cargo xtask e2e` installs the ERP, runs all of it and prints what was sent and what was found.

#![allow(clippy::unwrap_used, missing_docs)]

mod audit;
mod cancellations;
mod faults;
mod goods;
mod operators;
mod parcels;
mod shop;
mod stock;

use mortar_tests::callbacks;
