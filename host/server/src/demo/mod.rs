//! `mortar demo`: the whole path on one machine. A simulated warehouse sends, the host runs as a
//! process of its own, a small ERP takes the calls, and in the end the validation checklist is
//! gone through with evidence.
//!
//! | module | what is in it |
//! |---|---|
//! | `host` | the host as a child process that is started again when it dies |
//! | `checklist` | the six points and their evidence |
//! | `tryton` | the same with a real ERP, for one order |

mod checklist;
pub(crate) mod host;
mod tryton;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use mortar_core::delivery::State;
use mortar_simulator::erp::{self, Erp, ErpOptions, Fault, What};
use mortar_simulator::masonhub::{Plan, Scenario, Schedule, SendReport, Sender, send};
use tokio::time::Instant;

use self::checklist::Evidence;
use self::host::HostProcess;
use crate::admin_types::Status;
use crate::cli::exit::{Exit, Failure};

/// MasonHub's waits, sped up: a minute becomes a fifth of a second.
const SPEED: f64 = 1.0 / 300.0;

/// How long the ERP is out of order.
const OUTAGE: Duration = Duration::from_secs(3);

/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_millis(700);

/// The time that everything may take after the last callback.
const PATIENCE: Duration = Duration::from_secs(120);

/// What callbacks are signed with.
const SECRET: &str = "the-demo-secret-0123456789abcdef";

/// Marks a directory that the demo made, and may clear.
const MARK: &str = "# Written by `mortar demo`.\n";

/// `mortar demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// End after the checklist; the exit code is 0 only if all six points hold
    #[arg(long)]
    once: bool,
    /// Kill the host (SIGKILL) in the middle, and start it again
    #[arg(long)]
    kill: bool,
    /// The folder of the built plugin: `rest`, or `tryton` with --tryton
    #[arg(long, value_name = "DIR", default_value = "target/plugins/rest")]
    plugin: PathBuf,
    /// Where the demo keeps its configuration and journal; cleared at each start
    #[arg(long, value_name = "DIR", default_value = "mortar-demo")]
    directory: PathBuf,
    /// Orders that the warehouse ships
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(8..=100_000))]
    orders: u32,
    /// Which orders, parcels and shipments; the same number makes the same demo
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    tryton: tryton::Tryton,
}

/// Runs the demo.
///
/// # Errors
/// It could not be set up, or the host does not come up.
pub async fn run(demo: &Demo, out: &mut dyn Write) -> Result<Exit, Failure> {
    if let Some(url) = &demo.tryton.url {
        return tryton::run(demo, url, out).await;
    }
    let plan = Scenario { seed: demo.seed, orders: demo.orders as usize, ..Scenario::default() }.plan();
    let erp = Erp::bind(ErpOptions::default()).await?;
    let (erp_url, erp_handle) = (erp.url(), erp.handle());
    tokio::spawn(erp.run(std::future::pending()));
    let connection = format!(
        "[delivery.retry]\nfirst_delay = \"200ms\"\nlongest_delay = \"2s\"\n\n\
         [connections.erp]\nurl = \"{erp_url}\"\nidempotency_header = \"Idempotency-Key\"\nprivate_addresses = true\n"
    );
    prepare(&demo.directory, &connection)?;
    put_plugin(demo, "rest")?;
    let mut host = HostProcess::start(&demo.directory).await?;
    let events = plan.truth.events;
    writeln!(out, "warehouse  {} callbacks for {events} events, one of them forged, some sent twice", plan.callbacks.len())?;
    writeln!(out, "host       {} (journal and configuration in {})", host.edge(), demo.directory.display())?;
    writeln!(out, "ERP        {erp_url}, and in a moment it is out of order for {} s\n", OUTAGE.as_secs())?;

    let started = Instant::now();
    let answered = Arc::new(AtomicUsize::new(0));
    let sending =
        tokio::spawn(send_all(format!("http://{}/webhooks/masonhub", host.edge()), host.secret(), plan.clone(), answered.clone()));
    let mut trouble = Trouble { out_of_order: false, killed: !demo.kill };
    let mut settled = false;
    while !(sending.is_finished() && settled) && started.elapsed() < PATIENCE {
        tokio::time::sleep(PROGRESS).await;
        host.look_after(out).await?;
        let sent = answered.load(Ordering::Relaxed);
        trouble.make(sent, plan.callbacks.len(), &erp_handle, &mut host, out)?;
        if let Ok(status) = host.client().status().await {
            settled = trouble.is_over() && open(&status) == 0;
            writeln!(out, "{}", progress(sent, plan.callbacks.len(), &status))?;
        }
    }
    let report = if sending.is_finished() { sending.await.map_err(|e| Failure::Failed(e.to_string()))?? } else { SendReport::default() };
    let evidence = Evidence {
        status: host.client().status().await?,
        dead: host.client().dead().await?,
        ledger: erp_handle.ledger(),
        restarts: host.restarts(),
        plan,
        report,
    };
    let checklist = evidence.judge();
    checklist.print(out)?;
    if !demo.once {
        keep_running(demo, &host, out).await?;
    }
    host.stop().await?;
    Ok(if checklist.passed() { Exit::Done } else { Exit::Failed })
}

