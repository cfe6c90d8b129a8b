//! A handler that is watched: what it asks of the host goes on to the host, and is noted.

use std::sync::Arc;

use mortar_core::call::{CallError, Mail, Request, Response, Settlement};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::Ending;
use mortar_core::event::TypedEvent;
use mortar_core::ports::{BoxFuture, Handler, Host, JournalError, PutError, Ran, Run, StateEntry, StateWrite};

use super::stage::Stage;

pub(super) struct Watched {
    handler: Arc<dyn Handler>,
    stage: Arc<Stage>,
}

impl Watched {
    pub(super) fn new(handler: Arc<dyn Handler>, stage: Arc<Stage>) -> Self {
        Self { handler, stage }
    }
}

impl Handler for Watched {
    fn run(&self, run: Run, typed: Option<TypedEvent>, host: Arc<dyn Host>) -> BoxFuture<'_, Ran> {
        let host = Arc::new(Watching { host, stage: self.stage.clone() });
        Box::pin(async move {
            let mut ran = self.handler.run(run, typed, host).await;
            if matches!(ran.ending, Ending::Done | Ending::Ignored(_)) && self.stage.once_more() {
                let reason = "the end could not be stored, as is tried here".to_owned();
                ran.ending = Ending::Retry { code: ErrorCode::HostFault, reason, after: None, spent: false };
            }
            ran
        })
    }
}

struct Watching {
    host: Arc<dyn Host>,
    stage: Arc<Stage>,
}

impl Host for Watching {
    fn call(&self, step: String, request: Request) -> BoxFuture<'_, Result<Response, CallError>> {
        self.stage.making(&step);
        self.host.call(step, request)
    }

    fn settle(&self, step: String, settlement: Settlement) -> BoxFuture<'_, Result<Result<(), String>, JournalError>> {
        self.host.settle(step, settlement)
    }

    fn mail(&self, step: String, connection: String, mail: Mail) -> BoxFuture<'_, Result<(), CallError>> {
        self.stage.making(&step);
        self.host.mail(step, connection, mail)
    }

    fn state_get(&self, key: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>> {
        self.host.state_get(key)
    }

    fn state_put(&self, write: StateWrite) -> BoxFuture<'_, Result<Result<(), PutError>, JournalError>> {
        self.stage.writing(&write.key);
        self.host.state_put(write)
    }
}
