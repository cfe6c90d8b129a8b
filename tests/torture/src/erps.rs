//! The ERPs: both get every event.

use std::net::SocketAddr;
use std::sync::Mutex;

use anyhow::Result;
use mortar_sim::chance::Chance;
use mortar_simulator::erp::{Erp, ErpOptions, Handle, Ledger};
use tokio::task::JoinHandle;

use crate::proxy::Proxy;

/// One ERP behind its proxy.
struct Place {
    name: &'static str,
    proxy: Proxy,
    handle: Handle,
    address: SocketAddr,
    running: Mutex<Option<JoinHandle<()>>>,
}

/// An ERP that honours idempotency keys, and one where the plugin has to look.
pub(crate) struct Erps {
    places: [Place; 2],
}

impl Erps {
    /// The one that honours idempotency keys.
    pub(crate) const KEYED: &str = "keyed";
    const LOOKING: &str = "looking";

    pub(crate) async fn start(chance: &Chance, honest: bool) -> Result<Self> {
        Ok(Self { places: [Place::start(Self::KEYED, honest, chance).await?, Place::start(Self::LOOKING, false, chance).await?] })
    }

    /// Lets answers get lost, or no longer.
    pub(crate) fn faults(&self, some: bool) {
        self.places.iter().for_each(|place| place.proxy.weather(|weather| weather.faults = some));
    }

    pub(crate) fn proxies(&self) -> impl Iterator<Item = (&'static str, &Proxy)> {
        self.places.iter().map(|place| (place.name, &place.proxy))
    }

    /// One of the proxies.
    pub(crate) fn any(&self, chance: &Chance) -> &Proxy {
        &self.places[usize::from(chance.hits(0.5))].proxy
    }

    /// Ends both ERPs as processes; what they know is not lost.
    pub(crate) async fn go_down(&self) {
        for place in &self.places {
            let running = place.running().take();
            if let Some(running) = running {
                running.abort();
                // Its address is free once it is gone.
                let _ = running.await;
            }
        }
    }

    pub(crate) async fn come_back(&self) -> Result<()> {
        for place in &self.places {
            let erp = place.handle.reopen(place.address).await?;
            *place.running() = Some(tokio::spawn(erp.run(std::future::pending())));
        }
        Ok(())
    }

    pub(crate) fn ledgers(&self) -> impl Iterator<Item = (&'static str, Ledger)> {
        self.places.iter().map(|place| (place.name, place.handle.ledger()))
    }
}

impl Place {
    async fn start(name: &'static str, keys: bool, chance: &Chance) -> Result<Self> {
        let idempotency_header = keys.then(|| "Idempotency-Key".to_owned());
        let erp = Erp::bind(ErpOptions { idempotency_header, ..ErpOptions::default() }).await?;
        let (address, handle) = (erp.address(), erp.handle());
        let running = Mutex::new(Some(tokio::spawn(erp.run(std::future::pending()))));
        let proxy = Proxy::start(address, chance.fork()).await?;
        Ok(Self { name, proxy, handle, address, running })
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
