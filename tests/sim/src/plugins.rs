//! Plugins in native code: what each does is a plan of writes, made of the event alone; how each
//! takes faults is its temper.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mortar_core::call::{CallError, Request, Response, Settlement};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{Ending, Gap};
use mortar_core::event::{Family, Inventory, TypedEvent};
use mortar_core::plugin::PluginSettings;
use mortar_core::ports::{BoxFuture, Handler, Host, JournalError, Plugin, Ran, Run, StateWrite};
use serde_json::json;

use crate::chance::Chance;
use crate::faults::Faults;
use crate::life::Life;
use crate::trace::Trace;

/// A plugin.
#[derive(Clone, Copy, Debug)]
pub struct Native {
    /// Its name.
    pub name: &'static str,
    /// The connection that it writes through.
    pub connection: &'static str,
    family: Family,
    temper: Temper,
    /// What its dead letters mean for later deliveries.
    pub gap: Gap,
    /// The steps of its plan; empty for one step per parcel.
    steps: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Temper {
    /// Looks where a step is in doubt, and settles it.
    Looks,
    /// Does not care: what is in doubt becomes a dead letter.
    Careless,
    /// Traps, retries and rejects, as the event's id and the attempt's number have it.
    Fickle,
    /// Looks, and counts its deliveries in its state.
    Counts,
}

/// All of them.
pub const ALL: [Native; 7] = [
    Native { name: "ships", connection: "plain", family: Family::OrderEvents, temper: Temper::Looks, gap: Gap::Skip, steps: &[] },
    Native {
        name: "notes",
        connection: "plain",
        family: Family::OrderEvents,
        temper: Temper::Careless,
        gap: Gap::Hold,
        steps: &["note", "bill"],
    },
    Native {
        name: "books",
        connection: "keyed",
        family: Family::OrderEvents,
        temper: Temper::Careless,
        gap: Gap::Skip,
        steps: &["book", "post", "close"],
    },
    Native {
        name: "fickle",
        connection: "plain",
        family: Family::OrderEvents,
        temper: Temper::Fickle,
        gap: Gap::Hold,
        steps: &["try", "again"],
    },
    Native {
        name: "counts",
        connection: "keyed",
        family: Family::OrderEvents,
        temper: Temper::Counts,
        gap: Gap::Supersede,
        steps: &["count"],
    },
    Native {
        name: "stock",
        connection: "keyed",
        family: Family::InventoryEvents,
        temper: Temper::Careless,
        gap: Gap::Skip,
        steps: &["stock"],
    },
    Native {
        name: "shelf",
        connection: "plain",
        family: Family::InventoryEvents,
        temper: Temper::Looks,
        gap: Gap::Hold,
        steps: &["shelf"],
    },
];

/// The key under which the plugin `counts` counts.
pub const COUNTER: &str = "deliveries";

/// A write that a plugin plans.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Write {
    /// The event's id.
    pub event: String,
    /// The plugin.
    pub plugin: String,
    /// The step's name.
    pub step: String,
}

impl Write {
    /// The write that a request carries; none for a read.
    #[must_use]
    pub fn read(request: &Request) -> Option<Self> {
        let body: serde_json::Value = serde_json::from_slice(request.body.as_deref()?).ok()?;
        let text = |name: &str| Some(body.get(name)?.as_str()?.to_owned());
        Some(Self { event: text("event")?, plugin: text("plugin")?, step: text("step")? })
    }

    /// Where one can look whether it was applied.
    #[must_use]
    pub fn place(&self) -> String {
        format!("/writes/{}/{}/{}", self.event, self.plugin, self.step)
    }
}

impl Native {
    /// The events that it takes.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The writes that the plugin makes for an event, in order.
    #[must_use]
    pub fn plan(&self, event: &str, typed: Option<&TypedEvent>) -> Vec<Write> {
        let mut steps: Vec<String> = self.steps.iter().map(|step| (*step).to_owned()).collect();
        if let (true, Some(TypedEvent::Order(order))) = (steps.is_empty(), typed) {
            // A parcel has its own step, so that several events of an order never meet.
            steps = order.parcels.iter().map(|parcel| format!("ship {}", parcel.shipment_id)).collect();
            if steps.is_empty() {
                steps.push(format!("status {}", order.status));
            }
        }
        let write = |step| Write { event: event.to_owned(), plugin: self.name.to_owned(), step };
        steps.into_iter().map(write).collect()
    }

    fn request(&self, write: &Write, typed: Option<&TypedEvent>) -> Request {
        let mut body = json!({"event": write.event, "plugin": write.plugin, "step": write.step});
        if let Some(TypedEvent::Inventory(Inventory::Stock(stock))) = typed {
            body["total"] = stock.total.into();
        }
        let (connection, body) = (self.connection.to_owned(), Some(body.to_string().into_bytes()));
        Request { connection, method: "POST".into(), path: "/writes".into(), headers: Vec::new(), body }
    }

    async fn handle(&self, run: &Run, typed: Option<&TypedEvent>, host: &dyn Host) -> Result<(), Ending> {
        for (index, write) in self.plan(&run.event.id, typed).iter().enumerate() {
            if self.temper == Temper::Fickle {
                mood(run, index)?;
            }
            self.write(run, write, typed, host).await?;
        }
        if self.temper == Temper::Counts { count(host).await } else { Ok(()) }
    }

