//! The dashboard: pages that show operators how the host is, on the admin address.
//!
//! It is a client of the admin API, as the commands are, but inside the process: so it shows and does
//! what the API allows to the token that somebody logged in with, and nothing else.
//!
//! | file | what is in it |
//! |---|---|
//! | `session.rs` | who is logged in |
//! | `visit.rs` | a request of somebody who is: reading a page, posting a form |
//! | `view.rs`, `templates/` | pages made of templates |
//! | `guard.rs` | headers that keep other pages out |
//! | `assets.rs`, `assets/` | style, script and icon, all in the binary |
//! | `pulse.rs` | what was counted in each minute |
//! | `chart.rs` | pictures of it, as SVG |
//! | `live.rs` | open pages are told that something changed |
//! | `replays.rs` | dead letters that run again, many at a time |
//! | `pages/` | one file for each page and the buttons on it |

mod assets;
mod chart;
mod guard;
mod live;
mod pages;
pub mod pulse;
mod replays;
mod session;
mod view;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use tokio::sync::{Semaphore, watch};

use self::live::Live;
use self::pulse::Pulse;
use self::replays::Replays;
use self::session::Sessions;
use self::view::View;
use crate::admin::Admin;
use crate::cli::client::Client;
use crate::config::Loaded;

/// Pages that are told of changes at once.
const LISTENERS: usize = 64;

/// Everything that the pages are made from.
pub struct Dashboard {
    admin: Arc<Admin>,
    /// The admin API, without a token.
    api: Client,
    loaded: Arc<Loaded>,
    pulse: Arc<Pulse>,
    sessions: Sessions,
    view: View,
    live: Live,
    listeners: Arc<Semaphore>,
    replays: Replays,
    stop: watch::Receiver<bool>,
}

impl Dashboard {
    /// The dashboard over an admin API.
    ///
    /// # Errors
    /// No client can be made.
    pub fn new(
        admin: Arc<Admin>,
        api: Router,
        loaded: Arc<Loaded>,
        pulse: Arc<Pulse>,
        stop: watch::Receiver<bool>,
    ) -> Result<Arc<Self>, String> {
        let api = Client::inside(api).map_err(|failure| failure.to_string())?;
        let (sessions, view, live, replays) = (Sessions::default(), View::new(), Live::default(), Replays::default());
        let listeners = Arc::new(Semaphore::new(LISTENERS));
        Ok(Arc::new(Self { admin, api, loaded, pulse, sessions, view, live, listeners, replays, stop }))
    }

    /// Counts by the minute, and tells open pages of changes, until the host stops.
    pub async fn follow(self: Arc<Self>) {
        live::follow(&self).await;
    }
}

/// The pages. They stand beside the admin API, on the same address.
pub fn router(dashboard: Arc<Dashboard>) -> Router {
    use pages::{connections, dead, delivery, event, events, login, overview, plugins, round_trips, set_aside, setup};
    Router::new()
        .route("/", get(overview::show))
        .route("/login", get(login::form).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/events", get(events::list))
        .route("/events/{event}", get(event::show))
        .route("/deliveries/{delivery}/case", get(delivery::case))
        .route("/deliveries/{delivery}/replay", post(delivery::replay))
        .route("/deliveries/{delivery}/discard", post(delivery::discard))
        .route("/deliveries/{delivery}/settle", post(delivery::settle))
        .route("/deliveries/{delivery}/check", post(round_trips::look_again))
        .route("/dead", get(dead::groups))
        .route("/dead/replay", get(dead::preview).post(dead::replay))
        .route("/dead/stop", post(dead::stop))
        .route("/plugins", get(plugins::list))
        .route("/plugins/{name}", get(plugins::show))
        .route("/plugins/{name}/{action}", post(plugins::act))
        .route("/connections", get(connections::list))
        .route("/set-aside", get(set_aside::list))
        .route("/set-aside/quarantined/{id}", get(set_aside::quarantined))
        .route("/set-aside/quarantined/{id}/replay", post(set_aside::replay))
        .route("/set-aside/rejected/{id}/admit", post(set_aside::admit))
        .route("/round-trips", get(round_trips::list))
        .route("/setup", get(setup::show))
        .route("/live", get(live::changes))
        .route("/assets/{file}", get(assets::serve))
        .layer(middleware::from_fn(guard::headers))
        .with_state(dashboard)
}
