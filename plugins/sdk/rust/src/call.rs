//! Calls to the ERP: building a request, making it as a durable step, reading the answer.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::mortar::plugin::connection;
use crate::{CallError, Delivery, Failure, Request, Response, Settlement};

/// How much of an answer's body goes into a rejection, in characters.
const EXCERPT: usize = 300;

/// Makes a call as the step of that name, or answers from the journal where this step of this event
/// was answered before.
///
/// # Errors
/// No answer; `?` turns it into the [`Failure`] that fits.
pub fn call(step: &str, request: &Request) -> Result<Response, CallError> {
    connection::call(step, request)
}

/// Makes a call; where the step is in doubt, `look` finds out in the ERP what became of it, and the
/// step is settled so. `look` is given the host's words, and makes its own calls under [`fresh`]
/// names: an old answer would not settle anything.
///
/// # Errors
/// No answer, or what `look` could not decide.
pub fn call_or_settle(
    step: &str,
    request: &Request,
    look: impl FnOnce(String) -> Result<Settlement, Failure>,
) -> Result<Response, Failure> {
    match call(step, request) {
        Err(CallError::InDoubt(doubt)) => {
            settle(step, &look(doubt)?)?;
            Ok(call(step, request)?)
        }
        answer => Ok(answer?),
    }
}

/// Says what became of a step that is in doubt.
///
/// # Errors
/// A rejection with the host's words, where the step cannot be settled.
pub fn settle(step: &str, settlement: &Settlement) -> Result<(), Failure> {
    connection::settle(step, settlement).map_err(|why| Failure::reject(format!("step `{step}` cannot be settled: {why}")))
}

/// A step name that is asked afresh on each attempt: `state` becomes `state#2` on the second. Only
/// for reads: a write under such a name would be repeated by each retry.
#[must_use]
pub fn fresh(delivery: &Delivery, step: &str) -> String {
    format!("{step}#{}", delivery.attempt)
}

/// Percent-encodes a value for one segment of a path, or for a query.
#[must_use]
pub fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

impl Request {
    /// A request through a connection. `path` is below the connection's base URL and starts with
    /// `/`; [`encode`] what you put into it.
    #[must_use]
    pub fn new(method: &str, connection: &str, path: impl Into<String>) -> Self {
        Self { connection: connection.into(), method: method.into(), path: path.into(), headers: Vec::new(), body: None }
    }

    /// A GET request.
    #[must_use]
    pub fn get(connection: &str, path: impl Into<String>) -> Self {
        Self::new("GET", connection, path)
    }

    /// A POST request.
    #[must_use]
    pub fn post(connection: &str, path: impl Into<String>) -> Self {
        Self::new("POST", connection, path)
    }

    /// A PUT request.
    #[must_use]
    pub fn put(connection: &str, path: impl Into<String>) -> Self {
        Self::new("PUT", connection, path)
    }

    /// A PATCH request.
    #[must_use]
    pub fn patch(connection: &str, path: impl Into<String>) -> Self {
        Self::new("PATCH", connection, path)
    }

    /// A DELETE request.
    #[must_use]
    pub fn delete(connection: &str, path: impl Into<String>) -> Self {
        Self::new("DELETE", connection, path)
    }

    /// With a header. Credentials and the idempotency key are the host's: naming one is denied.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a body of that content type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// With a JSON body.
    ///
    /// # Panics
    /// Where the value cannot be JSON: a map whose keys are neither texts nor numbers.
    #[must_use]
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        let body = serde_json::to_vec(value).expect("the body of a request must be a value that JSON can hold");
        self.body("application/json", body)
    }
}

impl Response {
    /// True for a status from 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Goes on with a 2xx answer, and refuses any other.
    ///
    /// # Errors
    /// The [`refusal`](Self::refusal).
    pub fn ok(self) -> Result<Self, Failure> {
        if self.is_success() { Ok(self) } else { Err(self.refusal("a call failed")) }
    }

    /// The rejection that this answer deserves: what was called, the status, and the beginning of
    /// the body.
    #[must_use]
    pub fn refusal(&self, what: &str) -> Failure {
        Failure::reject(format!("{what}: the ERP answered {}: {}", self.status, self.excerpt()))
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// A rejection that says what does not fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::reject(format!("the ERP's answer is not what was expected ({error}): {}", self.excerpt())))
    }

    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn excerpt(&self) -> String {
        // A character has at most four bytes, so this much of the body holds the excerpt.
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(4 * EXCERPT + 4)]);
        let mut excerpt: String = text.trim().chars().take(EXCERPT).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if excerpt.is_empty() {
            excerpt.push_str("(no body)");
        } else if text.trim().chars().nth(EXCERPT).is_some() {
            excerpt.push('…');
        }
        excerpt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response { status, headers: vec![("etag".into(), "7".into())], body: body.into() }
    }

    #[test]
    fn a_request_is_built_step_by_step() {
        let request = Request::post("erp", "/orders").header("if-match", "7").json(&serde_json::json!({ "number": 1 }));
        assert_eq!((request.connection.as_str(), request.method.as_str(), request.path.as_str()), ("erp", "POST", "/orders"));
        assert_eq!(request.headers, [("if-match".into(), "7".into()), ("content-type".into(), "application/json".into())]);
        assert_eq!(request.body.as_deref(), Some(br#"{"number":1}"#.as_slice()));
        assert_eq!(Request::get("erp", "/orders").body, None);
    }

    #[test]
    fn a_2xx_goes_on_and_anything_else_is_refused_with_its_words() {
        assert!(answer(204, "").ok().is_ok());
        for status in [199, 300, 404, 500] {
            assert!(answer(status, "").ok().is_err(), "{status}");
        }
        let refusal = answer(422, "{\"error\":\"unknown\n SKU\"}").refusal("ship/shp_001");
        assert_eq!(refusal, Failure::reject("ship/shp_001: the ERP answered 422: {\"error\":\"unknown  SKU\"}"));
        assert_eq!(answer(404, "").refusal("x"), Failure::reject("x: the ERP answered 404: (no body)"));
    }

    #[test]
    fn an_excerpt_is_bounded_and_never_splits_a_character() {
        assert_eq!(answer(400, "€".repeat(EXCERPT)).excerpt(), "€".repeat(EXCERPT));
        assert_eq!(answer(400, "€".repeat(100_000)).excerpt(), "€".repeat(EXCERPT) + "…");
        assert_eq!(answer(400, [0xff, b'x']).excerpt(), "\u{fffd}x");
    }

    #[test]
    fn an_answer_is_read_as_json() {
        assert_eq!(answer(200, "[1,2]").json(), Ok(vec![1, 2]));
        assert!(matches!(answer(200, "<html>").json::<Vec<u8>>(), Err(Failure::Reject(why)) if why.ends_with(": <html>")));
        assert_eq!(answer(200, "").header("etag"), Some("7"));
    }

    #[test]
    fn a_fresh_step_carries_the_attempt() {
        assert_eq!(fresh(&Delivery { attempt: 2, ..Delivery::default() }, "state"), "state#2");
    }

    #[test]
    fn values_are_encoded_for_a_path() {
        assert_eq!(encode("SO 1/2?é"), "SO%201%2F2%3F%C3%A9");
        assert_eq!(encode("TEE-BLU_M.1~"), "TEE-BLU_M.1~");
    }
}
