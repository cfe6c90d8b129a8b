//! What a plugin costs in each language, next to what a team would use instead: a script that is started
//! for each event, an embedded JavaScript engine, native code.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use clap::Args;
use mortar_core::ports::{BoxFuture, Plugin, Run};
use rquickjs::{Context as Engine, Function, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::figures::{Figures, percentile};
use crate::in_process::{Erp, erp, handle, load, order, resident_bytes, typed};
use crate::sandbox;

/// What `languages` takes.
#[derive(Args, Clone)]
pub(crate) struct Settings {
    /// How often each comparison is made; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the built plugins are
    #[arg(long, default_value = "target/plugins")]
    plugins: PathBuf,
    /// Where languages.json is written
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

/// The languages, and what a fresh instance and its call may take.
const LANGUAGES: [(&str, &str); 6] = [
    ("rust", "at most 80"),
    ("c", "at most 80"),
    ("javascript", "at most 400"),
    ("typescript", ""),
    ("go", "at most 1500"),
    ("python", "at most 1500"),
];

/// Events of a round for each language.
const EVENTS: usize = 300;

/// Processes of a round for each script.
const PROCESSES: usize = 30;

/// Instances that are held in their call at the same time.
const HELD: u32 = 16;

/// A language's plugin, loaded.
struct Loaded {
    language: &'static str,
    goal: &'static str,
    plugin: Plugin,
    micros: Vec<f64>,
}

pub(crate) async fn bench(settings: &Settings) -> Result<()> {
    let place = tempfile::tempdir()?;
    let mut figures = Figures::default();
    let run = order()?;
    let mut all = Vec::new();
    for (language, goal) in LANGUAGES {
        let built = settings.plugins.join(format!("hello-{language}"));
        if built.exists() {
            let plugin = one(&mut figures, language, &built, place.path(), &run).await?;
            all.push(Loaded { language, goal, plugin, micros: Vec::new() });
        } else {
            eprintln!("skipped {language}: {} is not there; `cargo xtask hello {language}` builds it", built.display());
        }
    }
    let json = std::str::from_utf8(&run.event.payload)?.to_owned();
    let scripts = [("python", "python3", "-c", include_str!("languages/ship.py")), ("javascript", "node", "-e", SHIP)];
    let mut processes = [Vec::new(), Vec::new()];
    let (mut embedded, mut native) = (Vec::new(), Vec::new());
    for round in 1..=settings.rounds {
        for loaded in &mut all {
            loaded.micros.push(events(&loaded.plugin, &run).await?);
        }
        embedded.push(median(EVENTS, || engine(&json))?);
        let order = typed(&run)?;
        native.push(median(EVENTS, || sandbox::map(&order).map(|body| drop(std::hint::black_box(body))))?);
        for ((_, program, flag, source), micros) in scripts.iter().zip(&mut processes) {
            match median(PROCESSES, || process(program, flag, source, &json)) {
                Ok(took) => micros.push(took),
                Err(why) if round == 1 => eprintln!("skipped {program}: {why:#}"),
                Err(_) => {}
            }
        }
        eprintln!("round {round} of {}", settings.rounds);
    }
    for loaded in &all {
        figures.add(&format!("{}_us", loaded.language), "µs", loaded.goal, loaded.micros.clone());
    }
    figures.add("native_us", "µs", "", native);
    figures.add("embedded_javascript_us", "µs", "", embedded);
    for ((language, ..), micros) in scripts.iter().zip(processes) {
        let sandboxed = all.iter().find(|loaded| loaded.language == *language).map(|loaded| &loaded.micros);
        let times = sandboxed.map(|sandboxed| micros.iter().zip(sandboxed).map(|(process, own)| process / own).collect());
        figures.add(&format!("{language}_process_us"), "µs", "", micros);
        figures.add(&format!("{language}_vs_process"), "ratio", "at least 10", times.unwrap_or_default());
    }
    figures.setting("events", EVENTS);
    figures.setting("processes", PROCESSES);
    figures.setting("rounds", settings.rounds);
    figures.report("languages", &settings.out)
}

const SHIP: &str = include_str!("languages/ship.js");

/// Compiles and loads a language's plugin, and tells what that takes.
async fn one(figures: &mut Figures, language: &str, built: &Path, place: &Path, run: &Run) -> Result<Plugin> {
    let (plugins, cache) = (place.join(language), place.join(format!("{language}-cache")));
    let plugin = plugins.join(language);
    std::fs::create_dir_all(&plugin)?;
    let component = built.join(format!("hello-{language}.wasm"));
    let size = std::fs::copy(&component, plugin.join("plugin.wasm")).with_context(|| component.display().to_string())?;
    std::fs::copy(built.join("plugin.toml"), plugin.join("plugin.toml"))?;
    let mut loading = Vec::new();
    let mut loaded = Vec::new();
    for _ in 0..2 {
        let started = Instant::now();
        loaded = load(&plugins, cache.clone()).await?;
        loading.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let plugin = loaded.pop().context("there is one plugin")?;
    #[allow(clippy::cast_precision_loss)]
    figures.add(&format!("{language}_size_kib"), "KiB", "", vec![size as f64 / 1024.0]);
    figures.add(&format!("{language}_compile_ms"), "ms", "", vec![loading[0]]);
    figures.add(&format!("{language}_cached_ms"), "ms", "", vec![loading[1]]);
    figures.add(&format!("{language}_instance_mib"), "MiB", "", vec![held(&plugin, run).await?]);
    Ok(plugin)
}

/// MiB that one more instance takes while it waits for an answer.
async fn held(plugin: &Plugin, run: &Run) -> Result<f64> {
    let (here, mut waiting) = mpsc::unbounded_channel();
    let (answer, answered) = watch::channel(false);
    let slow = Erp(move || {
        let mut answered = answered.clone();
        let _ = here.send(());
        Box::pin(async move { drop(answered.wait_for(|answered| *answered).await) }) as BoxFuture<'static, ()>
    });
    let slow = Arc::new(slow);
    let before = resident_bytes()?;
    let mut instances = JoinSet::new();
    for _ in 0..HELD {
        let (plugin, run, slow, typed) = (plugin.clone(), run.clone(), slow.clone(), typed(run)?);
        instances.spawn(async move { handle(&plugin, &run, typed, slow).await });
        waiting.recv().await.context("the plugin makes a call")?;
    }
    let after = resident_bytes()?;
    answer.send_replace(true);
    while let Some(ended) = instances.join_next().await {
        ended??;
    }
    #[allow(clippy::cast_precision_loss)]
    Ok(after.saturating_sub(before) as f64 / f64::from(HELD) / f64::from(1 << 20))
}

/// The median microseconds of a fresh instance and its handler.
async fn events(plugin: &Plugin, run: &Run) -> Result<f64> {
    let mut nanoseconds = Vec::with_capacity(EVENTS);
    let erp = erp();
    for _ in 0..EVENTS {
        let order = typed(run)?;
        let started = Instant::now();
        handle(plugin, run, order, erp.clone()).await?;
        nanoseconds.push(u64::try_from(started.elapsed().as_nanos())?);
    }
    nanoseconds.sort_unstable();
    Ok(percentile(&nanoseconds, 0.5) / 1e3)
}

fn median(times: usize, mut what: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut nanoseconds = Vec::with_capacity(times);
    for _ in 0..times {
        let started = Instant::now();
        what()?;
        nanoseconds.push(u64::try_from(started.elapsed().as_nanos())?);
    }
    nanoseconds.sort_unstable();
    Ok(percentile(&nanoseconds, 0.5) / 1e3)
}

/// A script that gets the event on its standard input and prints the requests.
fn process(program: &str, flag: &str, source: &str, event: &str) -> Result<()> {
    use std::io::Write;
    let mut child = Command::new(program)
        .args([flag, source])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} cannot be started"))?;
    child.stdin.take().context("it was piped")?.write_all(event.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success() && output.stdout.starts_with(b"[{"), "{program} made no requests");
    Ok(())
}

/// A new engine for the event, as isolated from the last one as a plugin's instance is.
fn engine(event: &str) -> Result<()> {
    let engine = Engine::full(&Runtime::new()?)?;
    engine.with(|context| {
        context.eval::<(), _>(SHIP)?;
        let ship: Function<'_> = context.globals().get("ship")?;
        let requests: rquickjs::Value<'_> = ship.call((context.json_parse(event)?,))?;
        let requests = context.json_stringify(requests)?.context("requests have a JSON form")?.to_string()?;
        ensure!(requests.starts_with("[{"), "the engine made no requests");
        Ok(())
    })
}
