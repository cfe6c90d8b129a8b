//! The API v2.0: reads, changes, postings, and what an answer means.

use std::cell::RefCell;
use std::collections::BTreeMap;

use mortar_sdk::{Delivery, Failure, Json, Request, Response, Settlement, call, call_or_settle, config, encode, fresh};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::map::refusal::{self, Meaning};
use crate::map::settings::Settings;

/// More looks than any parcel or receipt needs; what takes more goes round in circles.
pub(crate) const LOOKS: usize = 8;

/// A fault of Business Central's own is seldom mended by a retry: a delivery's fifth attempt takes it
/// for an answer.
const ATTEMPTS_AT_A_FAULT: u32 = 5;

/// Business Central, for one attempt of a delivery.
pub(crate) struct Erp<'a> {
    pub(crate) settings: Settings,
    pub(crate) delivery: &'a Delivery,
    /// How often each name was given to a step of this attempt.
    names: RefCell<BTreeMap<String, u32>>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// It was made.
    Yes,
    /// Somebody else was faster: look again.
    Overtaken,
}

#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
}

impl<'a> Erp<'a> {
    pub(crate) fn new(delivery: &'a Delivery) -> Result<Self, Failure> {
        Ok(Self { settings: config()?, delivery, names: RefCell::default() })
    }

    /// The records of a set of the standard API that a filter finds now.
    pub(crate) fn list<T: DeserializeOwned>(&self, step: &str, set: &str, filter: &str, expand: &str) -> Result<Vec<T>, Failure> {
        self.listed(step, &self.standard(set), filter, expand)
    }

    /// The same, as they were when this delivery first asked.
    pub(crate) fn list_once<T: DeserializeOwned>(&self, step: &str, set: &str, filter: &str, expand: &str) -> Result<Vec<T>, Failure> {
        let request = self.query(&self.standard(set), filter, expand);
        Ok(self.first_success(step, |name| Ok(call(name, &request)?))?.json::<List<T>>()?.value)
    }

    /// The records of the set of the tracking page.
    pub(crate) fn list_tracking<T: DeserializeOwned>(&self, step: &str, filter: &str) -> Result<Vec<T>, Failure> {
        self.listed(step, &self.tracking(), filter, "")
    }

    fn listed<T: DeserializeOwned>(&self, step: &str, set: &str, filter: &str, expand: &str) -> Result<Vec<T>, Failure> {
        let name = self.name(step);
        let answer = call(&name, &self.query(set, filter, expand))?;
        if !answer.is_success() {
            return Err(self.failure(&name, &answer));
        }
        Ok(answer.json::<List<T>>()?.value)
    }

    fn query(&self, set: &str, filter: &str, expand: &str) -> Request {
        let expand = if expand.is_empty() { String::new() } else { format!("&$expand={expand}") };
        Request::get(&self.settings.connection, format!("{set}?$filter={}{expand}", encode(filter)))
    }

    /// Sets fields of a record that is as it was read, to values that may well be set twice.
    pub(crate) fn change(&self, step: &str, record: &str, etag: &str, body: &Json) -> Result<Changed, Failure> {
        let request = Request::patch(&self.settings.connection, record).header("if-match", etag).json(body);
        let name = self.name(step);
        let answer = call_or_settle(&name, &request, |_| Ok(Settlement::Resend))?;
        match answer.status {
            200..=299 => Ok(Changed::Yes),
            409 | 412 => Ok(Changed::Overtaken),
            _ => Err(self.failure(&name, &answer)),
        }
    }

    /// Does what must not be done twice. Where the answer was lost, or says that it failed, `is_done`
    /// says whether it was done.
    pub(crate) fn once(&self, step: &str, request: &Request, is_done: impl Fn() -> Result<bool, Failure>) -> Result<(), Failure> {
        self.first_success(step, |name| {
            let done = Response { status: 204, headers: Vec::new(), body: Vec::new() };
            let look = |_| Ok(if is_done()? { Settlement::Answered(done.clone()) } else { Settlement::Resend });
            let answer = call_or_settle(name, request, look)?;
            Ok(if answer.is_success() || !is_done()? { answer } else { done.clone() })
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

    /// A POST to a place of the standard API.
    pub(crate) fn post(&self, place: &str) -> Request {
        Request::post(&self.settings.connection, self.standard(place))
    }

    /// The path of a set or record of the standard API.
    pub(crate) fn standard(&self, place: &str) -> String {
        format!("/v2.0/companies({})/{place}", self.settings.company)
    }

    /// The path of the set of the tracking page.
    pub(crate) fn tracking(&self) -> String {
        format!("{}/companies({})/shipmentTrackings", self.settings.tracking_page, self.settings.company)
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
        let said = format!("{step}: Business Central answered {}: {words}", answer.status);
        match meaning {
            Meaning::Passes => Failure::retry(said),
            Meaning::Fault if self.delivery.attempt < ATTEMPTS_AT_A_FAULT => Failure::retry(said),
            Meaning::Credentials => {
                Failure::retry(format!("{said}. Mend the credentials of the connection `{}`", self.settings.connection))
            }
            Meaning::Fault | Meaning::Refused => {
                Failure::reject(format!("{said}. Mend that in Business Central or in plugin.toml, then replay"))
            }
        }
    }
}

/// Records kept being changed by somebody else.
pub(crate) fn contended(what: &str) -> Failure {
    Failure::retry(format!("somebody else keeps changing {what} in Business Central"))
}
