//! What the operator lets the plugin do: for what it does only where it may.
//!
//! A plugin that asks needs a host that serves version 0.2 of `mortar:plugin`.

use crate::Request;
use crate::bindings::since_0_2::mortar::plugin::grants;

/// True where the grants leave this request in; its connection may still refuse it.
#[must_use]
pub fn allows(request: &Request) -> bool {
    grants::allows(&request.connection, &request.method, &request.path)
}

/// True where e-mails may be sent through this connection.
#[must_use]
pub fn allows_mail(connection: &str) -> bool {
    grants::allows(connection, "MAIL", "")
}
