//! `mortar plugin inspect`: what a component's file says, without a host.

use std::fs;
use std::path::{Path, PathBuf};

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
    tell(&command.file, output)
}

/// Tells what a component's file says.
pub(super) fn tell(file: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let failed = |why: String| Failure::Failed(format!("{}: {why}", file.display()));
    let component = fs::read(file).map_err(|error| failed(error.to_string()))?;
    let told = mortar_sandbox::inspect(&component).map_err(failed)?;
    let settings = beside(file)?;
    let needs = needs(&told, settings.as_ref());
    let warnings = warnings(&told);
    if output.is_json() {
        let Inspected { digest, size, provenance, imports, exports, handlers, problems } = &told;
        let granted = settings.map(|settings| settings.connections);
        output.json(&json!({
            "file": file, "digest": digest, "size": size, "handles": handlers, "imports": imports, "exports": exports,
            "packages": { "imports": provenance.imports, "exports": provenance.exports }, "languages": provenance.languages,
            "tools": provenance.tools, "signed_by": provenance.signed_by, "needs": needs, "granted": granted, "warnings": warnings, "problems": problems,
        }))?;
    } else {
        show(file, &told, &needs, output)?;
        for warning in warnings {
            let warning = output.paint(Tone::Wait, warning);
            output.line(format_args!("{:<10} {warning}", "warning"))?;
        }
    }
    Ok(if told.problems.is_empty() { Exit::Done } else { Exit::Failed })
}

/// The settings that stand beside a component.
fn beside(component: &Path) -> Result<Option<PluginSettings>, Failure> {
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

/// Interfaces of WASI are linked and do nothing. Most come with a language's run time; who uses one of these
/// hopes for something.
const HOPES: [(&str, &str); 5] = [
    ("wasi:sockets/", "there is no network: what goes to the ERP is a call of the kit"),
    ("wasi:http/", "there is no network: what goes to the ERP is a call of the kit"),
    ("wasi:filesystem/", "there are no files: settings are in [config] of plugin.toml, and what is to be remembered in the state"),
    ("wasi:clocks/", "the clock stands at the time of the event's first attempt"),
    ("wasi:random/", "randomness is the same at each attempt of an event"),
];

/// What its author may hope for in vain. Go's run time imports all but the network, whatever it is used for.
fn warnings(told: &Inspected) -> Vec<String> {
    let go = told.provenance.languages.iter().any(|language| language.starts_with("Go "));
    let hopes = HOPES.iter().take(if go { 2 } else { HOPES.len() });
    let hoped = |prefix: &str| told.imports.iter().find(|name| name.starts_with(prefix));
    hopes.filter_map(|(prefix, words)| Some(format!("it imports {}, which is inert: {words}", hoped(prefix)?))).collect()
}

fn show(file: &Path, told: &Inspected, needs: &[String], output: &mut Output<'_>) -> Result<(), Failure> {
    let Inspected { digest, size, provenance, imports, exports, handlers, problems } = told;
    let (inert, imports): (Vec<_>, Vec<_>) = imports.iter().cloned().partition(|name| name.starts_with("wasi:"));
    let signed_by = if provenance.signed_by.is_empty() { vec!["nobody".to_owned()] } else { provenance.signed_by.clone() };
    let versions: Vec<_> =
        provenance.imports.iter().chain(&provenance.exports).filter(|name| !name.starts_with("wasi:")).cloned().collect();
    for (what, told) in [
        ("component", &vec![file.display().to_string()]),
        ("digest", &vec![digest.clone()]),
        ("size", &vec![format!("{size} bytes ({} KiB)", size.div_ceil(1024))]),
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

#[cfg(test)]
mod tests {
    use mortar_core::plugin::Provenance;

    use super::*;

    fn warned(imports: &[&str], language: &str) -> Vec<String> {
        let provenance = Provenance { languages: vec![language.to_owned()], ..Provenance::default() };
        let imports = imports.iter().map(|name| (*name).to_owned()).collect();
        let (digest, exports, handlers, problems) = Default::default();
        warnings(&Inspected { digest, size: 0, provenance, imports, exports, handlers, problems })
    }

    #[test]
    fn who_imports_what_is_inert_is_warned_but_not_of_what_the_run_time_needs() {
        assert_eq!(warned(&["wasi:cli/environment@0.2.6", "wasi:io/streams@0.2.6"], "Rust"), [""; 0]);
        let files = warned(&["wasi:filesystem/types@0.2.6", "wasi:clocks/wall-clock@0.2.6"], "Rust");
        assert!(files.len() == 2 && files[0].contains("[config] of plugin.toml"), "{files:?}");
        assert_eq!(warned(&["wasi:filesystem/types@0.2.12"], "Go go1.27.3"), [""; 0]);
        assert!(warned(&["wasi:sockets/tcp@0.2.12"], "Go go1.27.3")[0].contains("there is no network"));
    }
}
