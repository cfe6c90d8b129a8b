//! SuiteTalk REST: SuiteQL, writes, and what an answer means.
//!
//! NetSuite honours its idempotency key only for requests that it answers later
//! (`Prefer: respond-async`), so each record is made under an external id instead, and whether it is
//! there is asked by that.

use std::cell::RefCell;
use std::collections::BTreeMap;

use mortar_sdk::{Delivery, Failure, Request, Response, Settlement, call, call_or_settle, config, fresh, json};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::map::refusal::{self, Meaning};
use crate::map::settings::Settings;

/// Rows that NetSuite gives at once, at most.
const PAGE: usize = 1000;

/// A fault of NetSuite's own is seldom mended by a retry: a delivery's fifth attempt takes it for an
/// answer.
const ATTEMPTS_AT_A_FAULT: u32 = 5;

/// NetSuite, for one attempt of a delivery.
pub(crate) struct Erp<'a> {
    pub(crate) settings: Settings,
    pub(crate) delivery: &'a Delivery,
    /// How often each name was given to a step of this attempt.
    names: RefCell<BTreeMap<String, u32>>,
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
        Ok(Self { settings: config()?, delivery, names: RefCell::default() })
    }

    /// The rows that a query finds now.
    pub(crate) fn query<T: DeserializeOwned>(&self, step: &str, sql: &str) -> Result<Vec<T>, Failure> {
        let mut rows = Vec::new();
        loop {
            let name = self.name(step);
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

    /// The answer of a step that is no refusal. A refusal stands under its step's name for ever, so each
    /// attempt may try under one more name.
    fn first_success(&self, step: &str, ask: impl Fn(&str) -> Result<Response, Failure>) -> Result<Response, Failure> {
        let mut refused = Failure::retry(format!("{step}: the delivery has had no attempt yet"));
        for number in 1..=self.delivery.attempt {
            let name = if number == 1 { step.to_owned() } else { format!("{step} ({number})") };
            let answer = ask(&name)?;
            if answer.is_success() {
                return Ok(answer);
            }
            refused = self.failure(&name, &answer);
        }
        Err(refused)
    }

    /// Writes what may well be written twice.
    pub(crate) fn set(&self, step: &str, request: &Request) -> Result<(), Failure> {
        let name = self.name(step);
        let answer = call_or_settle(&name, request, |_| Ok(Settlement::Resend))?;
        if answer.is_success() { Ok(()) } else { Err(self.failure(&name, &answer)) }
    }

    /// A name of this attempt alone.
    fn name(&self, step: &str) -> String {
        let mut names = self.names.borrow_mut();
        let times = names.entry(step.to_owned()).or_default();
        *times += 1;
        fresh(self.delivery, &if *times == 1 { step.to_owned() } else { format!("{step} ({times})") })
    }

    fn failure(&self, step: &str, answer: &Response) -> Failure {
        let (meaning, words) = refusal::read(answer.status, &answer.body);
        let said = format!("{step}: NetSuite answered {}: {words}", answer.status);
        match meaning {
            Meaning::Passes => Failure::retry(said),
            Meaning::Fault if self.delivery.attempt < ATTEMPTS_AT_A_FAULT => Failure::retry(said),
            Meaning::Credentials => Failure::retry(format!(
                "{said}. Mend the credentials of the connections `{}` and `{}`",
                self.settings.connection, self.settings.query_connection
            )),
            Meaning::Fault | Meaning::Refused => Failure::reject(format!("{said}. Mend that in NetSuite or in plugin.toml, then replay")),
        }
    }
}
