//! What an answer that is no success means.

use mortar_sdk::Mends;
use serde::Deserialize;

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

/// Reads an answer: what mends it, and NetSuite's words.
pub(crate) fn read(status: u16, body: &[u8]) -> (Mends, String) {
    let body: Body = serde_json::from_slice(body)
        .unwrap_or_else(|_| Body { title: String::from_utf8_lossy(body).chars().take(300).collect(), details: Vec::new() });
    let passes = body.details.iter().any(|detail| PASSING.contains(&detail.code.as_str()));
    let fault = body.details.iter().any(|detail| detail.code == "UNEXPECTED_ERROR");
    let mends = match status {
        401 => Mends::Time,
        409 => Mends::Time,
        _ if passes => Mends::Time,
        500.. => Mends::Maybe,
        _ if fault => Mends::Maybe,
        _ => Mends::Nothing,
    };
    let said = |detail: &Detail| {
        let place = detail.path.as_deref().map_or_else(String::new, |path| format!(" at {path}"));
        format!("{} ({}{place})", detail.detail.trim_end_matches('.'), detail.code)
    };
    let words = if body.details.is_empty() { body.title } else { body.details.iter().map(said).collect::<Vec<_>>().join("; ") };
    (mends, words)
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
        for (status, code, mends) in [
            (401, "INVALID_LOGIN", Mends::Time),
            (400, "USER_ERROR", Mends::Nothing),
            (403, "INSUFFICIENT_PERMISSION", Mends::Nothing),
            (404, "NONEXISTENT_ID", Mends::Nothing),
            (400, "CONCURRENCY_LIMIT_EXCEEDED", Mends::Time),
            (400, "RCRD_HAS_BEEN_CHANGED", Mends::Time),
            (409, "", Mends::Time),
            (400, "UNEXPECTED_ERROR", Mends::Maybe),
            (500, "UNEXPECTED_ERROR", Mends::Maybe),
        ] {
            assert_eq!(read(status, &body(code)).0, mends, "{status} {code}");
        }
    }

    #[test]
    fn the_words_say_what_and_where() {
        assert_eq!(read(400, &body("USER_ERROR")).1, "Invalid value (USER_ERROR at item.items[0])");
        assert_eq!(read(502, b"<html>").1, "<html>");
        assert_eq!(read(400, br#"{"title":"Bad Request"}"#).1, "Bad Request");
    }
}
