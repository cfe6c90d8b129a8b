//! SuiteTalk REST: SuiteQL, writes, and what an answer means.
//!
//! NetSuite honours its idempotency key only for requests that it answers later
//! (`Prefer: respond-async`), so each record is made under an external id instead, and whether it is
//! there is asked by that.

use mortar_sdk::{Delivery, Failure, Request, Response, Settlement, Steps, call, call_or_settle, config, json};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::map::refusal;
use crate::map::settings::Settings;

/// Rows that NetSuite gives at once, at most.
const PAGE: usize = 1000;

/// NetSuite, for one attempt of a delivery.
pub(crate) struct Erp<'a> {
    pub(crate) settings: Settings,
    pub(crate) delivery: &'a Delivery,
    steps: Steps<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    items: Vec<T>,
    #[serde(default)]
    has_more: bool,
}

impl<'a> Erp<'a> {
    pub(crate) fn new(delivery: &'a Delivery) -> Result<Self, Failure> {
        Ok(Self { settings: config()?, delivery, steps: Steps::new(delivery) })
    }

    /// The rows that a query finds now.
    pub(crate) fn query<T: DeserializeOwned>(&self, step: &str, sql: &str) -> Result<Vec<T>, Failure> {
        let mut rows = Vec::new();
        loop {
            let name = self.steps.fresh(step);
            let answer = call(&name, &self.suiteql(sql, rows.len()))?;
            if !answer.is_success() {
                return Err(self.failure(&name, &answer));
            }
            let page: Page<T> = answer.json()?;
            rows.extend(page.items);
            if !page.has_more {
                return Ok(rows);
            }
        }
    }

    /// The first page of rows that a query found when this delivery first asked it.
    pub(crate) fn query_once<T: DeserializeOwned>(&self, step: &str, sql: &str) -> Result<Vec<T>, Failure> {
        let answer = self.first_success(step, |name| Ok(call(name, &self.suiteql(sql, 0))?))?;
        Ok(answer.json::<Page<T>>()?.items)
    }

    fn suiteql(&self, sql: &str, offset: usize) -> Request {
        let path = format!("/suiteql?limit={PAGE}&offset={offset}");
        Request::post(&self.settings.query_connection, path).header("prefer", "transient").json(&json!({ "q": sql }))
    }

    /// Makes a record. Where the answer was lost, or says that it cannot be, `is_there` says whether
    /// it is there.
    pub(crate) fn create(&self, step: &str, request: &Request, is_there: impl Fn() -> Result<bool, Failure>) -> Result<(), Failure> {
        self.first_success(step, |name| {
            let made = Response { status: 204, headers: Vec::new(), body: Vec::new() };
            let look = |_| Ok(if is_there()? { Settlement::Answered(made.clone()) } else { Settlement::Resend });
            let answer = call_or_settle(name, request, look)?;
            Ok(if answer.is_success() || !is_there()? { answer } else { made.clone() })
        })?;
        Ok(())
    }

    /// The answer of a step that is no refusal.
    fn first_success(&self, step: &str, ask: impl Fn(&str) -> Result<Response, Failure>) -> Result<Response, Failure> {
        let answer = self.steps.first(step, ask, |answer| !answer.is_success())?;
        if answer.is_success() { Ok(answer) } else { Err(self.failure(step, &answer)) }
    }

    /// Writes what may well be written twice.
    pub(crate) fn set(&self, step: &str, request: &Request) -> Result<(), Failure> {
        let name = self.steps.fresh(step);
        let answer = call_or_settle(&name, request, |_| Ok(Settlement::Resend))?;
        if answer.is_success() { Ok(()) } else { Err(self.failure(&name, &answer)) }
    }

    fn failure(&self, step: &str, answer: &Response) -> Failure {
        let (mends, words) = refusal::read(answer.status, &answer.body);
        let said = format!("{step}: NetSuite answered {}: {words}", answer.status);
        match mends.failure(self.delivery, said.as_str()) {
            Failure::Reject(said) => Failure::reject(format!("{said}. Mend that in NetSuite or in plugin.toml, then replay")),
            Failure::Retry(_) if answer.status == 401 => Failure::retry(format!(
                "{said}. Mend the credentials of the connections `{}` and `{}`",
                self.settings.connection, self.settings.query_connection
            )),
            retry => retry,
        }
    }
}
