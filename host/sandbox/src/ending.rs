//! What the end of a handler means for its delivery: answers, traps and broken limits.

use std::time::Duration;

use mortar_bindings::imports::mortar::plugin::types::{Failure, Outcome};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::Ending;
use mortar_core::ports::JournalError;
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::imports::HostFault;
use crate::limits::{Broken, HANDED_OVER, RESOURCES};

/// The longest reason that is kept, in bytes.
const REASON: usize = 4096;

/// Functions that are named of a trap's backtrace.
const FRAMES: usize = 5;

/// The ending of a handler that answered.
pub(crate) fn of_answer(answer: Result<Outcome, Failure>) -> Ending {
    match answer {
        Ok(Outcome::Done) => Ending::Done,
        Ok(Outcome::Ignored(reason)) => Ending::Ignored(shortened(reason)),
        Err(failure) => of_failure(failure),
    }
}

/// The ending of a function that answered with a failure.
pub(crate) fn of_failure(failure: Failure) -> Ending {
    match failure {
        Failure::Reject(reason) => Ending::Refused { code: ErrorCode::PluginRejected, reason: shortened(reason) },
        Failure::Retry(retry) => Ending::Retry {
            code: ErrorCode::PluginRetry,
            reason: shortened(retry.reason),
            after: retry.after_ms.map(Duration::from_millis),
            spent: true,
        },
    }
}

/// The ending of a handler that ran longer than `limits.wall`.
pub(crate) fn of_timeout(wall: Duration) -> Ending {
    failed(ErrorCode::PluginTimeout, format!("it ran longer than limits.wall, {wall:?}"))
}

/// The ending where the plugin is not there, or has no handler for the event.
pub(crate) fn of_missing(reason: String) -> Ending {
    Ending::Retry { code: ErrorCode::PluginMissing, reason, after: None, spent: false }
}

/// The ending of a handler that did not come to an answer.
pub(crate) fn of_error(error: &wasmtime::Error) -> Ending {
    let excused = |code, reason| Ending::Retry { code, reason, after: None, spent: false };
    if let Some(HostFault(fault)) = error.downcast_ref() {
        return excused(ErrorCode::HostFault, JournalError::to_string(fault));
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return excused(ErrorCode::PluginBusy, "every plugin instance is in use".into());
    }
    let (code, reason) = blame(error);
    failed(code, reason + &names(error))
}

fn failed(code: ErrorCode, reason: String) -> Ending {
    Ending::Retry { code, reason: shortened(reason), after: None, spent: true }
}

/// True where the plugin's own code, or a limit on it, is what failed.
pub(crate) fn is_run_fault(error: &wasmtime::Error) -> bool {
    error.is::<Broken>() || error.is::<Trap>() || error.is::<I32Exit>() || error.is::<HostFault>() || error.is::<WasmBacktrace>()
}

/// Which limit the plugin broke, or how it crashed.
pub(crate) fn blame(error: &wasmtime::Error) -> (ErrorCode, String) {
    match error.downcast_ref::<Broken>() {
        Some(Broken::Cpu(_)) => return (ErrorCode::PluginTimeout, error.root_cause().to_string()),
        Some(broken) => return (ErrorCode::PluginLimit, broken.to_string()),
        None => {}
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return (ErrorCode::PluginTrap, format!("it called exit({status}) instead of ending with an answer"));
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return (ErrorCode::PluginLimit, format!("it holds more than {RESOURCES} streams and pollables at once"));
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => (ErrorCode::PluginTrap, trap.to_string() + usual_cause(*trap)),
        None => untyped(error.root_cause().to_string()),
    }
}

/// What a trap comes from as a rule, for the plugin's author.
fn usual_cause(trap: Trap) -> &'static str {
    match trap {
        Trap::UnreachableCodeReached => " (a panic or abort; what it printed is in its log)",
        Trap::StackOverflow => " (endless recursion)",
        Trap::MemoryOutOfBounds => " (endless recursion or a bad pointer)",
        _ => "",
    }
}

/// wasmtime has no type for this one.
fn untyped(cause: String) -> (ErrorCode, String) {
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        return (ErrorCode::PluginLimit, format!("it handed more than {HANDED_OVER} to the host at once"));
    }
    (ErrorCode::PluginTrap, cause)
}

/// The innermost functions of the backtrace, where the component has their names.
fn names(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return String::new() };
    let names: Vec<_> = backtrace
        .frames()
        .iter()
        .filter_map(|frame| frame.func_name())
        .take(FRAMES)
        .map(|name| format!("{:#}", rustc_demangle::demangle(name)))
        .collect();
    if names.is_empty() { String::new() } else { format!("; in {}", names.join(", called by ")) }
}

pub(crate) fn shortened(mut text: String) -> String {
    if text.len() > REASON {
        text.truncate(text.floor_char_boundary(REASON));
        text.push('…');
    }
    text
}
