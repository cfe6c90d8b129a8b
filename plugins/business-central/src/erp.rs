//! The API v2.0: reads, changes, postings, and what an answer means.

use mortar_sdk::{Delivery, Failure, Json, Request, Response, Settlement, Steps, call, call_or_settle, config, encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::map::refusal;
use crate::map::settings::Settings;

/// More looks than any parcel or receipt needs; what takes more goes round in circles.
pub(crate) const LOOKS: usize = 8;

/// Business Central, for one attempt of a delivery.
pub(crate) struct Erp<'a> {
    pub(crate) settings: Settings,
    pub(crate) delivery: &'a Delivery,
    steps: Steps<'a>,
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
        Ok(Self { settings: config()?, delivery, steps: Steps::new(delivery) })
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
        let name = self.steps.fresh(step);
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
        let name = self.steps.fresh(step);
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

    /// The answer of a step that is no refusal.
    fn first_success(&self, step: &str, ask: impl Fn(&str) -> Result<Response, Failure>) -> Result<Response, Failure> {
        let answer = self.steps.first(step, ask, |answer| !answer.is_success())?;
        if answer.is_success() { Ok(answer) } else { Err(self.failure(step, &answer)) }
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

    fn failure(&self, step: &str, answer: &Response) -> Failure {
        let (mends, words) = refusal::read(answer.status, &answer.body);
        let said = format!("{step}: Business Central answered {}: {words}", answer.status);
        match mends.failure(self.delivery, said.as_str()) {
            Failure::Reject(said) => Failure::reject(format!("{said}. Mend that in Business Central or in plugin.toml, then replay")),
            Failure::Retry(_) if answer.status == 401 => {
                Failure::retry(format!("{said}. Mend the credentials of the connection `{}`", self.settings.connection))
            }
            retry => retry,
        }
    }
}

/// Records kept being changed by somebody else.
pub(crate) fn contended(what: &str) -> Failure {
    Failure::retry(format!("somebody else keeps changing {what} in Business Central"))
}
