//! What the host keeps for one running attempt: the data of its store.

use std::sync::Arc;

use mortar_core::plugin::PluginSettings;
use mortar_core::ports::{Host, StoredEvent};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use crate::config::PluginConfig;
use crate::generation::Generation;
use crate::limits::{Quota, RESOURCES};
use crate::log::Log;
use crate::wasi::{self, Ticks};

/// One attempt, seen from the host functions.
pub(crate) struct Context {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) config: Arc<PluginConfig>,
    pub(crate) settings: Arc<PluginSettings>,
    pub(crate) log: Log,
    pub(crate) quota: Quota,
    pub(crate) wasi: WasiCtx,
    pub(crate) ticks: Ticks,
    pub(crate) table: ResourceTable,
}

impl Context {
    pub(crate) fn new(generation: &Generation, event: &StoredEvent, host: Arc<dyn Host>, log: Log) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        Self {
            host,
            config: generation.config.clone(),
            settings: generation.settings.clone(),
            quota: Quota::new(&generation.settings.limits),
            wasi: wasi::context(event, &generation.name, &log),
            ticks: Ticks::default(),
            table,
            log,
        }
    }
}
