//! Plugins without a host: their sandbox in this process, one event, an ERP that answers at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use mortar_core::call::{CallError, Mail, Request, Response, Settlement};
use mortar_core::delivery::Ending;
use mortar_core::event::TypedEvent;
use mortar_core::masonhub;
use mortar_core::ports::{BoxFuture, Clock, Host, JournalError, Plugin, PutError, Run, StateEntry, StateWrite, StoredEvent};
use mortar_sandbox::{SandboxOptions, WasmSandbox};

use crate::load::Callbacks;

/// The plugins of a directory, with this cache of compiled code.
pub(crate) async fn load(plugins: &Path, cache: PathBuf) -> Result<Vec<Plugin>> {
    let options = SandboxOptions { cache, ..SandboxOptions::default() };
    let (plugins, problems) = WasmSandbox::open(options, plugins, Arc::new(Noon))?.load_all().await;
    anyhow::ensure!(problems.is_empty(), "{}", problems[0]);
    Ok(plugins)
}

/// A run of an order that was shipped.
pub(crate) fn order() -> Result<Run> {
    let body = Callbacks::body(1);
    let read = masonhub::read(body.as_bytes());
    let event = read.events.first().context("the callback has an event")?;
    let event = StoredEvent {
        seq: 1,
        id: event.id.clone(),
        event_type: "order.fulfilled".into(),
        subject: "order:SO-1".into(),
        source: "masonhub".into(),
        received_at: Timestamp::UNIX_EPOCH,
        as_of: None,
        payload: body.as_bytes()[event.record.clone()].to_vec().into(),
    };
    Ok(Run { event: Arc::new(event), attempt: 1 })
}

/// Its typed record.
pub(crate) fn typed(run: &Run) -> Result<TypedEvent> {
    let typed = masonhub::typed(&run.event.event_type, &run.event.payload).map_err(anyhow::Error::msg)?;
    typed.context("an order event is typed")
}

/// Runs a handler in a fresh instance, to its end.
pub(crate) async fn handle(plugin: &Plugin, run: &Run, typed: TypedEvent, erp: Arc<dyn Host>) -> Result<()> {
    let ran = plugin.handler.run(run.clone(), Some(typed), erp).await;
    anyhow::ensure!(ran.ending == Ending::Done, "{}: {:?}", plugin.name, ran.ending);
    Ok(())
}

/// Bytes that this process has in memory.
pub(crate) fn resident_bytes() -> Result<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let resident: u64 = pages.split(' ').nth(1).context("the kernel counts pages")?.parse()?;
    Ok(resident * 4096)
}

/// A clock that stands: nobody asks it here but for how old files are.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

/// An ERP that answers, inside the process.
pub(crate) struct Erp<F>(pub(crate) F);

/// One that answers at once.
pub(crate) fn erp() -> Arc<dyn Host> {
    Arc::new(Erp(|| Box::pin(std::future::ready(())) as BoxFuture<'static, ()>))
}

impl<F: Fn() -> BoxFuture<'static, ()> + Send + Sync> Host for Erp<F> {
    fn call(&self, _: String, _: Request) -> BoxFuture<'_, Result<Response, CallError>> {
        Box::pin(async {
            self.0().await;
            Ok(Response { status: 201, headers: Vec::new(), body: b"{}".to_vec() })
        })
    }
    fn settle(&self, _: String, _: Settlement) -> BoxFuture<'_, Result<Result<(), String>, JournalError>> {
        Box::pin(std::future::ready(Ok(Ok(()))))
    }
    fn mail(&self, _: String, _: String, _: Mail) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(std::future::ready(Ok(())))
    }
    fn state_get(&self, _: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    fn state_put(&self, _: StateWrite) -> BoxFuture<'_, Result<Result<(), PutError>, JournalError>> {
        Box::pin(std::future::ready(Ok(Ok(()))))
    }
}
