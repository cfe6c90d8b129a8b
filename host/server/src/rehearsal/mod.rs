//! One event through one plugin, as a host delivers it, with an ERP that is played.
//!
//! Everything is the host's own: the journal (in a folder that goes with the rehearsal), steps, retries,
//! limits, grants, the rules of connections. Only two things are played. What leaves the host is answered
//! by a [`Script`], and the clock stands still and jumps to when the next attempt is due: so a rehearsal
//! waits for nothing, and nothing is sent.
//!
//! [`carry_out`] is the same in earnest: one attempt, and what leaves the host goes through connections that
//! are there.
//!
//! | module | what is in it |
//! |---|---|
//! | `before` | what a plugin remembers of earlier events |
//! | `script` | what is answered to which step, and the faults |
//! | `stage` | the connector that answers so, and notes what left |
//! | `watched` | the handler, watched: which step is made, which state is written |

mod before;
mod script;
mod stage;
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use mortar_connect::{ConnectError, Connections, Secrets};
use mortar_core::config::{ConnectionConfig, Secret};
use mortar_core::event::Event;
use mortar_core::masonhub;
use mortar_core::plugin::PluginProblem;
use mortar_core::ports::{
    Clock, Found, Journal, JournalError, NewCallback, NewEvent, Observation, Observer, Plugin, Random, Sandbox, Share,
};
use mortar_core::retry::RetryPolicy;
use mortar_core::story::{DeliveryStory, EventStory};
use mortar_pipeline::Ports;
use mortar_pipeline::plugins::Plugins;
use mortar_pipeline::run::Runner;
use mortar_sandbox::WasmSandbox;
use tokio::time::Instant;

pub use self::script::{Canned, Fault, Script};
pub use self::stage::Sent;
use self::stage::{Erp, Stage};
use self::watched::Watched;
use crate::wire::{self, SystemClock, WireError};

/// How long the played host has been up: longer than any ERP is at a request.
const UP: Duration = Duration::from_secs(24 * 3600);

/// Claims of one rehearsal, at most. Retries that do not count are without end.
const CLAIMS: usize = 2000;

/// Why there is no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The callback has no such event.
    #[error("{0}")]
    Callback(String),
    /// The plugin cannot be loaded.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Plugin(Vec<PluginProblem>),
    /// Its connections make no sense.
    #[error("{}", .0.iter().map(|problem| format!("connections.{}: {problem}", problem.key)).collect::<Vec<_>>().join("\n"))]
    Connections(Vec<ConnectError>),
    /// The folder or the journal in it.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folder that it takes place in.
    #[error("a temporary folder cannot be made: {0}")]
    Folder(#[from] std::io::Error),
    /// The plugin cannot have such a state.
    #[error("the state that the case begins with: {0}")]
    State(String),
    /// It does not end.
    #[error("it comes to no end in {CLAIMS} attempts; the last one: {0}")]
    Endless(String),
}

/// What comes in.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The callback's body.
    pub body: Bytes,
    /// Which of its events, from 0.
    pub record: usize,
    /// The source that it comes in by.
    pub source: Arc<str>,
    /// When.
    pub received_at: Timestamp,
    /// What the plugin's state is then.
    pub state: BTreeMap<String, Vec<u8>>,
}

