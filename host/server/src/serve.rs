//! `mortar serve`: starts everything, waits for the signal to stop, and stops in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mortar_core::config::TlsConfig;
use mortar_core::ports::Clock;
use mortar_pipeline::Ports;
use mortar_pipeline::confirm::confirm;
use mortar_pipeline::dispatch::dispatch;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::admin::{self, Admin};
use crate::alerts::{Alerts, Look};
use crate::config::Loaded;
use crate::dashboard::{self, Dashboard};
use crate::edge::{self, Edge, H2, Rules};
use crate::lifecycle;
use crate::reload::Reloader;
use crate::tls::Certificate;
use crate::wire::{self, SystemClock, WireError};

/// How often what is past its time is looked for.
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// A pause between two steps of a purge, so that callbacks never wait for it.
const PURGE_PAUSE: Duration = Duration::from_millis(20);

/// Why the host does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The adapters cannot be put together.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// An address cannot be listened on.
    #[error("{what} cannot listen on {address}: {cause}")]
    Listen {
        /// `edge` or `admin`.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A certificate cannot be used.
    #[error("{what}.tls: {why}")]
    Certificate {
        /// `edge` or `admin`.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The admin token can be neither read nor made.
    #[error("the admin token: {0}")]
    Token(String),
    /// The system does not deliver signals.
    #[error("signals: {0}")]
    Signals(std::io::Error),
    /// The journal did not take the last writes.
    #[error("the journal did not close cleanly: {0}")]
    Close(mortar_core::ports::JournalError),
}

/// Serves until SIGTERM or SIGINT, then drains. A second signal ends the process at once, which is
/// safe as well.
///
/// # Errors
/// What keeps it from starting, or from stopping cleanly.
pub async fn serve(loaded: Loaded) -> Result<(), ServeError> {
    let mut signals = Signals::new().map_err(ServeError::Signals)?;
    let wired = wire::wire(&loaded).await?;
    let sources = wire::sources(&loaded)?;
    let config = &loaded.config;
    let edge_listener = bind("edge", config.edge.listen).await?;
    let admin_listener = bind("admin", config.admin.listen).await?;
    let edge_tls = certificate(&loaded, "edge", config.edge.tls.as_ref())?;
    let admin_tls = certificate(&loaded, "admin", config.admin.tls.as_ref())?;
    let edge_address = edge_listener.local_addr().unwrap_or(config.edge.listen);
    let admin_address = admin_listener.local_addr().unwrap_or(config.admin.listen);

    let (stop, stopping) = watch::channel(false);
    let ports = wired.ports.clone();
    let alerts = Arc::new(Alerts::new(&loaded, &ports).map_err(WireError::Config)?);
    let look = Look::new(
        wired.round_trips.clone(),
        wired.connections.clone(),
        wired.swaps.clone(),
        wired.pollers.clone(),
        wired.metrics.clone(),
        config.sources.keys().cloned().collect(),
    );
    let rules = Rules::new(config.edge.clone(), sources);
    let edge = Arc::new(Edge::new(rules, ports.clone(), wired.plugins.clone(), stopping.clone()));
    let certificates = [&edge_tls, &admin_tls].into_iter().flatten().cloned().collect();
    let (clock, connections) = (ports.clock.clone(), wired.connections.clone());
    let reloader = Arc::new(Reloader::new(&loaded, clock, edge.clone(), connections, wired.known.clone(), certificates));
    let admin = Arc::new(Admin {
        ports: ports.clone(),
        round_trips: wired.round_trips.clone(),
        operators: wired.operators,
        plugins: wired.plugins.clone(),
        pollers: wired.pollers.clone(),
        connections: wired.connections,
        alerts: alerts.clone(),
        backups: wired.backups.clone(),
        metrics: wired.metrics,
        swaps: wired.swaps.clone(),
        edge: edge_address,
        callbacks: edge.clone(),
        reloader: reloader.clone(),
        stopping: stopping.clone(),
        started_at: SystemClock.now(),
        token: admin_token(&loaded)?,
    });
    let api = admin::router(admin.clone());
    let dashboard = Dashboard::new(admin, api.clone(), Arc::new(loaded.clone()), wired.pulse, stopping.clone());
    let dashboard = dashboard.map_err(WireError::Config)?;
    let pages = tokio::spawn(dashboard.clone().follow());
    let following_certificates: Vec<_> = [("edge", &edge_tls), ("admin", &admin_tls)]
        .into_iter()
        .filter_map(|(what, tls)| Some(tokio::spawn(tls.clone()?.follow(what, stopping.clone()))))
        .collect();
    let edge_tls = acceptor("edge", edge_tls.as_ref(), &[H2, "http/1.1"])?;
    let admin_tls = acceptor("admin", admin_tls.as_ref(), &["http/1.1"])?;
    let edge = tokio::spawn(edge::listen(edge_listener, edge_tls, edge, stopping.clone()));
    let admin = tokio::spawn(admin::listen::serve(admin_listener, admin_tls, dashboard::router(dashboard).merge(api), stopping.clone()));
    let watching = tokio::spawn(lifecycle::watchdog(stopping.clone()));
    let alerting = tokio::spawn(alerts.run(look, stopping.clone()));
    let purging = tokio::spawn(purge(ports.clone(), stopping.clone()));
    let shadowing = tokio::spawn(wired.swaps.clone().shadow(stopping.clone()));
    let following = tokio::spawn(wired.swaps.follow(stopping.clone()));
    let round_trips = config.delivery.round_trips;
    let confirming = tokio::spawn(confirm(ports.clone(), wired.round_trips, wired.plugins.clone(), round_trips, stopping.clone()));
    let polling: Vec<_> = wired.pollers.iter().map(|poller| tokio::spawn(poller.clone().run(stopping.clone()))).collect();
    let dispatching = tokio::spawn(dispatch(ports.clone(), wired.plugins.clone(), config.delivery.clone(), stopping));
    let names: Vec<_> = wired.plugins.now().iter().map(|n| n.plugin.name.clone()).collect();
    tracing::info!(edge = %edge_address, admin = %admin_address, plugins = ?names, "serving");
    lifecycle::ready(&format!("callbacks at {edge_address}, operators at {admin_address}"));

    signals.stop_or_reload(&reloader).await;
    lifecycle::stopping();
    tracing::info!(drain = ?config.delivery.drain_timeout, "stopping: no new callbacks, running attempts come to an end");
    // There is always a receiver: the tasks above hold one.
    let _ = stop.send(true);
    wired.backups.stop();
    tokio::select! {
        () = drain(edge, dispatching, config.delivery.drain_timeout) => {}
        () = signals.first() => tracing::warn!("second signal: stopping at once; what runs will run again after the next start"),
    }
    // What a poll finds after this is found again after the next start.
    polling.iter().for_each(tokio::task::JoinHandle::abort);
    // What is wrong still is told again after the next start.
    alerting.abort();
    following_certificates.iter().for_each(tokio::task::JoinHandle::abort);
    let _ = tokio::join!(admin, pages, watching, purging, following, shadowing, confirming);
    ports.journal.close().await.map_err(ServeError::Close)?;
    wired.watch.stop().await;
    tracing::info!("stopped");
    Ok(())
}

async fn drain(edge: tokio::task::JoinHandle<()>, dispatching: tokio::task::JoinHandle<()>, timeout: Duration) {
    let _ = edge.await;
    let abort = dispatching.abort_handle();
    if tokio::time::timeout(timeout, dispatching).await.is_err() {
        tracing::warn!(?timeout, "some attempts did not end in time; they run again after the next start");
        abort.abort();
    }
}

fn certificate(loaded: &Loaded, what: &'static str, tls: Option<&TlsConfig>) -> Result<Option<Arc<Certificate>>, ServeError> {
    let read = |tls| Certificate::load(loaded, tls).map(Arc::new).map_err(|why| ServeError::Certificate { what, why });
    tls.map(read).transpose()
}

fn acceptor(what: &'static str, certificate: Option<&Arc<Certificate>>, protocols: &[&str]) -> Result<Option<TlsAcceptor>, ServeError> {
    let make = |certificate: &Arc<Certificate>| certificate.acceptor(protocols).map_err(|why| ServeError::Certificate { what, why });
    certificate.map(make).transpose()
}

/// Forgets what is past its time, a little at a time.
async fn purge(ports: Ports, mut stop: watch::Receiver<bool>) {
    loop {
        let pause = match ports.journal.purge(ports.clock.now()).await {
            Ok(true) => PURGE_PAUSE,
            Ok(false) => PURGE_EVERY,
            Err(fault) => {
                tracing::warn!(%fault, "old events could not be purged");
                PURGE_EVERY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|cause| ServeError::Listen { what, address, cause })
}

fn admin_token(loaded: &Loaded) -> Result<String, ServeError> {
    match &loaded.config.admin.token {
        Some(secret) => loaded.secret(secret).map_err(ServeError::Token),
        None => {
            let journal = loaded.path(&loaded.config.journal.path);
            let made = admin::token::read_or_make(&journal, &mut rand::rng());
            made.map_err(|e| ServeError::Token(format!("{}: {e}", admin::token::path(&journal).display())))
        }
    }
}

struct Signals {
    hang_up: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the signal to stop; with each SIGHUP meanwhile the configuration is read again.
    async fn stop_or_reload(&mut self, reloader: &Reloader) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    lifecycle::reloading();
                    // What came of it is in the log and in the status.
                    let told = match reloader.reload().await {
                        Ok(_) => "serving",
                        Err(_) => "serving; the configuration has problems, see `mortar status`",
                    };
                    lifecycle::ready(told);
                }
            }
        }
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
