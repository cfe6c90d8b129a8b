//! Inert WASI: what the runtimes of the guests' languages want to find, and nothing behind it. No
//! files, network, environment or arguments; time and randomness depend on the event only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::ports::StoredEvent;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiCtxView, WasiView, async_trait};

use crate::context::Context;
use crate::log::{Log, Printed, Stream};

/// Randomness that a plugin can ask for at once, in bytes.
const RANDOM: u64 = 1 << 20;

/// Links WASI 0.2.
pub(crate) fn link(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<_, HasSelf<Context>>(linker, |context| context)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What WASI shows to an attempt.
pub(crate) fn context(event: &StoredEvent, plugin: &str, log: &Log) -> WasiCtx {
    let seed: [u8; 32] = Sha256::new().chain_update(&event.id).chain_update([0]).chain_update(plugin).finalize().into();
    let random = |stream| {
        let mut random = ChaCha12Rng::from_seed(seed);
        random.set_stream(stream);
        random
    };
    let mut half = [0; 16];
    half.copy_from_slice(&seed[..16]);
    WasiCtx::builder()
        .stdout(Stream::new(log, Printed::Stdout))
        .stderr(Stream::new(log, Printed::Stderr))
        .wall_clock(Standing(event.received_at))
        .secure_random(random(0))
        .insecure_random(random(1))
        .insecure_random_seed(u128::from_le_bytes(half))
        .max_random_size(RANDOM)
        .allow_tcp(false)
        .allow_udp(false)
        .build()
}

impl WasiView for Context {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// The wall clock stands still.
struct Standing(Timestamp);

impl HostWallClock for Standing {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        Duration::try_from(self.0.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
    }
}

/// The monotonic clock of an attempt, in nanoseconds: it begins at 0, each reading moves it on by
/// a microsecond, and a sleep by as much as was slept.
#[derive(Clone, Default)]
pub(crate) struct Ticks(Arc<AtomicU64>);

impl Ticks {
    const READING: u64 = 1000;

    fn read(&self) -> u64 {
        self.0.fetch_add(Self::READING, Relaxed)
    }
}

impl monotonic_clock::Host for Context {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.ticks.read())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(Ticks::READING)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.ticks.read();
        sleep(self, when.saturating_sub(now), when)
    }

    fn subscribe_duration(&mut self, nanoseconds: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let until = self.ticks.read().saturating_add(nanoseconds);
        sleep(self, nanoseconds, until)
    }
}

fn sleep(context: &mut Context, nanoseconds: u64, until: u64) -> wasmtime::Result<Resource<DynPollable>> {
    let end = Instant::now().checked_add(Duration::from_nanos(nanoseconds));
    let sleep = context.table.push(Sleep { end, until, ticks: context.ticks.clone() })?;
    subscribe(&mut context.table, sleep)
}

/// A sleep takes its time, which `limits.wall` bounds; afterwards the clock shows it, however long
/// it took in truth.
struct Sleep {
    /// None: longer than time lasts.
    end: Option<Instant>,
    until: u64,
    ticks: Ticks,
}

#[async_trait]
impl Pollable for Sleep {
    async fn ready(&mut self) {
        match self.end {
            Some(end) => tokio::time::sleep_until(end).await,
            None => std::future::pending().await,
        }
        self.ticks.0.fetch_max(self.until, Relaxed);
    }
}
