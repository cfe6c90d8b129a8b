//! `mortar plugin inspect`: what a component's file says, without a host.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use mortar_core::plugin::PluginSettings;
use mortar_core::toml_problems::read_toml;
use mortar_sandbox::Inspected;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::{Output, Tone, clean};

/// `mortar plugin inspect`
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The component; settings beside it (NAME.toml or plugin.toml) say what it is granted
    file: PathBuf,
}

pub(super) fn run(command: &Inspect, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let file = &command.file;
    let failed = |why: String| Failure::Failed(format!("{}: {why}", file.display()));
    let component = fs::read(file).map_err(|error| failed(error.to_string()))?;
    let told = mortar_sandbox::inspect(&component).map_err(failed)?;
    let settings = beside(file)?;
    let needs = needs(&told, settings.as_ref());
    if output.is_json() {
        let Inspected { digest, size, provenance, imports, exports, handlers, problems } = &told;
        let granted = settings.map(|settings| settings.connections);
        output.json(&json!({
            "file": file, "digest": digest, "size": size, "handles": handlers, "imports": imports, "exports": exports,
            "packages": { "imports": provenance.imports, "exports": provenance.exports }, "languages": provenance.languages,
            "tools": provenance.tools, "signed_by": provenance.signed_by, "needs": needs, "granted": granted, "problems": problems,
        }))?;
    } else {
        show(&told, &needs, output)?;
    }
    Ok(if told.problems.is_empty() { Exit::Done } else { Exit::Failed })
}

/// The settings that stand beside a component.
fn beside(component: &std::path::Path) -> Result<Option<PluginSettings>, Failure> {
    let Some(file) = [component.with_extension("toml"), component.with_file_name("plugin.toml")].into_iter().find(|file| file.is_file())
    else {
        return Ok(None);
    };
    let text = fs::read_to_string(&file).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    let settings = read_toml(&text).map_err(|problems| {
        let told = problems.iter().map(|problem| format!("{}:{}:{}: {}", file.display(), problem.line, problem.column, problem.message));
        Failure::Failed(told.collect::<Vec<_>>().join("\n"))
    })?;
    Ok(Some(settings))
}

/// What its settings have to grant. Which connections it names is only known when it runs.
fn needs(told: &Inspected, settings: Option<&PluginSettings>) -> Vec<String> {
    let uses = |interface: &str| told.imports.iter().any(|name| name.starts_with(&format!("mortar:plugin/{interface}@")));
    let granted = match settings {
        Some(settings) if !settings.connections.is_empty() => format!("its settings grant {}", settings.connections.join(", ")),
        Some(_) => "its settings grant none".into(),
        None => "there are no settings beside it, so none is granted".into(),
    };
    let need = |what: &str| format!("{what} that it names, in `connections` of plugin.toml ({granted})");
    let needs = [(uses("connection"), "each connection"), (uses("mail"), "each mail server")];
    needs.into_iter().filter(|(used, _)| *used).map(|(_, what)| need(what)).collect()
}

fn show(told: &Inspected, needs: &[String], output: &mut Output<'_>) -> Result<(), Failure> {
    let Inspected { digest, size, provenance, imports, exports, handlers, problems } = told;
    let (inert, imports): (Vec<_>, Vec<_>) = imports.iter().cloned().partition(|name| name.starts_with("wasi:"));
    let signed_by = if provenance.signed_by.is_empty() { vec!["nobody".to_owned()] } else { provenance.signed_by.clone() };
    let versions: Vec<_> =
        provenance.imports.iter().chain(&provenance.exports).filter(|name| !name.starts_with("wasi:")).cloned().collect();
    for (what, told) in [
        ("digest", &vec![digest.clone()]),
        ("size", &vec![format!("{size} bytes")]),
        ("signed by", &signed_by),
        ("languages", &provenance.languages),
        ("tools", &provenance.tools),
        ("contract", &versions),
        ("handles", handlers),
        ("exports", exports),
        ("imports", &imports),
        ("inert", &inert),
        ("needs", &needs.to_vec()),
    ] {
        let mut lines = told.iter().map(|line| clean(line));
        let Some(first) = lines.next() else { continue };
        output.line(format_args!("{what:<10} {first}"))?;
        lines.try_for_each(|line| output.line(format_args!("{:<10} {line}", "")))?;
    }
    for problem in problems {
        let problem = output.paint(Tone::Bad, problem);
        output.line(format_args!("{:<10} {problem}", "problem"))?;
    }
    Ok(())
}
