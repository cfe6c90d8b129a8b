//! `mortar plugin test`: golden cases, and what holds for every plugin.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use mortar_core::event::Family;
use mortar_core::ports::Plugin;
use mortar_kits::Language;
use mortar_kits::build::COMPONENT;
use mortar_simulator::samples;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{Output, Tone, clean, counted};
use super::{plugin_build, plugin_diff};
use crate::cases::{Case, Judged, Subject, judge, write};
use crate::watching::{self, Watching};

/// `mortar plugin test`
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The plugin's folder, with plugin.toml and cases/ in it, or a component
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    plugin: PathBuf,
    /// The component, where it is not in the folder
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// The cases, where they are not in `cases` beside plugin.toml
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Write what happened into each case as what is expected of it
    #[arg(long)]
    update: bool,
    /// Go on: with each change, build where it is a project, and run the cases again
    #[arg(long, conflicts_with = "junit")]
    watch: bool,
    /// Write the results for a CI system into this file, as JUnit does
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// A case, and what it came to.
#[derive(Serialize)]
struct Tried {
    case: String,
    passed: bool,
    /// True where its file was written anew.
    updated: bool,
    #[serde(flatten)]
    judged: Judged,
}

#[derive(Serialize)]
struct Report {
    plugin: String,
    cases: Vec<Tried>,
    /// Event types that the plugin takes and a case has.
    covered: Vec<String>,
    /// Event types that the plugin takes and no case has.
    uncovered: Vec<String>,
}

pub(super) async fn run(command: &Test, output: &mut Output<'_>) -> Result<Exit, Failure> {
    if !command.watch {
        return once(command, output).await;
    }
    let plugin = if command.plugin.is_dir() { &command.plugin } else { command.plugin.parent().unwrap_or(Path::new(".")) };
    let builds = command.component.is_none() && Language::of(plugin).is_some();
    loop {
        let watching = Watching::start(plugin, &folder(command));
        let watching = watching.map_err(|error| Failure::Failed(format!("{} cannot be watched: {error}", plugin.display())))?;
        let built = if builds { plugin_build::build(plugin, output).map(drop) } else { Ok(()) };
        let ended = match built {
            Ok(()) => once(command, output).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = ended {
            let told = output.paint(Tone::Bad, failure);
            output.line(told)?;
        }
        let waiting = output.paint(Tone::Faint, "waiting for a change; Ctrl-C ends it");
        output.line(waiting)?;
        watching.changed().await;
    }
}

async fn once(command: &Test, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let failed = |error: crate::rehearsal::RehearsalError| Failure::Failed(error.to_string());
    let subject = Subject::at(&command.plugin, command.component.as_deref()).map_err(failed)?;
    let folder = folder(command);
    if let Some(source) = newer_source(&subject.component)
        && !output.is_json()
    {
        let words = format_args!("{} is older than {}: `mortar plugin build` first", subject.component.display(), source.display());
        let warning = output.paint(Tone::Wait, words);
        output.line(warning)?;
    }
    let files = files(&folder)?;
    let plugin = subject.load(&toml::Table::new()).await.map_err(failed)?.plugin;
    let mut cases = Vec::new();
    for file in &files {
        cases.push(tried(file, &folder, &subject, command.update).await?);
    }
    let (covered, uncovered) = coverage(&plugin, &cases);
    let report = Report { plugin: subject.name.clone(), covered, uncovered, cases };
    if let Some(file) = &command.junit {
        fs::write(file, junit(&report)).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    }
    if output.is_json() {
        output.json(&report)?;
    } else {
        show(&report, output)?;
    }
    let passed = report.cases.iter().all(|tried| tried.passed);
    Ok(if passed { Exit::Done } else { Exit::Differs })
}

fn folder(command: &Test) -> PathBuf {
    let beside = if command.plugin.is_dir() { &command.plugin } else { command.plugin.parent().unwrap_or(Path::new("")) };
    command.cases.clone().unwrap_or_else(|| beside.join("cases"))
}

/// A source of a project's component that was written after it.
fn newer_source(component: &Path) -> Option<PathBuf> {
    let project = component.parent().filter(|_| component.ends_with(COMPONENT)).filter(|folder| Language::of(folder).is_some())?;
    let written = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    let built = written(component)?;
    // The host reads its settings from where they are.
    let of_component = |file: &PathBuf| !file.ends_with("plugin.toml");
    watching::sources(project).into_iter().filter(of_component).find(|source| written(source).is_some_and(|at| at > built))
}

/// The cases of a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let listed = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>());
    let mut files = listed.map_err(|error| Failure::NotFound(format!("{}: {error}; --cases names another folder", folder.display())))?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    if files.is_empty() {
        return Err(Failure::NotFound(format!("there is no case (*.toml) in {}", folder.display())));
    }
    Ok(files)
}

