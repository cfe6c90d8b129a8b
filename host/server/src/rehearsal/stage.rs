//! The connector of a rehearsal: real rules, and answers by a script or by the ERP itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mortar_connect::{Connections, answer_to};
use mortar_core::call::{Request, Response};
use mortar_core::ports::{BoxFuture, Clock, Connector, Manners, SendError};
use mortar_core::retry::RetryPolicy;

use super::{Canned, Fault, Keys, Script};

/// A request that left the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The step that it belongs to.
    pub step: String,
    /// The request.
    pub request: Request,
    /// True where the connection carries idempotency keys.
    pub keyed: bool,
    /// True where it changes nothing.
    pub safe: bool,
    /// True where the ERP did what it was asked to, as far as an ERP that is played can.
    pub applied: bool,
}

/// Who answers.
pub(super) enum Erp {
    /// A script; nothing is sent.
    Played(Script),
    /// The ERP that the connections lead to.
    Real,
}

pub(super) struct Stage {
    rules: Arc<Connections>,
    erp: Erp,
    clock: Arc<dyn Clock>,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    /// The step that is being made.
    step: String,
    sent: Vec<Sent>,
    /// How many scripted answers each step has had.
    answered: BTreeMap<String, usize>,
    keys: Keys,
    /// True once the handler was run again.
    again: bool,
}

impl Stage {
    pub(super) fn new(rules: Arc<Connections>, erp: Erp, clock: Arc<dyn Clock>) -> Self {
        Self { rules, erp, clock, noted: Mutex::default() }
    }

    pub(super) fn making(&self, step: &str) {
        step.clone_into(&mut self.noted().step);
    }

    pub(super) fn writing(&self, key: &str) {
        self.noted().keys.insert(key.to_owned());
    }

    /// True once, where the handler is to be run again.
    pub(super) fn once_more(&self) -> bool {
        let again = matches!(&self.erp, Erp::Played(script) if script.fault == Some(Fault::Again));
        again && !std::mem::replace(&mut self.noted().again, true)
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.noted().sent.clone()
    }

    pub(super) fn keys(&self) -> Keys {
        self.noted().keys.clone()
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the script says.
    fn play(&self, script: &Script, request: &Request) -> Result<Response, SendError> {
        self.rules.check(request)?;
        let canned = {
            let mut noted = self.noted();
            let (nth, step) = (noted.sent.len(), noted.step.clone());
            match script.fault {
                Some(Fault::Unavailable(at)) if at == nth => Canned::Unavailable,
                Some(Fault::Lost(at)) if at == nth => Canned::Lost,
                _ => {
                    let used = noted.answered.entry(step.clone()).or_default();
                    *used += 1;
                    script.answer(&step, request, *used - 1)
                }
            }
        };
        let result = match canned {
            Canned::Answer(answer) => answer_to(request, answer, self.clock.now()),
            Canned::Lost => Err(SendError::Lost("the answer is lost, as the case says".into())),
            Canned::Unavailable => {
                Err(SendError::NotSent { reason: "the ERP cannot be reached, as the case says".into(), after: None, spent: true })
            }
        };
        self.note(request, &result);
        result
    }

    fn note(&self, request: &Request, result: &Result<Response, SendError>) {
        let manners = self.rules.manners(&request.connection, &request.method);
        let (keyed, safe) = manners.map_or((false, false), |manners| (manners.idempotent, manners.safe));
        let applied = !matches!(result, Err(SendError::NotSent { .. }));
        let mut noted = self.noted();
        let step = noted.step.clone();
        noted.sent.push(Sent { step, request: request.clone(), keyed, safe, applied });
    }
}

impl Connector for Stage {
    fn manners(&self, connection: &str, method: &str) -> Option<Manners> {
        self.rules.manners(connection, method)
    }

    fn retry(&self, connection: &str) -> Option<&RetryPolicy> {
        self.rules.retry(connection)
    }

    fn patience(&self, connection: &str) -> Duration {
        self.rules.patience(connection)
    }

    fn check(&self, request: &Request) -> Result<(), SendError> {
        self.rules.check(request)
    }

    fn send<'a>(&'a self, request: &'a Request, key: &'a str) -> BoxFuture<'a, Result<Response, SendError>> {
        match &self.erp {
            Erp::Played(script) => Box::pin(std::future::ready(self.play(script, request))),
            Erp::Real => Box::pin(async move {
                let result = self.rules.send(request, key).await;
                self.note(request, &result);
                result
            }),
        }
    }
}
