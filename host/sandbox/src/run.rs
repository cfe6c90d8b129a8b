//! One attempt, or one look at the ERP: a fresh store and instance, the plugin's function under its
//! limits, and how it ended.

use std::sync::Arc;

use mortar_bindings::imports::mortar::plugin::types::Delivery;
use mortar_core::delivery::Ending;
use mortar_core::event::TypedEvent;
use mortar_core::ports::{Confirmed, Host, Ran, Run};
use mortar_core::story::LogLine;
use wasmtime::Store;

use crate::context::Context;
use crate::convert;
use crate::ending;
use crate::generation::Generation;
use crate::limits::{self, Meter};
use crate::log::Log;

/// Runs the handler of a generation once.
pub(crate) async fn run(generation: &Generation, run: Run, typed: Option<TypedEvent>, host: Arc<dyn Host>) -> Ran {
    let handle = async |store: &mut _, delivery: &_| generation.handlers.handle(store, delivery, typed).await;
    let (answer, log) = bounded(generation, &run, host, handle).await;
    let ending = match answer {
        Ok(Some(answer)) => ending::of_answer(answer),
        Ok(None) => no_handler(generation, &run.event.event_type),
        Err(ending) => ending,
    };
    Ran { ending, log, digest: generation.digest.clone() }
}

/// Runs the `confirm` of a generation once.
pub(crate) async fn confirm(generation: &Generation, run: Run, host: Arc<dyn Host>) -> Confirmed {
    let confirm = async |store: &mut _, delivery: &_| generation.handlers.confirm(store, delivery).await;
    let (answer, log) = bounded(generation, &run, host, confirm).await;
    let answer = answer.and_then(|answer| match answer {
        Some(Ok(confirmation)) => Ok(convert::confirmation(confirmation)),
        Some(Err(failure)) => Err(ending::of_failure(failure)),
        None => Err(ending::of_missing(format!("plugin {} does not export `round-trip`", generation.name))),
    });
    Confirmed { answer, log }
}

/// Calls a function of a fresh instance within the plugin's limits.
async fn bounded<T>(
    generation: &Generation,
    run: &Run,
    host: Arc<dyn Host>,
    function: impl AsyncFnOnce(&mut Store<Context>, &Delivery) -> wasmtime::Result<T>,
) -> (Result<T, Ending>, Vec<LogLine>) {
    let limits = &generation.settings.limits;
    let log = Log::new(limits.log);
    let answer = {
        let cpu = Arc::new(Meter::default());
        let context = Context::new(generation, &run.event, host, log.clone());
        let mut store = limits::store(&generation.engine, context, cpu.clone(), limits);
        let delivery = convert::delivery(run);
        let answered = cpu.measure(function(&mut store, &delivery));
        match tokio::time::timeout(limits.wall, answered).await {
            Err(_) => Err(ending::of_timeout(limits.wall)),
            Ok(answer) => answer.map_err(|error| ending::of_error(&error)),
        }
    };
    (answer, log.finish())
}

fn no_handler(generation: &Generation, event_type: &str) -> Ending {
    ending::of_missing(format!("plugin {} exports no handler that takes `{event_type}` in this form", generation.name))
}
