//! Tryton's REST interface: reads, actions and what an answer means.
//!
//! Reads and whatever does no harm when it is done twice (a transition that Tryton refuses the second
//! time, a field set to the same value) are asked afresh on each attempt. Only what makes a new
//! record is a step of its own that a retry never repeats: its answer may have been lost, and Tryton
//! knows no idempotency key.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use mortar_sdk::{Delivery, Failure, Json, Mends, Request, Response, Steps, call, config, json};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::map::query::{Query, context, path};
use crate::map::record::{Named, Stated};
use crate::map::settings::Settings;

/// Tryton, for one attempt of a delivery.
pub(crate) struct Erp<'a> {
    pub(crate) settings: Settings,
    delivery: &'a Delivery,
    steps: Steps<'a>,
    /// What was listed in this attempt, by model.
    lists: RefCell<BTreeMap<&'static str, Rc<[Named]>>>,
}

impl<'a> Erp<'a> {
    pub(crate) fn new(delivery: &'a Delivery) -> Result<Self, Failure> {
        Ok(Self { settings: config()?, delivery, steps: Steps::new(delivery), lists: RefCell::default() })
    }

    /// The records that a query finds.
    pub(crate) fn search<T: DeserializeOwned>(&self, step: &str, query: &Query<'_>) -> Result<Vec<T>, Failure> {
        self.answer(step, &self.get(query))?.json()
    }

    /// All records of a small model, read once in an attempt.
    pub(crate) fn list(&self, model: &'static str, fields: &[&str]) -> Result<Rc<[Named]>, Failure> {
        if let Some(list) = self.lists.borrow().get(model) {
            return Ok(list.clone());
        }
        let query = Query { model, domain: json!([]), fields, locations: &[] };
        let list: Rc<[Named]> = self.search::<Named>(&format!("list {model}"), &query)?.into();
        self.lists.borrow_mut().insert(model, list.clone());
        Ok(list)
    }

    /// What a query finds first, as Tryton answered it; none where nothing is found. For a step that is in doubt.
    pub(crate) fn find(&self, step: &str, query: &Query<'_>) -> Result<Option<Response>, Failure> {
        let answer = self.answer(step, &self.get(query))?;
        let found: Vec<Json> = answer.json()?;
        Ok(found.first().map(|record| Response { body: record.to_string().into_bytes(), ..answer }))
    }

    /// One record.
    pub(crate) fn read<T: DeserializeOwned>(&self, step: &str, model: &str, id: i64, fields: &[&str]) -> Result<T, Failure> {
        self.read_raw(step, model, id, fields)?.json()
    }

    /// The same, as Tryton answered it.
    pub(crate) fn read_raw(&self, step: &str, model: &str, id: i64, fields: &[&str]) -> Result<Response, Failure> {
        self.answer(step, &self.request("GET", &path(&format!("{model}/{id}"), None, fields)))
    }

    /// Sets fields of a record, to values that may well be set twice, and reads it.
    pub(crate) fn put<T: DeserializeOwned>(&self, step: &str, model: &str, id: i64, body: &Json, fields: &[&str]) -> Result<T, Failure> {
        self.answer(step, &self.request("PUT", &path(&format!("{model}/{id}"), None, fields)).json(body))?.json()
    }

    /// Lets a record make a transition, and reads it. Where it is in that state or beyond already,
    /// Tryton refuses, and what it says now is as good. Its warnings are for people: where goods have
    /// moved, they have.
    pub(crate) fn act<T: Stated>(&self, step: &str, model: &str, before: &T, action: &str, fields: &[&str]) -> Result<T, Failure> {
        let id = before.id();
        let header = context(self.settings.company, &[], true);
        let request = Request::post(&self.settings.connection, path(&format!("{model}/{id}/{action}"), None, fields));
        let answer = call(&self.steps.fresh(step), &request.header("X-Tryton-Context", header).json(&json!({})))?;
        if answer.is_success() {
            return answer.json();
        }
        let refusal = self.refusal(step, &answer);
        if !is_out_of_turn(&answer) {
            return Err(refusal);
        }
        let now: T = self.read(&format!("{step} (again)"), model, id, fields)?;
        if now.state() == before.state() { Err(refusal) } else { Ok(now) }
    }

