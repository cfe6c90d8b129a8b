//! What integration tests share: a host of one's own, callbacks to send it, and ERPs that answer.
//!
//! | module | what is in it |
//! |---|---|
//! | [`setup`] | a directory with configuration and plugins, and the host that runs over it |
//! | [`http`] | requests, by a client or byte by byte |
//! | [`mail`] | a mail server that keeps what it is sent |
//! | [`catcher`] | a server that keeps the requests it is sent |
//! | [`dashboard`] | somebody who visits the dashboard, without a browser |
//! | [`fixtures`] | the sample callbacks |
//! | [`callbacks`] | callbacks about what a test has put into an ERP |
//! | [`tryton`] | a real ERP of one's own |
//! | [`vendure`] | a real shop of one's own |
//! | [`proxy`] | what stands before an ERP, and stops a request of one's choice |
//! | [`tools`] | programs of others, which are fetched by name |
//! | [`paths`] | where the built things are |

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, missing_docs, reason = "a test that cannot go on panics")]

pub mod callbacks;
pub mod catcher;
pub mod dashboard;
pub mod fixtures;
pub mod http;
pub mod mail;
pub mod paths;
pub mod proxy;
pub mod setup;
pub mod tools;
pub mod tryton;
pub mod vendure;

pub use http::Answer;
pub use setup::{Host, PATIENCE, SECRET, Setup, TOKEN};
