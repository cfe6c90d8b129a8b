//! What `confirm` asks of the host: reads. They always go to the ERP, and nothing of them is kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mortar_core::call::{CallError, Mail, Request, Response, Settlement, idempotency_key};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{Ending, PluginNo};
use mortar_core::ports::{BoxFuture, Host, JournalError, Plugin, PutError, SendError, StateEntry, StateWrite, StoredEvent};
use mortar_core::round_trip::Confirmation;

use crate::Ports;
use crate::steps::budget::{Budget, Refusal};
use crate::steps::told;

/// The host's side of one look at the ERP.
pub(crate) struct Reads {
    ports: Ports,
    no: PluginNo,
    plugin: Plugin,
    event: Arc<StoredEvent>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    budget: Budget,
    /// The limit that was broken.
    broken: Option<String>,
    unavailable: Option<Unavailable>,
}

#[derive(Clone, Copy)]
struct Unavailable {
    after: Option<Duration>,
    spent: bool,
}

impl Reads {
    pub(crate) fn new(ports: Ports, no: PluginNo, plugin: &Plugin, event: Arc<StoredEvent>) -> Self {
        Self { ports, no, plugin: plugin.clone(), event, inner: Mutex::default() }
    }

    /// What the look came to, as the host sees it.
    pub(crate) fn amend(&self, answer: Result<Confirmation, Ending>) -> Result<Confirmation, Ending> {
        let inner = self.inner();
        match (answer, &inner.broken, inner.unavailable) {
            (_, Some(reason), _) => Err(Ending::Refused { code: ErrorCode::PluginLimit, reason: reason.clone() }),
            (Err(Ending::Retry { code: ErrorCode::PluginRetry, reason, after, spent }), None, Some(last)) => {
                let (after, spent) = (after.or(last.after), spent && last.spent);
                Err(Ending::Retry { code: ErrorCode::ErpUnavailable, reason, after, spent })
            }
            (other, ..) => other,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, step: &str, request: &Request) -> Result<(), CallError> {
        let mut inner = self.inner();
        inner.budget.spend(&self.plugin.settings, step, request).map_err(|refusal| match refusal {
            Refusal::Denied(reason) => CallError::Denied(reason),
            Refusal::Broken(reason) => {
                inner.broken = Some(reason.clone());
                CallError::TooLarge(reason)
            }
        })?;
        let Request { connection, method, .. } = request;
        match self.ports.connector.manners(connection, method) {
            Some(manners) if manners.safe => Ok(()),
            Some(_) => {
                let reason = format!("`confirm` only reads: {method} is not among the `safe_methods` of connection `{connection}`");
                Err(CallError::Denied(reason))
            }
            None => Err(CallError::Denied(format!("there is no connection `{connection}`"))),
        }
    }

    async fn read(&self, step: String, request: Request) -> Result<Response, CallError> {
        self.admit(&step, &request)?;
        let key = idempotency_key(&self.event.source, &self.event.id, &self.plugin.name, &step);
        self.ports.connector.send(&request, &key).await.map_err(|error| {
            match error {
                SendError::NotSent { after, spent, .. } => self.inner().unavailable = Some(Unavailable { after, spent }),
                SendError::Lost(_) => self.inner().unavailable = Some(Unavailable { after: None, spent: true }),
                SendError::Denied(_) | SendError::TooLarge { .. } => {}
            }
            told(&error)
        })
    }
}

impl Host for Reads {
    fn call(&self, step: String, request: Request) -> BoxFuture<'_, Result<Response, CallError>> {
        Box::pin(self.read(step, request))
    }

    fn settle(&self, _: String, _: Settlement) -> BoxFuture<'_, Result<Result<(), String>, JournalError>> {
        Box::pin(async { Ok(Err("`confirm` only reads: nothing of it is ever in doubt".into())) })
    }

    fn mail(&self, _: String, _: String, _: Mail) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(async { Err(CallError::Denied("`confirm` only reads: it sends no e-mail".into())) })
    }

    fn state_get(&self, key: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>> {
        Box::pin(self.ports.journal.state(self.no, key))
    }

    fn state_put(&self, _: StateWrite) -> BoxFuture<'_, Result<Result<(), PutError>, JournalError>> {
        Box::pin(async { Err(JournalError::Refused("`confirm` only reads: it writes no state".into())) })
    }
}
