//! `mortar plugin test`: golden cases, and what holds for every plugin.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use mortar_core::event::Family;
use mortar_core::ports::Plugin;
use mortar_simulator::samples;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{Output, Tone, clean, counted};
use super::plugin_diff;
use crate::cases::{Case, Judged, Subject, judge, write};

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
    /// Event types that the plugin takes and no case has.
    uncovered: Vec<String>,
}

pub(super) async fn run(command: &Test, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let failed = |error: crate::rehearsal::RehearsalError| Failure::Failed(error.to_string());
    let subject = Subject::at(&command.plugin, command.component.as_deref()).map_err(failed)?;
    let folder = folder(command);
    let files = files(&folder)?;
    let plugin = subject.load(&toml::Table::new()).await.map_err(failed)?.plugin;
    let mut cases = Vec::new();
    for file in &files {
        cases.push(tried(file, &folder, &subject, command.update).await?);
    }
    let report = Report { plugin: subject.name.clone(), uncovered: uncovered(&plugin, &cases), cases };
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

/// Samples name the types that there are: what comes after a second dot is a spelling.
fn uncovered(plugin: &Plugin, cases: &[Tried]) -> Vec<String> {
    let types = samples::names().filter(|name| Family::of(name).is_some() && name.matches('.').count() == 1);
    let open = types.filter(|name| plugin.handles(name) && !cases.iter().any(|tried| tried.judged.event_type.as_deref() == Some(name)));
    open.map(str::to_owned).collect()
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
