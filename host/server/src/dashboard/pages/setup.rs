//! Setting up with MasonHub, step by step, and its validation checklist: what has been seen, what is
//! missing, and how to do it.

use std::time::Duration;

use axum::extract::Query;
use mortar_core::config::{Preset, Verify};
use mortar_core::masonhub::MESSAGE_TYPES;
use serde::{Deserialize, Serialize};

use crate::admin_types::EventQuery;
use crate::checklist::POINTS;
use crate::cli::validate::by_what_was_seen;
use crate::dashboard::Dashboard;
use crate::dashboard::view::about;
use crate::dashboard::visit::{Page, Visit};

/// What the checklist is judged by.
const OVER: Duration = Duration::from_secs(24 * 3600);

/// Events that it is judged by, the newest: a page is shown at once.
const EVENTS: usize = 500;

/// How long MasonHub's API may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Asked {
    /// Ask MasonHub's API, where it says anything.
    ask: String,
}

/// One step of the set-up.
#[derive(Debug, Serialize)]
struct Step {
    title: &'static str,
    /// `done`, `missing`, or `unknown`.
    state: &'static str,
    seen: Vec<String>,
    how: Vec<String>,
}

impl Step {
    fn new(title: &'static str, done: bool, seen: Vec<String>, how: &[&str]) -> Self {
        let how = if done { Vec::new() } else { how.iter().map(|how| (*how).to_owned()).collect() };
        Self { title, state: if done { "done" } else { "missing" }, seen, how }
    }
}

pub(in crate::dashboard) async fn show(visit: Visit, Query(asked): Query<Asked>) -> Page {
    let dashboard = &visit.dashboard;
    let now = dashboard.admin.ports.clock.now();
    let since = now.checked_sub(OVER).unwrap_or(now);
    let newest = EventQuery { limit: Some(1), ..EventQuery::default() };
    let judged = tokio::try_join!(visit.api.events(&newest), by_what_was_seen(&visit.api, &dashboard.loaded, since, EVENTS));
    let (newest, checklist) = judged.map_err(|failure| visit.refused(&failure))?;
    let came = match newest.first() {
        Some(event) => Step::new("Events have come", true, vec![format!("the last: {} of {}", event.event_type, event.subject)], &[]),
        None => Step::new(
            "Events have come",
            false,
            vec!["no event has come yet".into()],
            &[
                "in MasonHub's sandbox, let something happen: mortar masonhub trigger ship-order NUMBER",
                "from here, without MasonHub: mortar event send order.fulfilled",
            ],
        ),
    };
    let steps = [addresses(dashboard), secrets(dashboard), types(dashboard, !asked.ask.is_empty()).await, plugins(dashboard), came];
    let points: Vec<_> = POINTS.into_iter().zip(&checklist.0).map(|(title, judged)| about! { title, judged }).collect();
    visit.page(
        "setup.html",
        about! { title => "Setup", steps, points, passed => checklist.passed(), since, can_ask => !dashboard.admin.pollers.is_empty() },
    )
}

/// Where MasonHub's integration team has to send callbacks.
fn addresses(dashboard: &Dashboard) -> Step {
    let edge = dashboard.admin.edge;
    let sources = &dashboard.loaded.config.sources;
    let seen =
        sources.iter().map(|(name, source)| format!("source {name}: https://YOUR-HOST{} (here: http://{edge}{0})", source.base_path(name)));
    let how = [
        "write a table [sources.NAME] in mortar.toml",
        "give MasonHub's integration team the public address of your proxy, with the path of the source",
    ];
    Step::new("The address that callbacks go to", !sources.is_empty(), seen.collect(), &how)
}

/// Whether what they are signed with is there. Only that: never what it is.
fn secrets(dashboard: &Dashboard) -> Step {
    let sources = &dashboard.loaded.config.sources;
    let (mut seen, mut missing) = (Vec::new(), sources.is_empty());
    for (name, source) in sources {
        if source.verify == Verify::Preset(Preset::None) {
            seen.push(format!("source {name} verifies nothing: whoever knows its address can send events"));
            missing = true;
        } else {
            seen.push(format!("source {name} verifies each callback before it is stored"));
        }
    }
    let how = ["put the secret that MasonHub signs with into the environment or a file, and name it in sources.NAME.secrets"];
    Step::new("The secret that callbacks are signed with", !missing, seen, &how)
}

/// Which message types MasonHub is to send. Its API knows; it is asked only when somebody wants that.
async fn types(dashboard: &Dashboard, ask: bool) -> Step {
    const TITLE: &str = "The event types that MasonHub sends";
    const HOW: [&str; 2] =
        ["mortar masonhub register --to https://YOUR-HOST/webhooks/masonhub", "or have MasonHub's integration team choose them"];
    if !ask {
        let seen = vec!["not looked at: MasonHub's API has to be asked".to_owned()];
        return Step { title: TITLE, state: "unknown", seen, how: HOW.map(str::to_owned).into() };
    }
    let (mut seen, mut done) = (Vec::new(), !dashboard.admin.pollers.is_empty());
    for poller in &dashboard.admin.pollers {
        match tokio::time::timeout(PATIENCE, poller.api.registered()).await {
            Ok(Ok(known)) => {
                seen.extend(known.iter().map(|known| format!("{}: {} to {}", poller.source, known.message_type, known.url)));
                let missing: Vec<_> =
                    MESSAGE_TYPES.into_iter().filter(|name| known.iter().all(|known| known.message_type != *name)).collect();
                if !missing.is_empty() {
                    seen.push(format!("{}: not registered: {}", poller.source, missing.join(", ")));
                }
                done &= !known.is_empty();
            }
            Ok(Err(fault)) => {
                seen.push(format!("{}: MasonHub's API: {fault}", poller.source));
                done = false;
            }
            Err(_) => {
                seen.push(format!("{}: MasonHub's API did not answer in time", poller.source));
                done = false;
            }
        }
    }
    Step::new(TITLE, done, seen, &HOW)
}

fn plugins(dashboard: &Dashboard) -> Step {
    let loaded = dashboard.admin.plugins.now();
    let seen = loaded.iter().map(|numbered| {
        let plugin = &numbered.plugin;
        let parked = if numbered.parked { ", parked: its files are gone" } else { "" };
        format!("{}, generation {}{parked}", plugin.name, &plugin.digest.to_string()[..12])
    });
    let how = ["copy a plugin into the plugin directory, for a start target/plugins/rest, and adapt its plugin.toml"];
    Step::new("A plugin that knows your ERP", loaded.iter().any(|numbered| !numbered.parked), seen.collect(), &how)
}
