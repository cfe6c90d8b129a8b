//! What an answer that is no success means.

use mortar_sdk::Mends;
use serde::Deserialize;

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

/// Reads an answer: what mends it, and Business Central's words.
pub(crate) fn read(status: u16, body: &[u8]) -> (Mends, String) {
    let error = serde_json::from_slice::<Body>(body).map_or_else(
        |_| Error { code: String::new(), message: String::from_utf8_lossy(body).chars().take(300).collect() },
        |body| body.error,
    );
    let mends = match (status, error.code.as_str()) {
        (401, _) => Mends::Time,
        (409 | 412, _) | (_, "Request_EntityChanged") => Mends::Time,
        (500.., _) | (_, "Internal_ServerError") => Mends::Maybe,
        _ => Mends::Nothing,
    };
    let words = if error.code.is_empty() { error.message } else { format!("{} ({})", error.message.trim_end_matches('.'), error.code) };
    (mends, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_retry_only_where_time_or_an_operator_mends_it() {
        for (status, code, mends) in [
            (401, "Authentication_InvalidCredentials", Mends::Time),
            (400, "Application_DialogException", Mends::Nothing),
            (403, "Authorization_RequestDenied", Mends::Nothing),
            (404, "BadRequest_NotFound", Mends::Nothing),
            (409, "Request_EntityChanged", Mends::Time),
            (412, "", Mends::Time),
            (400, "Request_EntityChanged", Mends::Time),
            (500, "Internal_ServerError", Mends::Maybe),
        ] {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"It is so."}}}}"#);
            assert_eq!(read(status, body.as_bytes()).0, mends, "{status} {code}");
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
