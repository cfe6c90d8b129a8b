//! One attempt: a fresh store and instance, the handler under its limits, and how it ended.

use std::sync::Arc;

use mortar_core::delivery::Ending;
use mortar_core::event::TypedEvent;
use mortar_core::ports::{Host, Ran, Run};

use crate::context::Context;
use crate::convert;
use crate::ending;
use crate::generation::Generation;
use crate::limits::{self, Meter};
use crate::log::Log;

/// Runs the handler of a generation once.
pub(crate) async fn run(generation: &Generation, run: Run, typed: Option<TypedEvent>, host: Arc<dyn Host>) -> Ran {
    let limits = &generation.settings.limits;
    let log = Log::new(limits.log);
    let ending = {
        let cpu = Arc::new(Meter::default());
        let context = Context::new(generation, &run.event, host, log.clone());
        let mut store = limits::store(&generation.engine, context, cpu.clone(), limits);
        let delivery = convert::delivery(&run);
        let handled = cpu.measure(generation.handlers.handle(&mut store, &delivery, typed));
        match tokio::time::timeout(limits.wall, handled).await {
            Err(_) => ending::of_timeout(limits.wall),
            Ok(Err(error)) => ending::of_error(&error),
            Ok(Ok(Some(answer))) => ending::of_answer(answer),
            Ok(Ok(None)) => no_handler(generation, &run.event.event_type),
        }
    };
    Ran { ending, log: log.finish(), digest: generation.digest.clone() }
}

fn no_handler(generation: &Generation, event_type: &str) -> Ending {
    ending::of_missing(format!("plugin {} exports no handler that takes `{event_type}` in this form", generation.name))
}