async fn tried(file: &Path, folder: &Path, subject: &Subject, update: bool) -> Result<Tried, Failure> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (case, text) = match Case::read(file) {
        Ok(read) => read,
        Err(error) => return Ok(Tried { case: name, passed: false, updated: false, judged: Judged::broken(&error.to_string()) }),
    };
    let mut judged = judge(&case, folder, subject).await;
    let mut updated = false;
    let new = judged.made.as_ref().filter(|_| update && (case.expect.is_none() || !judged.is_as_expected()));
    if let Some(made) = new {
        fs::write(file, write::replace(&text, made)).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
        let (case, _) = Case::read(file).map_err(|error| Failure::Failed(error.to_string()))?;
        judged = judge(&case, folder, subject).await;
        updated = true;
    }
    Ok(Tried { case: name, passed: judged.passed(), updated, judged })
}

/// The event types that a plugin takes, with a case and without one. Samples name the types that there are:
/// what comes after a second dot is a spelling.
fn coverage(plugin: &Plugin, cases: &[Tried]) -> (Vec<String>, Vec<String>) {
    let types = samples::names().filter(|name| Family::of(name).is_some() && name.matches('.').count() == 1);
    let taken = types.filter(|name| plugin.handles(name)).map(str::to_owned);
    taken.partition(|name| cases.iter().any(|tried| tried.judged.event_type.as_ref() == Some(name)))
}

fn show(report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    for Tried { case, passed, updated, judged } in &report.cases {
        let mark = if *passed { output.paint(Tone::Good, "ok    ") } else { output.paint(Tone::Bad, "failed") };
        let event_type = output.paint(Tone::Faint, judged.event_type.as_deref().unwrap_or_default());
        output.line(format_args!("{mark}  {}  {event_type}{}", clean(case), if *updated { "  written anew" } else { "" }))?;
        details(judged, output)?;
    }
    let failed = report.cases.iter().filter(|tried| !tried.passed).count();
    let all = counted(report.cases.len() as u64, "case");
    let verdict = if failed == 0 { output.paint(Tone::Good, "all pass") } else { output.paint(Tone::Bad, format_args!("{failed} failed")) };
    output.line(format_args!("plugin {}: {all}, {verdict}", clean(&report.plugin)))?;
    let (covered, all) = (report.covered.len(), report.covered.len() + report.uncovered.len());
    output.line(format_args!("event types with a case: {covered} of {all}"))?;
    if !report.uncovered.is_empty() {
        let types = output.paint(Tone::Wait, report.uncovered.join(", "));
        output.line(format_args!("no case has {types}"))?;
    }
    Ok(())
}

/// What does not hold, and what is different.
fn details(judged: &Judged, output: &mut Output<'_>) -> Result<(), Failure> {
    for problem in &judged.problems {
        let problem = output.paint(Tone::Bad, problem);
        output.line(format_args!("    {}", problem.replace('\n', "\n    ")))?;
    }
    plugin_diff::differences_of(&judged.diff, output)
}

/// The results as CI systems read them.
fn junit(report: &Report) -> String {
    let failed = report.cases.iter().filter(|tried| !tried.passed).count();
    let head = format!("<testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\">", escaped(&report.plugin), report.cases.len());
    let case = |tried: &Tried| {
        let name = format!("<testcase classname=\"{}\" name=\"{}\"", escaped(&report.plugin), escaped(&tried.case));
        if tried.passed {
            return format!("  {name}/>\n");
        }
        let mut told = Vec::new();
        // Nothing that is written into memory fails.
        let _ = details(&tried.judged, &mut Output::into_memory(&mut told));
        let told = String::from_utf8_lossy(&told);
        format!("  {name}><failure message=\"failed\">{}</failure></testcase>\n", escaped(&told))
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{head}\n{}</testsuite>\n", report.cases.iter().map(case).collect::<String>())
}

fn escaped(text: &str) -> String {
    let harmless = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let text: String = text.chars().filter(harmless).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
