//! The round trip with a real shop.

mod audit;
mod cancellations;
mod faults;
mod operators;
mod parcels;
mod stock;
mod with_the_erp;
