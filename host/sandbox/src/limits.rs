//! What one attempt may use: memory, tables and processor time. The log counts its own bytes, and
//! the pipeline counts calls.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytesize::ByteSize;
use mortar_core::plugin::Limits;
use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};

use crate::context::Context;
use crate::engine::TABLE_ELEMENTS;

/// Bytes that a plugin can hand to the host in one call.
pub(crate) const HANDED_OVER: ByteSize = ByteSize::mib(8);

/// Resources (streams, pollables) that a plugin can hold at once.
pub(crate) const RESOURCES: usize = 1000;

/// A limit that an attempt broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// Memory of the instance.
    #[error("it wanted {wanted} of memory, and limits.memory is {limit}")]
    Memory {
        /// All of its memory.
        wanted: ByteSize,
        /// The limit.
        limit: ByteSize,
    },
    /// Tables of the instance.
    #[error("it wanted {0} table elements, and {TABLE_ELEMENTS} are the most")]
    Table(usize),
    /// Processor time.
    #[error("it used up its processor time, limits.cpu is {0:?}")]
    Cpu(Duration),
}

/// Makes the store of one attempt, with its limits in force.
pub(crate) fn store(engine: &Engine, context: Context, cpu: Arc<Meter>, limits: &Limits) -> Store<Context> {
    let limit = limits.cpu;
    let mut store = Store::new(engine, context);
    store.limiter(|context| &mut context.quota);
    store.set_hostcall_fuel(usize::try_from(HANDED_OVER.as_u64()).unwrap_or(usize::MAX));
    store.set_max_component_handles(RESOURCES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        if cpu.used() >= limit {
            return Err(Broken::Cpu(limit).into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
    store
}

/// What is left of the memory of an attempt.
pub(crate) struct Quota {
    limit: ByteSize,
    memory: u64,
    elements: usize,
}

impl Quota {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { limit: limits.memory, memory: 0, elements: 0 }
    }
}

impl ResourceLimiter for Quota {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let wanted = self.memory + (desired - current) as u64;
        if wanted > self.limit.as_u64() {
            return Err(Broken::Memory { wanted: ByteSize::b(wanted), limit: self.limit }.into());
        }
        self.memory = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let wanted = self.elements.saturating_add(desired - current);
        if wanted > TABLE_ELEMENTS {
            return Err(Broken::Table(wanted).into());
        }
        self.elements = wanted;
        Ok(true)
    }
}

/// Measures the processor time of a future, on whatever threads it is polled. Waiting costs
/// nothing, and neither does a busy machine.
#[derive(Default)]
pub(crate) struct Meter {
    /// Nanoseconds of the polls that are over.
    over: AtomicU64,
    /// The thread's clock at the beginning of this poll.
    began: AtomicU64,
}

impl Meter {
    /// Runs a future under the meter.
    pub(crate) async fn measure<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            self.began.store(thread_time(), Relaxed);
            let polled = future.as_mut().poll(cx);
            self.over.store(self.nanoseconds(), Relaxed);
            polled
        })
        .await
    }

    /// What the future has used. Only to be asked from inside of it.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds())
    }

    fn nanoseconds(&self) -> u64 {
        self.over.load(Relaxed) + thread_time().saturating_sub(self.began.load(Relaxed))
    }
}

/// The processor time of this thread, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_is_not_measured_and_computing_is() {
        let meter = Meter::default();
        let (waited, computed) = meter
            .measure(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let waited = meter.used();
                while meter.used() < waited + Duration::from_millis(5) {
                    std::hint::spin_loop();
                }
                tokio::task::yield_now().await;
                (waited, meter.used())
            })
            .await;
        assert!(waited < Duration::from_millis(50), "{waited:?}");
        assert!(computed >= Duration::from_millis(5), "{computed:?}");
    }

    #[test]
    fn memory_is_summed_over_all_memories() {
        let mut quota = Quota::new(&Limits { memory: ByteSize::mib(1), ..Limits::default() });
        assert!(quota.memory_growing(0, 600 << 10, None).unwrap());
        assert!(!quota.memory_growing(0, 500 << 10, Some(1)).unwrap(), "over its own maximum: an ordinary failure");
        let error = quota.memory_growing(0, 500 << 10, None).unwrap_err();
        let wanted = Broken::Memory { wanted: ByteSize::kib(1100), limit: ByteSize::mib(1) };
        assert_eq!(error.downcast_ref(), Some(&wanted));
    }
}