/// What goes wrong on purpose while callbacks come.
struct Trouble {
    out_of_order: bool,
    killed: bool,
}

impl Trouble {
    fn make(&mut self, sent: usize, all: usize, erp: &erp::Handle, host: &mut HostProcess, out: &mut dyn Write) -> Result<(), Failure> {
        if !self.out_of_order && sent * 5 >= all {
            self.out_of_order = true;
            erp.fault(Fault::new(What::Cut).after_applying().next(1));
            erp.fault(Fault::new(What::Unavailable { retry_after: Some(1) }).lasting(OUTAGE));
            writeln!(out, "-- the ERP loses one answer, then says 503 to everything for {} s", OUTAGE.as_secs())?;
        } else if !self.killed && sent * 2 >= all {
            self.killed = true;
            writeln!(out, "-- kill -9 to the host")?;
            host.kill()?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.out_of_order && self.killed
    }
}

async fn send_all(url: String, secret: String, plan: Plan, answered: Arc<AtomicUsize>) -> Result<SendReport, Failure> {
    let mut sender = Sender::new(url, secret);
    sender.schedule = Schedule::at_speed(SPEED);
    sender.pace = Duration::from_millis(15);
    let count = move |this: &mortar_simulator::masonhub::Try| {
        if this.answer.as_ref().is_ok_and(|status| *status < 500) {
            answered.fetch_add(1, Ordering::Relaxed);
        }
    };
    send(&sender, &plan.callbacks, count).await.map_err(|e| Failure::Failed(e.to_string()))
}

/// Deliveries that a further attempt is to come of.
fn open(status: &Status) -> u64 {
    status.counts.deliveries.iter().filter(|(state, _)| state.is_open()).map(|(_, count)| count).sum()
}

fn progress(sent: usize, all: usize, status: &Status) -> String {
    let count = |state: State| status.counts.deliveries.iter().find(|(s, _)| *s == state).map_or(0, |(_, count)| *count);
    format!(
        "answered {sent:>4} of {all} callbacks   events {:>4}   done {:>4}   superseded {:>3}   waiting {:>4}   dead {}",
        status.counts.events,
        count(State::Done),
        count(State::Superseded),
        open(status),
        count(State::Dead),
    )
}

/// Writes configuration and secret, with what else the configuration is to say, into a folder that is empty or
/// was written so before.
pub(crate) fn prepare(directory: &Path, more: &str) -> Result<(), Failure> {
    let config = directory.join("mortar.toml");
    if directory.exists() {
        let ours = std::fs::read_to_string(&config).is_ok_and(|text| text.starts_with(MARK));
        let empty = std::fs::read_dir(directory)?.next().is_none();
        if !ours && !empty {
            return Err(Failure::Refused(format!("{} is not the demo's: give another --directory", directory.display())));
        }
        std::fs::remove_dir_all(directory)?;
    }
    std::fs::create_dir_all(directory.join("plugins"))?;
    std::fs::write(directory.join("secret"), SECRET)?;
    let [edge, admin] = host::free_addresses()?;
    let text = format!(
        "{MARK}[edge]\nlisten = \"{edge}\"\n\n[admin]\nlisten = \"{admin}\"\n\n[log]\nformat = \"json\"\n\n\
         [sources.masonhub]\nverify = \"masonhub\"\nsecrets = [{{ file = \"secret\" }}]\n\n{more}"
    );
    std::fs::write(config, text)?;
    Ok(())
}

/// Puts the demo's plugin into its plugin directory.
fn put_plugin(demo: &Demo, name: &str) -> Result<(), Failure> {
    let plugin = demo.directory.join("plugins").join(name);
    std::fs::create_dir_all(&plugin)?;
    for file in std::fs::read_dir(&demo.plugin).map_err(|e| Failure::Failed(missing(&demo.plugin, &e)))? {
        let file = file?.path();
        if let Some(name) = file.file_name() {
            std::fs::copy(&file, plugin.join(name))?;
        }
    }
    Ok(())
}

fn missing(plugin: &Path, fault: &std::io::Error) -> String {
    format!("the plugin is not at {} ({fault}): `cargo xtask plugins` builds it, --plugin says where it is", plugin.display())
}

async fn keep_running(demo: &Demo, host: &HostProcess, out: &mut dyn Write) -> Result<(), Failure> {
    let config = demo.directory.join("mortar.toml");
    let mortar = format!("{} --config {}", host.program().display(), config.display());
    writeln!(out, "\nHost and ERP keep running; Ctrl-C ends them. In another terminal:\n")?;
    for (what, arguments) in [
        ("how the host is", "status"),
        ("what came in", "event list"),
        ("a callback of your own", "event send order.fulfilled"),
        ("its whole story", "event show ID"),
        ("what was not genuine", "rejected list"),
    ] {
        writeln!(out, "  {mortar} {arguments:<28} # {what}")?;
    }
    tokio::signal::ctrl_c().await?;
    Ok(())
}
