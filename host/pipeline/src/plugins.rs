//! Which plugin handles what, under which number.

use std::sync::{Arc, PoisonError, RwLock};

use mortar_core::delivery::PluginNo;
use mortar_core::event::{COUNT, Event, SubjectKind};
use mortar_core::ports::{Journal, JournalError, NewDelivery, Order, Plugin, Sandbox};

/// The loaded plugins with their numbers in the journal.
pub struct Plugins {
    loaded: RwLock<Arc<Vec<Numbered>>>,
}

/// A loaded plugin and its number.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Its number in the journal.
    pub no: PluginNo,
    /// What it is.
    pub plugin: Plugin,
}

impl Plugins {
    /// Takes over what the sandbox has loaded, and gives new plugins a number.
    ///
    /// # Errors
    /// The journal's.
    pub async fn number(sandbox: &dyn Sandbox, journal: &dyn Journal) -> Result<Self, JournalError> {
        let loaded = sandbox.plugins();
        let numbers = journal.register_plugins(loaded.iter().map(|p| p.name.clone()).collect()).await?;
        let numbered = numbers.into_iter().zip(loaded).map(|(no, plugin)| Numbered { no, plugin }).collect();
        Ok(Self { loaded: RwLock::new(Arc::new(numbered)) })
    }

    /// The plugins as they are now.
    #[must_use]
    pub fn now(&self) -> Arc<Vec<Numbered>> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The plugin of a number, if it is loaded.
    #[must_use]
    pub fn get(&self, no: PluginNo) -> Option<Plugin> {
        self.now().iter().find(|n| n.no == no).map(|n| n.plugin.clone())
    }

    /// The deliveries that an event fans out to.
    #[must_use]
    pub fn fan_out(&self, event: &Event) -> Vec<NewDelivery> {
        // Counts are absolute: of a SKU's events only the newest matters.
        let counts = event.subject.kind == SubjectKind::Sku && event.event_type == COUNT;
        let order = if counts { Order::Newest } else { Order::Fifo };
        let handlers = self.now();
        handlers.iter().filter(|n| n.plugin.handles(&event.event_type)).map(|n| NewDelivery { plugin: n.no, order }).collect()
    }
}
