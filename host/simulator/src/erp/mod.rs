//! An ERP, played: it takes any JSON written at any path, remembers every write, tells customers of
//! parcels, and fails on demand.
//!
//! | file | what is in it |
//! |---|---|
//! | `book.rs` | what a request does to the documents, with idempotency keys and notifications |
//! | `ledger.rs` | what is on record: the answer of `GET /audit` |
//! | `server.rs` | HTTP, with faults on demand |
//! | `client.rs` | the control paths, for an ERP in another process |
//!
//! Any path stores documents: `POST` adds one to a list and answers 201 with its `id`, `PUT` sets
//! one, `PATCH` merges into one (RFC 7396), `DELETE` removes one. `GET` finds a document, a list
//! (`{"data": […]}`), one member of a list by any of its identifiers
//! (`/orders/SO-1/shipments/shp_1`), or all that is below a path (`/orders/SO-1`).
//!
//! A document that names a tracking number makes a notification to the order's customer where it is
//! written below `/orders/{number}/notifications`, or below `…/shipments` (also `…/fulfillments`,
//! `…/parcels`, `…/packages`): see [`NotifyOn`].
//!
//! The control paths need no token and have no faults: `GET /audit`, `GET /notifications`,
//! `GET`, `POST` and `DELETE /faults`, `GET /health`.

mod book;
mod client;
mod ledger;
mod server;

pub use crate::fault::{Fault, What};
pub use client::{Client, ClientError};
pub use ledger::{Ledger, Notification, Write, notification_path, order_of, segments, shipment_path, tracking_numbers};
pub use server::{Erp, ErpOptions, Handle, NotifyOn, run};
