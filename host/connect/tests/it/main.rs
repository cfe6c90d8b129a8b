//! Connections against real sockets: servers that answer, redirect, hang, drip, flood and break off.
#![allow(clippy::unwrap_used)]

mod answers;
mod breaker;
mod concurrency;
mod configuration;
mod hostile;
mod login;
mod mail;
mod oauth;
mod oauth1;
mod oauth_jwt;
mod oauth_refresh;
mod rate;
mod requests;
mod secrets;
mod support;
mod tls;
