//! An e-mail is a call too: as a request, and what the mail server's answer means.

use mortar_core::call::{CallError, Mail, Request, Response};

/// The request that an e-mail is.
pub(crate) fn request(connection: String, mail: &Mail) -> Result<Request, CallError> {
    let body = serde_json::to_vec(mail).map_err(|e| CallError::Denied(e.to_string()))?;
    Ok(Request { connection, method: Request::MAIL.to_owned(), path: String::new(), headers: Vec::new(), body: Some(body) })
}

/// What the mail server's answer means.
pub(crate) fn result(answer: &Response) -> Result<(), CallError> {
    if answer.status >= 400 {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        return Err(CallError::Denied(format!("the mail server refused it: {} {text}", answer.status)));
    }
    Ok(())
}
