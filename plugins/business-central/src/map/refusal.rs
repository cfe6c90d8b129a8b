//! What an answer that is no success means.

use serde::Deserialize;

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It passes by itself.
    Passes,
    /// The connection's credentials are not accepted.
    Credentials,
    /// A fault of Business Central's own.
    Fault,
    /// Somebody has to mend something.
    Refused,
}

#[derive(Deserialize)]
struct Body {
    error: Error,
}

#[derive(Deserialize)]
struct Error {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Reads an answer: what it means, and Business Central's words.
pub(crate) fn read(status: u16, body: &[u8]) -> (Meaning, String) {
    let error = serde_json::from_slice::<Body>(body).map_or_else(
        |_| Error { code: String::new(), message: String::from_utf8_lossy(body).chars().take(300).collect() },
        |body| body.error,
    );
    let meaning = match (status, error.code.as_str()) {
        (401, _) => Meaning::Credentials,
        (409 | 412, _) | (_, "Request_EntityChanged") => Meaning::Passes,
        (500.., _) | (_, "Internal_ServerError") => Meaning::Fault,
        _ => Meaning::Refused,
    };
    let words = if error.code.is_empty() { error.message } else { format!("{} ({})", error.message.trim_end_matches('.'), error.code) };
    (meaning, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_retry_only_where_time_or_an_operator_mends_it() {
        for (status, code, meaning) in [
            (401, "Authentication_InvalidCredentials", Meaning::Credentials),
            (400, "Application_DialogException", Meaning::Refused),
            (403, "Authorization_RequestDenied", Meaning::Refused),
            (404, "BadRequest_NotFound", Meaning::Refused),
            (409, "Request_EntityChanged", Meaning::Passes),
            (412, "", Meaning::Passes),
            (400, "Request_EntityChanged", Meaning::Passes),
            (500, "Internal_ServerError", Meaning::Fault),
        ] {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"It is so."}}}}"#);
            assert_eq!(read(status, body.as_bytes()).0, meaning, "{status} {code}");
        }
    }

    #[test]
    fn the_words_are_business_centrals() {
        assert_eq!(
            read(400, br#"{"error":{"code":"Application_DialogException","message":"Closed."}}"#).1,
            "Closed (Application_DialogException)"
        );
        assert_eq!(read(502, b"<html>").1, "<html>");
    }
}