impl Incoming {
    /// The event.
    ///
    /// # Errors
    /// There is none that can be read.
    pub fn event(&self) -> Result<Event, RehearsalError> {
        let read = masonhub::read(&self.body);
        let (count, why) = (read.events.len(), read.unreadable.map(|why| format!("; {why}")).unwrap_or_default());
        let none = || RehearsalError::Callback(format!("the callback has {count} events, so there is none at {}{why}", self.record));
        read.events.into_iter().nth(self.record).ok_or_else(none)
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Rehearsed {
    /// All that the journal knows.
    pub story: EventStory,
    /// What left the host, in order.
    pub sent: Vec<Sent>,
    /// The state that the plugin has afterwards, of the keys that it wrote.
    pub state: BTreeMap<String, Option<Vec<u8>>>,
}

impl Rehearsed {
    /// The delivery; none where the plugin does not take such events.
    #[must_use]
    pub fn delivery(&self) -> Option<&DeliveryStory> {
        self.story.deliveries.first()
    }
}

/// Loads a plugin from its files, which need not be in a plugin directory.
///
/// # Errors
/// What is wrong with it.
pub async fn load(sandbox: &WasmSandbox, name: String, component: PathBuf, settings: Option<PathBuf>) -> Result<Plugin, RehearsalError> {
    let found = Found { name, component, settings, stamp: 0, whole: true };
    sandbox.load(&found).await.map_err(RehearsalError::Plugin)
}

/// Takes an event through a plugin, to the end of its delivery.
///
/// # Errors
/// It could not take place.
pub async fn rehearse(
    plugin: &Plugin,
    incoming: &Incoming,
    connections: &BTreeMap<String, ConnectionConfig>,
    script: &Script,
) -> Result<Rehearsed, RehearsalError> {
    let clock = Arc::new(Played::at(incoming.received_at));
    let rules = Connections::new(connections, &NoSecrets, clock.clone(), Arc::new(Nobody)).map_err(RehearsalError::Connections)?;
    let stage = Stage::new(Arc::new(rules), Erp::Played(script.clone()), clock.clone());
    on(Arc::new(stage), clock, plugin, incoming, CLAIMS).await
}

/// Takes an event through a plugin in earnest: its calls are sent. There is one attempt, so a delivery that
/// is to be retried stays open.
///
/// # Errors
/// It could not take place.
pub async fn carry_out(plugin: &Plugin, incoming: &Incoming, connections: Arc<Connections>) -> Result<Rehearsed, RehearsalError> {
    let clock = Arc::new(Played::at(SystemClock.now()));
    let stage = Stage::new(connections, Erp::Real, Arc::new(SystemClock));
    on(Arc::new(stage), clock, plugin, incoming, 1).await
}

async fn on(
    stage: Arc<Stage>,
    clock: Arc<Played>,
    plugin: &Plugin,
    incoming: &Incoming,
    attempts: usize,
) -> Result<Rehearsed, RehearsalError> {
    let folder = tempfile::tempdir()?;
    let journal = wire::scratch_journal(&folder.path().join("journal.db"), clock.clone())?;
    let ports = Ports {
        journal: journal.clone(),
        connector: stage.clone(),
        clock: clock.clone(),
        random: Arc::new(Nobody),
        observer: Arc::new(Nobody),
    };
    let watched = Plugin { handler: Arc::new(Watched::new(plugin.handler.clone(), stage.clone())), ..plugin.clone() };
    let plugins = Arc::new(Plugins::of(vec![watched.clone()], &*journal).await?);
    let up_since = Instant::now().checked_sub(UP).unwrap_or_else(Instant::now);
    let runner = Runner { ports, plugins: plugins.clone(), retry: RetryPolicy::default(), up_since };
    let event = incoming.event()?;
    if !incoming.state.is_empty() {
        let earlier = accept(before::earlier(&event), incoming, &plugins, &*journal).await?;
        let remembers = Plugin { handler: Arc::new(before::Remembers(incoming.state.clone())), ..plugin.clone() };
        before::check(&deliver(&earlier, &runner, &remembers, &clock, 1).await?)?;
    }
    let id = accept(event, incoming, &plugins, &*journal).await?;
    let story = deliver(&id, &runner, &watched, &clock, attempts).await?;
    let mut state = BTreeMap::new();
    if let Some(delivery) = story.deliveries.first() {
        for key in stage.keys() {
            let entry = journal.state(delivery.delivery.id.plugin, key.clone()).await?;
            state.insert(key, entry.map(|entry| entry.value));
        }
    }
    journal.close().await?;
    Ok(Rehearsed { story, sent: stage.sent(), state })
}

async fn accept(event: Event, incoming: &Incoming, plugins: &Plugins, journal: &dyn Journal) -> Result<String, RehearsalError> {
    let id = event.id.clone();
    let callback = NewCallback {
        source: incoming.source.clone(),
        received_at: incoming.received_at,
        remote: None,
        delivery_header: None,
        secret: None,
        body: incoming.body.clone(),
        events: vec![NewEvent { deliveries: plugins.fan_out(&event), event }],
        unreadable: None,
    };
    journal.accept(callback).await?;
    Ok(id)
}

/// Runs attempts until the delivery is over, or has had as many as it may.
async fn deliver(id: &str, runner: &Runner, plugin: &Plugin, clock: &Played, attempts: usize) -> Result<EventStory, RehearsalError> {
    let journal = &runner.ports.journal;
    let lease = plugin.settings.limits.wall + UP;
    let mut last = None;
    for made in 0.. {
        let story = journal.story(id.to_owned()).await?;
        let story = story.ok_or_else(|| JournalError::NotFound(format!("event {id} is not there")))?;
        let Some(delivery) = story.deliveries.first().map(|story| &story.delivery).filter(|delivery| delivery.state.is_open()) else {
            return Ok(story);
        };
        if made == attempts && attempts < CLAIMS {
            return Ok(story);
        }
        if made == attempts {
            break;
        }
        // A little later, since what is waited for is told by a real clock.
        clock.reach(delivery.at + Duration::from_secs(1));
        last.clone_from(&delivery.reason);
        let shares = [Share { plugin: delivery.id.plugin, max: 1 }];
        for claim in journal.claim(clock.now(), 1, lease, &shares).await? {
            runner.run(claim, plugin.clone()).await;
        }
    }
    Err(RehearsalError::Endless(last.unwrap_or_default()))
}

/// A clock that stands still, and is set forwards.
struct Played(std::sync::Mutex<Timestamp>);

impl Played {
    fn at(now: Timestamp) -> Self {
        Self(std::sync::Mutex::new(now))
    }

    fn reach(&self, time: Timestamp) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = time.max(*now);
    }
}

impl Clock for Played {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Nothing is left to chance, nothing is counted.
struct Nobody;

impl Random for Nobody {
    fn fraction(&self) -> f64 {
        0.5
    }
}

impl Observer for Nobody {
    fn observe(&self, _: &Observation<'_>) {}
}

/// Nothing is sent, so no credentials are needed.
struct NoSecrets;

impl Secrets for NoSecrets {
    fn resolve(&self, _: &Secret) -> Result<String, String> {
        Err("no credentials are needed here: leave `auth` out".into())
    }
}

/// The keys that a plugin wrote.
type Keys = BTreeSet<String>;