    /// Makes a record, or whatever must not be made twice, and reads it. Where the answer was lost,
    /// `look` says whether it is there.
    pub(crate) fn create<T: DeserializeOwned>(
        &self,
        step: &str,
        request: &Request,
        look: impl Fn() -> Result<Option<Response>, Failure>,
    ) -> Result<T, Failure> {
        let answer = self.steps.once(step, request, look, |answer| !answer.is_success() && mends(answer.status) != Mends::Nothing)?;
        if answer.is_success() { answer.json() } else { Err(self.refusal(step, &answer)) }
    }

    /// A request with what Tryton wants to know with each.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        let header = context(self.settings.company, &[], false);
        Request::new(method, &self.settings.connection, path).header("X-Tryton-Context", header)
    }

    fn get(&self, query: &Query<'_>) -> Request {
        let header = context(self.settings.company, query.locations, false);
        Request::get(&self.settings.connection, path(query.model, Some(&query.domain), query.fields)).header("X-Tryton-Context", header)
    }

    fn answer(&self, step: &str, request: &Request) -> Result<Response, Failure> {
        let answer = call(&self.steps.fresh(step), request)?;
        if answer.is_success() { Ok(answer) } else { Err(self.refusal(step, &answer)) }
    }

    fn refusal(&self, step: &str, answer: &Response) -> Failure {
        let Failure::Reject(why) = answer.refusal(step) else { unreachable!("a refusal rejects") };
        let why = match answer.status {
            401 => format!("Tryton does not accept the key of the connection `{}`: {why}", self.settings.connection),
            _ => why,
        };
        mends(answer.status).failure(self.delivery, why)
    }
}

/// What turns an answer of this status into another one.
fn mends(status: u16) -> Mends {
    match status {
        401 => Mends::Time,
        500.. => Mends::Maybe,
        _ => Mends::Nothing,
    }
}

/// True where Tryton says that the record is in another state than the action starts from.
fn is_out_of_turn(answer: &Response) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    answer.status == 400 && answer.json::<Refusal>().is_ok_and(|refusal| refusal.message.starts_with("You can not call"))
}

/// The only one of the records that were found.
pub(crate) fn one<T>(mut found: Vec<T>, what: &str) -> Result<T, Failure> {
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Failure::reject(format!("Tryton has no {what}"))),
        several => Err(Failure::reject(format!("Tryton has {several} {what}: which one is meant?"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::settings::shipped;

    fn answer(status: u16, body: &str) -> Response {
        Response { status, headers: Vec::new(), body: body.into() }
    }

    #[test]
    fn an_answer_is_a_retry_only_where_time_or_an_operator_mends_it() {
        let refusal = |attempt, status| {
            let delivery = Delivery { attempt, ..Delivery::default() };
            let erp = Erp { settings: shipped(), delivery: &delivery, steps: Steps::new(&delivery), lists: RefCell::default() };
            matches!(erp.refusal("step", &answer(status, "no")), Failure::Retry(_))
        };
        for (attempt, status, retry) in [
            (1, 401, true),
            (100, 401, true),
            (1, 500, true),
            (4, 500, true),
            (5, 500, false),
            (1, 400, false),
            (1, 403, false),
            (1, 404, false),
        ] {
            assert_eq!(refusal(attempt, status), retry, "{status} at attempt {attempt}");
        }
    }

    #[test]
    fn only_an_action_out_of_turn_may_have_been_done_before() {
        let refused = r#"{"status": 400, "message": "You can not call \"do\" on \"1\" of \"Stock Shipment Out\".", "description": ""}"#;
        assert!(is_out_of_turn(&answer(400, refused)));
        assert!(!is_out_of_turn(&answer(403, refused)));
        assert!(!is_out_of_turn(&answer(400, r#"{"message": "A value is required"}"#)));
        assert!(!is_out_of_turn(&answer(400, "<html>")));
    }

    #[test]
    fn one_is_neither_none_nor_several() {
        assert_eq!(one(vec![7], "sale"), Ok(7));
        assert_eq!(one(Vec::<u8>::new(), "sale"), Err(Failure::reject("Tryton has no sale")));
        assert!(matches!(one(vec![1, 2], "sale"), Err(Failure::Reject(why)) if why.contains("2 sale")));
    }
}
