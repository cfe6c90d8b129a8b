//! What an answer of Shopify's means: its HTTP status is 200 for most of what goes wrong.

use std::time::Duration;

use mortar_sdk::graphql::{self, Refused};
use mortar_sdk::{Json, Mends, Response};
use serde::Deserialize;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct No {
    pub(crate) words: String,
    pub(crate) mends: Mends,
}

/// What a field of an answer holds.
pub(crate) fn field(answer: &Response, name: &str) -> Result<Json, No> {
    let data = graphql::data(answer).map_err(|refused| no(&refused, answer))?;
    // A field that is null without an error: nothing has that id.
    let Some(value) = data.get(name).filter(|value| !value.is_null()) else {
        return Err(No { words: format!("its answer has no `{name}`: {data}"), mends: Mends::Nothing });
    };
    let errors = ["userErrors", "orderCancelUserErrors"].into_iter().filter_map(|key| value[key].as_array()).flatten();
    let errors: Vec<_> = errors.filter_map(|error| UserError::deserialize(error).ok()).collect();
    if errors.is_empty() {
        return Ok(value.clone());
    }
    // What another request that was quicker has changed, is read again.
    let passes = |error: &UserError| matches!(error.code.as_deref(), Some("CHANGE_FROM_QUANTITY_STALE" | "IDEMPOTENCY_CONCURRENT_REQUEST"));
    let mends = if errors.iter().all(passes) { Mends::Time } else { Mends::Nothing };
    Err(No { words: errors.iter().map(UserError::words).collect::<Vec<_>>().join("; "), mends })
}

#[derive(Deserialize)]
struct UserError {
    field: Option<Vec<String>>,
    message: String,
    code: Option<String>,
}

impl UserError {
    fn words(&self) -> String {
        let place = self.field.as_ref().map_or_else(String::new, |field| format!(" ({})", field.join(".")));
        let code = self.code.as_deref().map_or_else(String::new, |code| format!("{code}: "));
        format!("{code}{}{place}", self.message)
    }
}

fn no(refused: &Refused, answer: &Response) -> No {
    let mends = match (refused.code.as_deref(), refused.status) {
        (Some("THROTTLED"), _) => Mends::After(wait(answer)),
        // The token, its scopes, or a shop that is locked or has not paid.
        (Some("ACCESS_DENIED" | "SHOP_INACTIVE"), _) | (_, 401 | 402 | 403 | 423 | 430) => Mends::Time,
        (Some("INTERNAL_SERVER_ERROR"), _) | (_, 500..) => Mends::Maybe,
        _ => Mends::Nothing,
    };
    No { words: refused.words.clone(), mends }
}

/// How long it takes until what was asked can be paid for.
fn wait(answer: &Response) -> Duration {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Cost {
        requested_query_cost: f64,
        throttle_status: Status,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Status {
        currently_available: f64,
        restore_rate: f64,
    }
    let body: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
    let cost = Cost::deserialize(&body["extensions"]["cost"]).unwrap_or_default();
    let missing = cost.requested_query_cost - cost.throttle_status.currently_available;
    let seconds = (missing / cost.throttle_status.restore_rate.max(1.0)).clamp(1.0, 60.0);
    Duration::from_secs_f64(seconds)
}

#[cfg(test)]
mod tests {
    use mortar_sdk::json;

    use super::*;

    fn read(status: u16, body: &Json) -> Result<Json, Mends> {
        field(&Response { status, headers: Vec::new(), body: body.to_string().into_bytes() }, "x").map_err(|no| no.mends)
    }

    #[test]
    fn an_answer_is_what_it_says_and_not_its_status() {
        let error = |code: &str| json!({ "errors": [{ "message": "no", "extensions": { "code": code } }] });
        let done = json!({ "data": { "x": { "id": "1", "userErrors": [] } } });
        assert_eq!(read(200, &done), Ok(done["data"]["x"].clone()));
        let user =
            |key: &str, code: Option<&str>| json!({ "data": { "x": { key: [{ "field": ["a", "b"], "message": "no", "code": code }] } } });
        for (status, body, mends) in [
            (200, user("userErrors", None), Mends::Nothing),
            (200, user("orderCancelUserErrors", Some("INVALID")), Mends::Nothing),
            (200, user("userErrors", Some("CHANGE_FROM_QUANTITY_STALE")), Mends::Time),
            (200, error("ACCESS_DENIED"), Mends::Time),
            (401, json!({ "errors": "[API] Invalid API key or access token" }), Mends::Time),
            (402, json!({ "errors": "Payment Required" }), Mends::Time),
            (200, error("INTERNAL_SERVER_ERROR"), Mends::Maybe),
            (500, json!("down"), Mends::Maybe),
            (200, error("undefinedField"), Mends::Nothing),
            (200, error("MAX_COST_EXCEEDED"), Mends::Nothing),
            (404, json!({ "errors": "Not Found" }), Mends::Nothing),
            (200, json!({ "data": { "x": null } }), Mends::Nothing),
            (200, json!({ "data": { "y": {} } }), Mends::Nothing),
        ] {
            assert_eq!(read(status, &body), Err(mends), "{status} {body}");
        }
    }

    #[test]
    fn who_asks_too_much_waits_as_long_as_it_takes() {
        let throttled = |requested: f64, available: f64, rate: f64| {
            let status = json!({ "maximumAvailable": 2000, "currentlyAvailable": available, "restoreRate": rate });
            let cost = json!({ "requestedQueryCost": requested, "actualQueryCost": null, "throttleStatus": status });
            read(
                200,
                &json!({ "errors": [{ "message": "Throttled", "extensions": { "code": "THROTTLED" } }], "extensions": { "cost": cost } }),
            )
        };
        let after = |seconds| Err(Mends::After(Duration::from_secs(seconds)));
        assert_eq!(throttled(752.0, 152.0, 100.0), after(6));
        assert_eq!(throttled(10.0, 9.0, 100.0), after(1));
        assert_eq!(throttled(1000.0, 0.0, 0.0), after(60));
    }

    #[test]
    fn what_shopify_says_is_told() {
        let body =
            json!({ "data": { "x": { "userErrors": [{ "field": ["input", "quantities"], "message": "Too many", "code": "BAD" }] } } });
        let answer = Response { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() };
        assert_eq!(field(&answer, "x").unwrap_err().words, "BAD: Too many (input.quantities)");
        let nothing = Response { status: 200, headers: Vec::new(), body: br#"{"data":{"x":null}}"#.into() };
        assert_eq!(field(&nothing, "x").unwrap_err().words, r#"its answer has no `x`: {"x":null}"#);
    }
}
