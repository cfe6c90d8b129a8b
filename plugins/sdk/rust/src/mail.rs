//! E-mail through a connection that is a mail server.
//!
//! ```no_run
//! use mortar_sdk::mail::{self, Message};
//!
//! # fn handler() -> Result<(), mortar_sdk::Failure> {
//! let message = Message {
//!     connection: "mail".into(),
//!     to: vec!["ops@example.com".into()],
//!     subject: "SO-1001 is short".into(),
//!     text: "2 units of TEE-BLU-M are missing.".into(),
//!     ..Message::default()
//! };
//! mail::send("mail/short", &message)?;
//! # Ok(())
//! # }
//! ```

use crate::CallError;
pub use crate::bindings::mortar::plugin::mail::Message;

/// Sends an e-mail as the step of that name: a retry of the handler never mails twice.
///
/// # Errors
/// It was not sent, or is in doubt; `?` turns it into the [`Failure`](crate::Failure) that fits.
pub fn send(step: &str, message: &Message) -> Result<(), CallError> {
    crate::bindings::mortar::plugin::mail::send(step, message)
}
