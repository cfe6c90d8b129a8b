//! What an answer that is no success means.

use serde::Deserialize;

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It passes by itself.
    Passes,
    /// The connection's credentials are not accepted.
    Credentials,
    /// A fault of NetSuite's own.
    Fault,
    /// Somebody has to mend something.
    Refused,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    title: String,
    #[serde(rename = "o:errorDetails", default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    detail: String,
    #[serde(rename = "o:errorCode", default)]
    code: String,
    #[serde(rename = "o:errorPath")]
    path: Option<String>,
}

/// Codes of what passes: too many requests at once, and a record that somebody else just saved.
const PASSING: [&str; 5] =
    ["CONCURRENCY_LIMIT_EXCEEDED", "REQUEST_LIMIT_EXCEEDED", "RCRD_HAS_BEEN_CHANGED", "SSS_REQUEST_LIMIT_EXCEEDED", "RECORD_LOCKED"];

/// Reads an answer: what it means, and NetSuite's words.
pub(crate) fn read(status: u16, body: &[u8]) -> (Meaning, String) {
    let body: Body = serde_json::from_slice(body)
        .unwrap_or_else(|_| Body { title: String::from_utf8_lossy(body).chars().take(300).collect(), details: Vec::new() });
    let passes = body.details.iter().any(|detail| PASSING.contains(&detail.code.as_str()));
    let fault = body.details.iter().any(|detail| detail.code == "UNEXPECTED_ERROR");
    let meaning = match status {
        401 => Meaning::Credentials,
        409 => Meaning::Passes,
        _ if passes => Meaning::Passes,
        500.. => Meaning::Fault,
        _ if fault => Meaning::Fault,
        _ => Meaning::Refused,
    };
    let said = |detail: &Detail| {
        let place = detail.path.as_deref().map_or_else(String::new, |path| format!(" at {path}"));
        format!("{} ({}{place})", detail.detail.trim_end_matches('.'), detail.code)
    };
    let words = if body.details.is_empty() { body.title } else { body.details.iter().map(said).collect::<Vec<_>>().join("; ") };
    (meaning, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(code: &str) -> Vec<u8> {
        let text = r#"{"title":"Bad Request","status":400,"o:errorDetails":[{"detail":"Invalid value.","o:errorCode":"CODE","o:errorPath":"item.items[0]"}]}"#;
        text.replace("CODE", code).into_bytes()
    }

    #[test]
    fn an_answer_is_a_retry_only_where_time_or_an_operator_mends_it() {
        for (status, code, meaning) in [
            (401, "INVALID_LOGIN", Meaning::Credentials),
            (400, "USER_ERROR", Meaning::Refused),
            (403, "INSUFFICIENT_PERMISSION", Meaning::Refused),
            (404, "NONEXISTENT_ID", Meaning::Refused),
            (400, "CONCURRENCY_LIMIT_EXCEEDED", Meaning::Passes),
            (400, "RCRD_HAS_BEEN_CHANGED", Meaning::Passes),
            (409, "", Meaning::Passes),
            (400, "UNEXPECTED_ERROR", Meaning::Fault),
            (500, "UNEXPECTED_ERROR", Meaning::Fault),
        ] {
            assert_eq!(read(status, &body(code)).0, meaning, "{status} {code}");
        }
    }

    #[test]
    fn the_words_say_what_and_where() {
        assert_eq!(read(400, &body("USER_ERROR")).1, "Invalid value (USER_ERROR at item.items[0])");
        assert_eq!(read(502, b"<html>").1, "<html>");
        assert_eq!(read(400, br#"{"title":"Bad Request"}"#).1, "Bad Request");
    }
}
