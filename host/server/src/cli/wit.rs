//! `mortar wit`: the contract that plugins are written against, for authors without the repository.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use mortar_core::event::Family;
use mortar_core::masonhub;
use mortar_kits::reference::{Sample, page};
use mortar_kits::{contract, embedded};
use mortar_simulator::samples;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::output::{Output, Tone};

/// `mortar wit …`
#[derive(Debug, Subcommand)]
pub(super) enum Wit {
    /// Show an interface with all that is said of it; without a name, list them
    Show {
        /// The interface: `order-events`, `connection`
        interface: Option<String>,
    },
    /// Write the contract's files into a folder, for the tool chain of a plugin
    Export {
        /// The folder; files of the contract that are there and differ are an error
        dir: PathBuf,
    },
    /// Write the contract as a page to read in a browser, with samples of the events
    Html {
        /// The page; one that is there is replaced
        #[arg(default_value = "contract.html")]
        file: PathBuf,
    },
}

pub(super) fn run(command: &Wit, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
        Wit::Show { interface: None } => list(output),
        Wit::Show { interface: Some(name) } => show(name, output),
        Wit::Export { dir } => export(dir, output),
        Wit::Html { file } => html(file, output),
    }
}

/// Every file of the contract, by its place below `wit/`.
fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    embedded::below("wit")
}

/// The name of what a file says, and the file: `order-events` of `order-events.wit`.
fn interfaces() -> impl Iterator<Item = (&'static str, &'static str)> {
    let name = |file: &'static str| file.rsplit('/').next().and_then(|name| name.strip_suffix(".wit")).unwrap_or(file);
    files().map(move |(file, text)| (name(file), text)).filter(|(name, _)| *name != "world")
}

/// The first thing that is said of the interface of a file.
fn summary(text: &'static str) -> &'static str {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let interface = lines.iter().position(|line| line.starts_with("interface ")).unwrap_or_default();
    let comment = lines[..interface].iter().rposition(|line| !line.starts_with("///")).map_or(0, |last| last + 1);
    lines.get(comment).and_then(|line| line.strip_prefix("///")).map(str::trim).unwrap_or_default()
}

fn list(output: &mut Output<'_>) -> Result<Exit, Failure> {
    if output.is_json() {
        let all: Vec<_> = interfaces().map(|(name, text)| json!({ "interface": name, "summary": summary(text) })).collect();
        output.json(&all)?;
    } else {
        let rows = interfaces().map(|(name, text)| vec![name.into(), summary(text).into()]).collect();
        output.table(&["interface", "what it is"], rows, "")?;
    }
    Ok(Exit::Done)
}

fn show(name: &str, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let known: Vec<_> = interfaces().map(|(name, _)| name).collect();
    let (_, text) = interfaces()
        .find(|(interface, _)| *interface == name)
        .ok_or_else(|| Failure::NotFound(format!("there is no interface `{name}`; there are {}", known.join(", "))))?;
    if output.is_json() {
        output.json(&json!({ "interface": name, "text": text }))?;
        return Ok(Exit::Done);
    }
    for line in text.lines() {
        let is_comment = line.trim_start().starts_with("//");
        let line = output.paint(if is_comment { Tone::Faint } else { Tone::Plain }, line);
        output.line(line)?;
    }
    Ok(Exit::Done)
}

fn export(dir: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let changed = files().find(|(file, text)| fs::read_to_string(dir.join(file)).is_ok_and(|there| there != *text));
    if let Some((file, _)) = changed {
        let file = dir.join(file);
        return Err(Failure::Failed(format!("{} is there and differs: remove it, or name another folder", file.display())));
    }
    for (file, text) in files() {
        let file = dir.join(file);
        file.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(&file, text)?;
    }
    if output.is_json() {
        let names: Vec<_> = files().map(|(file, _)| file).collect();
        output.json(&json!({ "directory": dir, "files": names }))?;
    } else {
        output.line(format_args!("{} files in {}", files().count(), dir.display()))?;
    }
    Ok(Exit::Done)
}

fn html(file: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let failed = |error: anyhow::Error| Failure::Failed(format!("the page cannot be made: {error:#}"));
    let folder = tempfile::tempdir()?;
    export(folder.path(), &mut Output::plain(&mut Vec::new(), false))?;
    let resolve = contract::read(folder.path()).map_err(failed)?;
    fs::write(file, page(&resolve, &samples_of_events()).map_err(failed)?)?;
    if output.is_json() {
        output.json(&json!({ "file": file }))?;
    } else {
        output.line(format_args!("{}", file.display()))?;
    }
    Ok(Exit::Done)
}

/// A record of each type of event, as MasonHub sends it.
fn samples_of_events() -> Vec<Sample> {
    let record = |name: &str| {
        let body = samples::stored(name).ok()?;
        let read = masonhub::read(body.as_bytes());
        let event = read.events.first().filter(|event| event.event_type == name)?;
        let record: Value = serde_json::from_str(body.get(event.record.clone())?).ok()?;
        let interface = Family::of(name)?.interface().to_owned();
        Some(Sample { interface, event_type: name.to_owned(), json: serde_json::to_string_pretty(&record).ok()? })
    };
    samples::names().filter_map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, root, found);
            } else if path.extension().is_some_and(|ending| ending == "wit") {
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }

    #[test]
    fn every_file_of_the_contract_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let mut files = Vec::new();
        below(&root, &root, &mut files);
        files.sort();
        assert_eq!(files, super::files().map(|(file, _)| file).collect::<Vec<_>>());
    }

    #[test]
    fn every_interface_can_be_shown_and_says_what_it_is() {
        for (name, text) in interfaces() {
            assert!(text.contains(&format!("interface {name} {{")), "{name}.wit has another interface");
            assert!(!summary(text).is_empty(), "nothing is said of {name}");
        }
        let mut buffer = Vec::new();
        assert!(show("nothing", &mut Output::plain(&mut buffer, false)).is_err_and(|failure| failure.to_string().contains("order-events")));
    }

    #[test]
    fn the_page_has_a_sample_of_every_family() {
        let samples = samples_of_events();
        for (name, text) in interfaces().filter(|(name, _)| name.starts_with("order-") || name.ends_with("-events")) {
            assert!(samples.iter().any(|sample| sample.interface == name), "{name}: {text}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("contract.html");
        assert!(html(&file, &mut Output::plain(&mut Vec::new(), false)).is_ok());
        assert!(fs::read_to_string(file).unwrap().contains("1Z999AA10123456784"), "samples are those that MasonHub's documents show");
    }

    #[test]
    fn the_contract_is_written_again_but_never_over_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let said = || export(folder.path(), &mut Output::plain(&mut Vec::new(), false));
        assert!(said().is_ok() && said().is_ok());
        assert_eq!(fs::read_to_string(folder.path().join("order-events.wit")).unwrap(), include_str!("../../../../wit/order-events.wit"));
        fs::write(folder.path().join("common.wit"), "mine").unwrap();
        assert!(said().is_err_and(|failure| failure.to_string().contains("common.wit is there and differs")));
    }
}
