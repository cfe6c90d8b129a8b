//! The played connector: real rules, scripted answers.

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

pub(super) struct Stage {
    rules: Connections,
    script: Script,
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
    pub(super) fn new(rules: Connections, script: Script, clock: Arc<dyn Clock>) -> Self {
        Self { rules, script, clock, noted: Mutex::default() }
    }

    pub(super) fn making(&self, step: &str) {
        step.clone_into(&mut self.noted().step);
    }

    pub(super) fn writing(&self, key: &str) {
        self.noted().keys.insert(key.to_owned());
    }

    /// True once, where the handler is to be run again.
    pub(super) fn once_more(&self) -> bool {
        self.script.fault == Some(Fault::Again) && !std::mem::replace(&mut self.noted().again, true)
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

    fn play(&self, request: &Request) -> Result<Response, SendError> {
        self.rules.check(request)?;
        let manners = self.rules.manners(&request.connection, &request.method);
        let (keyed, safe) = manners.map_or((false, false), |manners| (manners.idempotent, manners.safe));
        let mut noted = self.noted();
        let (nth, step) = (noted.sent.len(), noted.step.clone());
        let canned = match self.script.fault {
            Some(Fault::Unavailable(at)) if at == nth => Canned::Unavailable,
            Some(Fault::Lost(at)) if at == nth => Canned::Lost,
            _ => {
                let used = noted.answered.entry(step.clone()).or_default();
                *used += 1;
                self.script.answer(&step, request, *used - 1)
            }
        };
        let result = match canned {
            Canned::Answer(answer) => answer_to(request, answer, self.clock.now()),
            Canned::Lost => Err(SendError::Lost("the answer is lost, as the case says".into())),
            Canned::Unavailable => {
                Err(SendError::NotSent { reason: "the ERP cannot be reached, as the case says".into(), after: None, spent: true })
            }
        };
        let applied = !matches!(result, Err(SendError::NotSent { .. }));
        noted.sent.push(Sent { step, request: request.clone(), keyed, safe, applied });
        result
    }
}

impl Connector for Stage {
    fn manners(&self, connection: &str, method: &str) -> Option<Manners> {
        self.rules.manners(connection, method)
    }

    fn retry(&self, connection: &str) -> Option<RetryPolicy> {
        self.rules.retry(connection)
    }

    fn patience(&self, connection: &str) -> Duration {
        self.rules.patience(connection)
    }

    fn check(&self, request: &Request) -> Result<(), SendError> {
        self.rules.check(request)
    }

    fn send<'a>(&'a self, request: &'a Request, _: &'a str) -> BoxFuture<'a, Result<Response, SendError>> {
        Box::pin(std::future::ready(self.play(request)))
    }
}