    async fn write(&self, run: &Run, write: &Write, typed: Option<&TypedEvent>, host: &dyn Host) -> Result<(), Ending> {
        loop {
            match host.call(write.step.clone(), self.request(write, typed)).await {
                Ok(response) if response.status < 300 => return Ok(()),
                Ok(response) => return Err(rejects(format!("answered with {}", response.status))),
                Err(CallError::InDoubt(_)) if self.temper != Temper::Careless => {
                    let settlement = self.look(run, write, host).await?;
                    let settled = host.settle(write.step.clone(), settlement).await.map_err(|fault| at_the_host(&fault))?;
                    settled.map_err(rejects)?;
                }
                Err(error) => return Err(ending(error)),
            }
        }
    }

    async fn look(&self, run: &Run, write: &Write, host: &dyn Host) -> Result<Settlement, Ending> {
        let step = format!("look for {} ({})", write.step, run.attempt);
        let (connection, path) = (self.connection.to_owned(), write.place());
        let request = Request { connection, method: "GET".into(), path, headers: Vec::new(), body: None };
        match host.call(step, request).await {
            Ok(Response { status: 404, .. }) => Ok(Settlement::Resend),
            Ok(response) if response.status < 300 => Ok(Settlement::Answered(response)),
            Ok(response) => Err(retries(format!("looking was answered with {}", response.status), None)),
            Err(error) => Err(ending(error)),
        }
    }
}

/// What the kits make of a call's error where a plugin does not care.
fn ending(error: CallError) -> Ending {
    match error {
        CallError::Unavailable { reason, after_ms } => retries(reason, after_ms.map(Duration::from_millis)),
        error => rejects(error.to_string()),
    }
}

fn rejects(reason: String) -> Ending {
    Ending::Refused { code: ErrorCode::PluginRejected, reason }
}

fn retries(reason: String, after: Option<Duration>) -> Ending {
    Ending::Retry { code: ErrorCode::PluginRetry, reason, after, spent: true }
}

/// The end of a handler that the host has to break off.
fn at_the_host(fault: &JournalError) -> Ending {
    Ending::Retry { code: ErrorCode::HostFault, reason: fault.to_string(), after: None, spent: false }
}

fn mood(run: &Run, index: usize) -> Result<(), Ending> {
    let seed = run.event.id.bytes().fold(u64::from(run.attempt) << 8 | index as u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
    match Chance::new(seed).below(10) {
        0 => Err(Ending::Retry { code: ErrorCode::PluginTrap, reason: "unreachable".into(), after: None, spent: true }),
        1 => Err(retries("not now".into(), Some(Duration::from_secs(3)))),
        2 => Err(rejects("never".into())),
        _ => Ok(()),
    }
}

async fn count(host: &dyn Host) -> Result<(), Ending> {
    let broken = |fault| at_the_host(&fault);
    let entry = host.state_get(COUNTER.into()).await.map_err(broken)?;
    let (expected, value) = entry.map_or((0, Vec::new()), |entry| (entry.version, entry.value));
    let value = Some((counted(&value) + 1).to_string().into_bytes());
    let put = host.state_put(StateWrite { key: COUNTER.into(), expected, value }).await.map_err(broken)?;
    put.map_err(|refused| rejects(format!("{refused:?}")))
}

/// What the counter says.
#[must_use]
pub fn counted(value: &[u8]) -> u64 {
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Runs plugins natively, in one host.
#[derive(Clone)]
pub struct SimSandbox {
    /// The host.
    pub life: Life,
    /// Whether attempts stall.
    pub faults: Arc<Faults>,
    /// Where it tells what happens.
    pub trace: Trace,
}

impl SimSandbox {
    /// All plugins.
    #[must_use]
    pub fn plugins(&self) -> Vec<Plugin> {
        let connections = BTreeSet::from(ALL.map(|native| native.connection)).into_iter().map(Into::into).collect();
        let defaults = PluginSettings { connections, ..PluginSettings::default() };
        let plugin = |native: Native| Plugin {
            name: native.name.into(),
            digest: "native".into(),
            component: "native".into(),
            provenance: Arc::default(),
            families: vec![native.family],
            any_event: false,
            round_trip: false,
            settings: Arc::new(PluginSettings { gap: native.gap, ..defaults.clone() }),
            handler: Arc::new(SimHandler { native, sandbox: self.clone() }),
        };
        ALL.map(plugin).to_vec()
    }
}

struct SimHandler {
    native: Native,
    sandbox: SimSandbox,
}

impl Handler for SimHandler {
    fn run(&self, run: Run, typed: Option<TypedEvent>, host: Arc<dyn Host>) -> BoxFuture<'_, Ran> {
        let SimSandbox { life, faults, trace } = &self.sandbox;
        let plugin = self.native.name;
        Box::pin(async move {
            life.point().await;
            trace.note(|| format!("{plugin} takes {}, attempt {}", run.event.id, run.attempt));
            let wall = PluginSettings::default().limits.wall;
            let ending = match tokio::time::timeout(wall, self.native.handle(&run, typed.as_ref(), &*host)).await {
                Ok(handled) => handled.map_or_else(|ending| ending, |()| Ending::Done),
                Err(_) => Ending::Retry { code: ErrorCode::PluginTimeout, reason: "too long".into(), after: None, spent: true },
            };
            if let Some(stall) = faults.stall() {
                tokio::time::sleep(stall).await;
            }
            life.point().await;
            trace.note(|| format!("{plugin} ends {}, attempt {}: {ending:?}", run.event.id, run.attempt));
            Ran { ending, log: Vec::new(), digest: "native".into() }
        })
    }
}
