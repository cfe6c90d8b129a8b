//! Connections: how requests leave the host, and what their fate means.
//!
//! | module | what is in it |
//! |---|---|
//! | `connections` | all connections by name: the `Connector` port, the probe, the status |
//! | `setup` | from the configuration to connections; every problem at once |
//! | `gate` | whether a request may start now; who has to wait stands in line here |
//! | `breaker`, `rate` | what the gate goes by: the breaker with its ramp, requests per second |
//! | `client` | a request through an HTTP connection: allow-lists, credentials, redirects |
//! | `client::download` | a file that is read as it comes |
//! | `path`, `header` | what a plugin may ask for: nothing beside the base URL, no header of the host's |
//! | `auth`, `token`, `grant`, `assertion`, `login` | credentials; access tokens of OAuth 2 and of MasonHub, how they are asked for, signed statements, logins |
//! | `oauth1` | signatures of OAuth 1.0a |
//! | `address` | which addresses may be reached |
//! | `exchange`, `tls` | one HTTP request and its answer on the wire, within time and size |
//! | `mail`, `letter` | one e-mail through an SMTP server; the e-mail itself |
//! | `classify` | what an outcome means: not applied, lost, or answered |
//!
//! Secrets stay in header values that are marked sensitive and in fields of types that have no
//! `Debug`: nothing here prints them.

mod address;
mod assertion;
mod auth;
mod breaker;
mod classify;
mod client;
mod connections;
mod exchange;
mod gate;
mod grant;
mod header;
mod letter;
mod login;
mod mail;
mod oauth1;
mod path;
mod rate;
mod setup;
mod tls;
mod token;

pub use classify::answer_to;
pub use client::{Download, DownloadError, DownloadLimits};
pub use connections::{BreakerState, ConnectionStatus, Connections};
pub use setup::{ConnectError, Keeper, Secrets};
