//! What an answer of Vendure's means: its HTTP status is 200 whatever happened.

use mortar_sdk::graphql::{self, Refused};
use mortar_sdk::{Json, Mends, Response};

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct No {
    /// `errorCode` of a result, or `extensions.code`.
    pub(crate) code: String,
    pub(crate) words: String,
    pub(crate) mends: Mends,
}

/// What a field of an answer holds.
pub(crate) fn field(answer: &Response, name: &str) -> Result<Json, No> {
    let data = graphql::data(answer).map_err(|refused| No::from(&refused))?;
    let value = data.get(name).cloned().unwrap_or_default();
    match value["errorCode"].as_str() {
        None => Ok(value),
        Some(code) => {
            let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
            let more = Some(text("transitionError")).filter(|more| !more.is_empty()).unwrap_or_else(|| text("message"));
            let mends = if code == "INSUFFICIENT_STOCK_ON_HAND_ERROR" { Mends::Time } else { Mends::Nothing };
            Err(No { code: code.to_owned(), words: format!("{code}: {more}"), mends })
        }
    }
}

impl From<&Refused> for No {
    fn from(refused: &Refused) -> Self {
        let code = refused.code.clone().unwrap_or_default();
        let mends = match (code.as_str(), refused.status) {
            ("FORBIDDEN" | "UNAUTHORIZED" | "UNAUTHENTICATED", _) | (_, 401 | 403) => Mends::Time,
            ("" | "INTERNAL_SERVER_ERROR", 200) | (_, 500..) => Mends::Maybe,
            _ => Mends::Nothing,
        };
        Self { code, words: refused.words.clone(), mends }
    }
}

#[cfg(test)]
mod tests {
    use mortar_sdk::json;

    use super::*;

    fn read(status: u16, body: &Json) -> Result<Json, (String, Mends)> {
        let answer = Response { status, headers: Vec::new(), body: body.to_string().into_bytes() };
        field(&answer, "x").map_err(|no| (no.code, no.mends))
    }

    #[test]
    fn an_answer_is_what_it_says_and_not_its_status() {
        let error = |code: &str| json!({ "errors": [{ "message": "no", "extensions": { "code": code } }], "data": null });
        let result = |code: &str| json!({ "data": { "x": { "errorCode": code, "message": "no" } } });
        let no = |code: &str, mends| Err((code.to_owned(), mends));
        assert_eq!(read(200, &json!({ "data": { "x": { "id": "1" } } })), Ok(json!({ "id": "1" })));
        assert_eq!(read(200, &json!({ "data": { "x": null } })), Ok(Json::Null));
        for (status, body, code, mends) in [
            (200, error("FORBIDDEN"), "FORBIDDEN", Mends::Time),
            (200, error("INTERNAL_SERVER_ERROR"), "INTERNAL_SERVER_ERROR", Mends::Maybe),
            (200, json!({ "errors": [{ "message": "no" }] }), "", Mends::Maybe),
            (200, error("ENTITY_NOT_FOUND"), "ENTITY_NOT_FOUND", Mends::Nothing),
            (400, error("GRAPHQL_VALIDATION_FAILED"), "GRAPHQL_VALIDATION_FAILED", Mends::Nothing),
            (500, json!("down"), "", Mends::Maybe),
            (404, json!("where?"), "", Mends::Nothing),
            (403, json!("no"), "", Mends::Time),
            (200, result("INSUFFICIENT_STOCK_ON_HAND_ERROR"), "INSUFFICIENT_STOCK_ON_HAND_ERROR", Mends::Time),
            (200, result("ITEMS_ALREADY_FULFILLED_ERROR"), "ITEMS_ALREADY_FULFILLED_ERROR", Mends::Nothing),
        ] {
            assert_eq!(read(status, &body), no(code, mends), "{status} {body}");
        }
    }
}
