//! What the host tells the service manager (systemd, `Type=notify`); nothing where there is none.

use sd_notify::NotifyState;
use tokio::sync::watch;

/// The host serves.
pub fn ready(told: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(told)]);
}

/// The configuration is read again. What follows is [`ready`], whatever came of it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(fault) => tracing::warn!(%fault, "the service manager is not told of the reload"),
    }
}

/// The host stops.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping: running attempts come to an end")]);
}

/// Shows the service manager that the host is not stuck, as often as it wants, until the host stops.
pub async fn watchdog(mut stop: watch::Receiver<bool>) {
    let Some(within) = sd_notify::watchdog_enabled() else { return };
    let mut ticks = tokio::time::interval(within / 2);
    loop {
        tokio::select! {
            _ = ticks.tick() => notify(&[NotifyState::Watchdog]),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(fault) = sd_notify::notify(states) {
        tracing::warn!(%fault, "the service manager cannot be told how the host is");
    }
}
