//! Which plugin handles what, under which number.

use std::sync::Arc;

use mortar_core::delivery::PluginNo;
use mortar_core::event::{COUNT, Event, SubjectKind};
use mortar_core::ports::{Journal, JournalError, NewDelivery, Order, Plugin};
use tokio::sync::watch;

use crate::probation::Probation;
use crate::shadow::Shadows;

/// The plugins with their numbers in the journal, as they are at any moment.
#[derive(Default)]
pub struct Plugins {
    now: watch::Sender<Snapshot>,
    /// How the versions in force do.
    pub probation: Probation,
    /// What runs beside them.
    pub shadows: Shadows,
}

/// The plugins at one moment, by name.
pub type Snapshot = Arc<Vec<Numbered>>;

/// A plugin and its number.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Its number in the journal.
    pub no: PluginNo,
    /// The generation that is in force.
    pub plugin: Plugin,
    /// True where its files are gone. It goes on getting deliveries, so that none is missing when it
    /// comes back, and they wait for that.
    pub parked: bool,
}

impl Plugins {
    /// Plugins that are in force from the start.
    ///
    /// # Errors
    /// The journal's.
    pub async fn of(plugins: Vec<Plugin>, journal: &dyn Journal) -> Result<Self, JournalError> {
        let numbers = journal.register_plugins(plugins.iter().map(|p| p.name.clone()).collect()).await?;
        let numbered = numbers.into_iter().zip(plugins).map(|(no, plugin)| Numbered { no, plugin, parked: false }).collect();
        Ok(Self { now: watch::Sender::new(Arc::new(numbered)), ..Self::default() })
    }

    /// The plugins as they are now.
    #[must_use]
    pub fn now(&self) -> Snapshot {
        self.now.borrow().clone()
    }

    /// The plugins now and whenever they change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.now.subscribe()
    }

    /// The plugin of a name, if it has ever been in force.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Numbered> {
        self.now.borrow().iter().find(|n| n.plugin.name == name).cloned()
    }

    /// The plugin of a number, if it is in force and not parked.
    #[must_use]
    pub fn active(&self, no: PluginNo) -> Option<Plugin> {
        self.now.borrow().iter().find(|n| n.no == no && !n.parked).map(|n| n.plugin.clone())
    }

    /// Puts a generation in force: attempts and events from now on are its own. What runs goes on
    /// with the generation that it started on.
    ///
    /// # Errors
    /// The journal has no number for a new name. Nothing has changed.
    pub async fn activate(&self, plugin: Plugin, journal: &dyn Journal) -> Result<(), JournalError> {
        let known = self.get(&plugin.name).map(|n| n.no);
        let no = match known {
            Some(no) => no,
            None => {
                let numbers = journal.register_plugins(vec![plugin.name.clone()]).await?;
                *numbers.first().ok_or_else(|| JournalError::Damaged("a plugin got no number".into()))?
            }
        };
        self.change(|plugins| {
            plugins.retain(|n| n.plugin.name != plugin.name);
            plugins.push(Numbered { no, plugin, parked: false });
            plugins.sort_by(|one, other| one.plugin.name.cmp(&other.plugin.name));
        });
        Ok(())
    }

    /// Parks a plugin: its deliveries wait until it is put in force again.
    pub fn park(&self, name: &str) {
        self.change(|plugins| plugins.iter_mut().filter(|n| n.plugin.name == name).for_each(|n| n.parked = true));
    }

    /// Forgets a plugin: it gets no further deliveries. Those that it has still wait for it.
    pub fn forget(&self, name: &str) {
        self.change(|plugins| plugins.retain(|n| n.plugin.name != name));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Numbered>)) {
        self.now.send_modify(|now| change(Arc::make_mut(now)));
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
