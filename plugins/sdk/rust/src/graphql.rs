//! GraphQL: documents and what their answers say, which is hardly ever in the HTTP status.

use serde::Deserialize;

use crate::{Json, Request, Response, encode, json};

/// A query as a GET request, which the host repeats where an answer is lost, and which `confirm` may
/// make. Not every server takes it.
#[must_use]
pub fn get(connection: &str, path: &str, document: &str, variables: &Json) -> Request {
    let query = format!("{path}?query={}&variables={}", encode(document), encode(&variables.to_string()));
    // Some servers let nobody in with a GET that a browser could make.
    Request::get(connection, query).header("content-type", "application/json")
}

/// Any document as a POST request.
#[must_use]
pub fn post(connection: &str, path: &str, document: &str, variables: &Json) -> Request {
    Request::post(connection, path).json(&json!({ "query": document, "variables": variables }))
}

/// Why there is no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// `extensions.code` of the first error.
    pub code: Option<String>,
    /// For the operator.
    pub words: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Json,
    #[serde(default)]
    errors: Errors,
}

/// Most servers send a list; some send a text where they let nobody in.
#[derive(Deserialize)]
#[serde(untagged)]
enum Errors {
    List(Vec<Error>),
    Other(Json),
}

impl Default for Errors {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Error {
    message: String,
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Extensions {
    code: Option<String>,
}

/// The data of an answer. Data beside an error counts for nothing.
///
/// # Errors
/// What the answer says instead.
pub fn data(answer: &Response) -> Result<Json, Refused> {
    let status = answer.status;
    let read = serde_json::from_slice::<Answer>(&answer.body);
    let (code, words) = match read {
        Ok(Answer { data, errors: Errors::List(errors) }) if errors.is_empty() && answer.is_success() && !data.is_null() => {
            return Ok(data);
        }
        Ok(Answer { errors: Errors::List(errors), .. }) if !errors.is_empty() => {
            let words: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
            (errors[0].extensions.code.clone(), words.join("; "))
        }
        Ok(Answer { errors: Errors::Other(Json::String(words)), .. }) => (None, words),
        Ok(_) | Err(_) => (None, answer.excerpt()),
    };
    let code_words = code.as_deref().map_or_else(String::new, |code| format!(" {code}"));
    Err(Refused { status, words: format!("it answered {status}{code_words}: {words}"), code })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response { status, headers: Vec::new(), body: body.into() }
    }

    fn refused(status: u16, code: Option<&str>, words: &str) -> Result<Json, Refused> {
        Err(Refused { status, code: code.map(str::to_owned), words: words.into() })
    }

    #[test]
    fn data_is_an_answer_only_without_errors() {
        assert_eq!(data(&answer(200, r#"{"data":{"a":1}}"#)), Ok(json!({ "a": 1 })));
        assert_eq!(data(&answer(200, r#"{"data":{"a":1},"errors":[]}"#)), Ok(json!({ "a": 1 })));
        let forbidden = r#"{"data":{"a":null},"errors":[{"message":"who are you","extensions":{"code":"FORBIDDEN"}}]}"#;
        assert_eq!(data(&answer(200, forbidden)), refused(200, Some("FORBIDDEN"), "it answered 200 FORBIDDEN: who are you"));
        let two = r#"{"errors":[{"message":"a"},{"message":"b"}]}"#;
        assert_eq!(data(&answer(400, two)), refused(400, None, "it answered 400: a; b"));
        let text = r#"{"errors":"[API] Invalid API key"}"#;
        assert_eq!(data(&answer(401, text)), refused(401, None, "it answered 401: [API] Invalid API key"));
        for (status, body) in [(200, "<html>"), (200, r#"{"data":null}"#), (500, r#"{"data":{"a":1}}"#)] {
            assert_eq!(data(&answer(status, body)), refused(status, None, &format!("it answered {status}: {body}")));
        }
    }

    #[test]
    fn a_query_can_be_in_the_path() {
        let request = get("shop", "/api", "{ a }", &json!({ "b": "ü" }));
        assert_eq!((request.method.as_str(), request.body), ("GET", None));
        assert_eq!(request.path, "/api?query=%7B%20a%20%7D&variables=%7B%22b%22%3A%22%C3%BC%22%7D");
    }
}
