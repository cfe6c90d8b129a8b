//! The WebAssembly engine: one per process, with a pool of instances and a ticker of epochs.

use std::thread;
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::error::SandboxError;
use crate::sandbox::SandboxOptions;

/// How often running handlers are looked at: the grain of `limits.cpu`.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Elements of one table; interpreters compiled to WebAssembly need tens of thousands.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;

/// Starts the engine with a pool for `options.instances`; where the address space does not hold
/// it, with a smaller pool, and at last with none.
pub(crate) fn start(options: &SandboxOptions) -> Result<Engine, SandboxError> {
    let engine = pooled(options).map_or_else(|| Engine::new(&config()), Ok).map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
    tick(&engine).map_err(|error| SandboxError::Engine(format!("its ticker thread cannot be started: {error}")))?;
    Ok(engine)
}

fn pooled(options: &SandboxOptions) -> Option<Engine> {
    let memory = options.memory_limit.as_u64();
    for instances in [options.instances, options.instances.div_ceil(4)] {
        match Engine::new(config().allocation_strategy(pool(instances.max(1), memory))) {
            Ok(engine) => return Some(engine),
            Err(error) => tracing::warn!(
                instances,
                error = format!("{error:#}"),
                "the address space does not hold the pool of plugin instances; trying a smaller one (see `ulimit -v`, or lower `plugins.instances`)"
            ),
        }
    }
    tracing::warn!("plugin instances are made on demand: slower, and `plugins.instances` does not bound them");
    None
}

/// What compiled code depends on. Where instances are allocated is not part of it.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .memory_init_cow(true)
        .max_wasm_stack(1 << 20)
        .async_stack_size(2 << 20)
        // The same answer on every processor.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true);
    config
}

/// Most components need a module or two; JavaScript, Python and Go bring up to 33 of them, with
/// several memories. Counts cost nothing until used, memories only address space.
fn pool(instances: u32, memory: u64) -> InstanceAllocationStrategy {
    let memory = usize::try_from(memory).unwrap_or(usize::MAX >> 1).next_multiple_of(1 << 16);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_stacks(instances)
        .total_core_instances(instances.saturating_mul(64))
        .total_memories(instances.saturating_mul(4))
        .total_tables(instances.saturating_mul(8))
        .max_core_instances_per_component(64)
        .max_memories_per_component(instances.saturating_mul(4).min(16))
        .max_tables_per_component(instances.saturating_mul(8).min(32))
        .max_component_instance_size(2 << 20)
        .max_core_instance_size(2 << 20)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(memory)
        // As many as there are memories: a plugin's next instance finds the last one's, however many
        // plugins take turns.
        .max_unused_warm_slots(instances.saturating_mul(4))
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(512 << 10)
        .decommit_batch_size(16)
        .pagemap_scan(Enabled::Auto);
    pool.into()
}

/// Moves the epoch on for as long as the engine lives.
fn tick(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    thread::Builder::new().name("mortar-epoch".into()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    })?;
    Ok(())
}
