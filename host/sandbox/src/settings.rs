//! `plugin.toml`: read into core's settings, with every problem at its line.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::PoisonError;

use mortar_core::config::Problem;
use mortar_core::plugin::{PluginProblem, PluginSettings, code};
use mortar_core::toml_problems::{TomlProblem, locate, read_toml};

use crate::sandbox::SandboxOptions;

/// Understands and checks the text of a plugin's settings, which stands in `file`. Where `is_new`, the
/// connections that it grants have to be there; a generation that was in force before is better than
/// none, whatever became of its connections.
pub(crate) fn understand(
    plugin: &str,
    file: &Path,
    text: &str,
    options: &SandboxOptions,
    is_new: bool,
) -> Result<PluginSettings, Vec<PluginProblem>> {
    let problem = |code, message, place| PluginProblem::new(plugin, file, code, message).at(place);
    let unreadable = |TomlProblem { line, column, message, suggestion }: TomlProblem| {
        let message = message + &suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        problem(code::SETTINGS, message, Some((line, column)))
    };
    let settings: PluginSettings = read_toml(text).map_err(|problems| problems.into_iter().map(unreadable).collect::<Vec<_>>())?;

    let odd = settings.problems().into_iter().chain(nothing_delivered(&settings)).map(|problem| (code::SETTINGS, problem));
    let problems: Vec<_> = odd
        .chain(over_limit(&settings, options).map(|problem| (code::LIMIT, problem)))
        .chain(
            options
                .connections
                .iter()
                .filter(|_| is_new)
                .flat_map(|known| unknown_connections(&settings, &known.read().unwrap_or_else(PoisonError::into_inner))),
        )
        .map(|(code, wrong)| problem(code, wrong.to_string(), locate(text, &wrong.key)))
        .collect();
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn nothing_delivered(settings: &PluginSettings) -> Option<Problem> {
    let empty = settings.events.as_ref().is_some_and(Vec::is_empty);
    let message = "an empty list delivers nothing: name event types, or leave it out for all";
    empty.then(|| Problem { key: "events".into(), message: message.into() })
}

fn unknown_connections(settings: &PluginSettings, known: &BTreeSet<String>) -> Vec<(&'static str, Problem)> {
    let granted = settings.connections.iter().enumerate().filter(|(_, name)| !known.contains(*name));
    let problem = |(index, name): (usize, &String)| {
        let message = format!("there is no connection `{name}`: add [connections.{name}] to mortar.toml, or take it out here");
        (code::CONNECTION, Problem { key: format!("connections[{index}]"), message })
    };
    granted.map(problem).collect()
}

fn over_limit(settings: &PluginSettings, options: &SandboxOptions) -> Option<Problem> {
    let (memory, most) = (settings.limits.memory, options.memory_limit);
    let message = format!("{memory} is more than the host gives a plugin ({most}): lower it, or raise `plugins.memory_limit`");
    (memory > most).then(|| Problem { key: "limits.memory".into(), message })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, RwLock};

    use super::*;

    fn problems(text: &str) -> Vec<(Option<usize>, Option<usize>, &'static str, String)> {
        let problems = understand("shop", Path::new("plugin.toml"), text, &SandboxOptions::default(), true).unwrap_err();
        problems.into_iter().map(|p| (p.line, p.column, p.code, p.message)).collect()
    }

    #[test]
    fn an_empty_file_means_defaults() {
        let settings = understand("shop", Path::new("plugin.toml"), "", &SandboxOptions::default(), true).unwrap();
        assert!(settings.connections.is_empty() && settings.events.is_none());
    }

    #[test]
    fn an_unknown_key_has_its_line_and_a_suggestion() {
        let found = problems("connections = [\"erp\"]\n\n[limits]\nmemroy = \"1MiB\"\n");
        let [(Some(4), Some(1), code::SETTINGS, message)] = &found[..] else { panic!("{found:?}") };
        assert!(message.contains("`memroy`") && message.ends_with("did you mean `memory`?"), "{message}");
    }

    #[test]
    fn a_grant_of_a_connection_that_nobody_configured_has_its_place() {
        let connections = Some(Arc::new(RwLock::new(BTreeSet::from(["erp".to_owned()]))));
        let options = SandboxOptions { connections, ..SandboxOptions::default() };
        let text = "connections = [\n  \"erp\",\n  \"epr\",\n]\n";
        let read = |is_new| understand("shop", Path::new("plugin.toml"), text, &options, is_new);
        let told = read(true).unwrap_err()[0].to_string();
        assert!(told.starts_with("plugin.toml:3:3: connections[1]: there is no connection `epr`: add [connections.epr]"), "{told}");
        assert!(read(false).is_ok(), "what was in force goes on");
    }

    #[test]
    fn a_value_of_the_wrong_kind_has_its_line() {
        let found = problems("# mine\n[limits]\ncpu = \"soon\"\n");
        let [(Some(3), Some(7), code::SETTINGS, message)] = &found[..] else { panic!("{found:?}") };
        assert!(message.contains("`soon` is not a duration"), "{message}");
    }

    #[test]
    fn every_value_that_makes_no_sense_is_told_at_once() {
        let found = problems("events = [\"\"]\nconcurrency = 0\n[limits]\nmemory = \"4GiB\"\nwall = \"0s\"\n");
        let mut places: Vec<_> = found.iter().map(|(line, _, code, _)| (line.unwrap(), *code)).collect();
        places.sort_unstable();
        assert_eq!(places, [(1, code::SETTINGS), (4, code::LIMIT), (5, code::SETTINGS)]);
        assert!(found.iter().any(|problem| problem.3.contains("4.0 GiB is more than the host gives a plugin (128.0 MiB)")), "{found:?}");
    }

    #[test]
    fn broken_toml_has_its_place() {
        let found = problems("connections = [\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].0.is_some(), "{found:?}");
    }
}
