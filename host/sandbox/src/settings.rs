//! `plugin.toml`: read into core's settings, with every problem at its line.

use std::path::Path;

use mortar_core::config::Problem;
use mortar_core::plugin::{PluginProblem, PluginSettings, code};
use mortar_core::toml_problems::{TomlProblem, locate, read_toml};

use crate::sandbox::SandboxOptions;

/// Understands and checks the text of a plugin's settings, which stands in `file`.
pub(crate) fn understand(plugin: &str, file: &Path, text: &str, options: &SandboxOptions) -> Result<PluginSettings, Vec<PluginProblem>> {
    let problem = |code, message, place| PluginProblem::new(plugin, file, code, message).at(place);
    let unreadable = |TomlProblem { line, column, message, suggestion }: TomlProblem| {
        let message = message + &suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        problem(code::SETTINGS, message, Some((line, column)))
    };
    let settings: PluginSettings = read_toml(text).map_err(|problems| problems.into_iter().map(unreadable).collect::<Vec<_>>())?;

    let odd = settings.problems().into_iter().chain(nothing_delivered(&settings)).map(|problem| (code::SETTINGS, problem));
    let problems: Vec<_> = odd
        .chain(over_limit(&settings, options).map(|problem| (code::LIMIT, problem)))
        .map(|(code, wrong)| problem(code, wrong.to_string(), locate(text, &wrong.key)))
        .collect();
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn nothing_delivered(settings: &PluginSettings) -> Option<Problem> {
    let empty = settings.events.as_ref().is_some_and(Vec::is_empty);
    let message = "an empty list delivers nothing: name event types, or leave it out for all";
    empty.then(|| Problem { key: "events".into(), message: message.into() })
}

fn over_limit(settings: &PluginSettings, options: &SandboxOptions) -> Option<Problem> {
    let (memory, most) = (settings.limits.memory, options.memory_limit);
    let message = format!("{memory} is more than the host gives a plugin ({most}): lower it, or raise `plugins.memory_limit`");
    (memory > most).then(|| Problem { key: "limits.memory".into(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<(Option<usize>, Option<usize>, &'static str, String)> {
        let problems = understand("shop", Path::new("plugin.toml"), text, &SandboxOptions::default()).unwrap_err();
        problems.into_iter().map(|p| (p.line, p.column, p.code, p.message)).collect()
    }

    #[test]
    fn an_empty_file_means_defaults() {
        let settings = understand("shop", Path::new("plugin.toml"), "", &SandboxOptions::default()).unwrap();
        assert!(settings.connections.is_empty() && settings.events.is_none());
    }

    #[test]
    fn an_unknown_key_has_its_line_and_a_suggestion() {
        let found = problems("connections = [\"erp\"]\n\n[limits]\nmemroy = \"1MiB\"\n");
        let [(Some(4), Some(1), code::SETTINGS, message)] = &found[..] else { panic!("{found:?}") };
        assert!(message.contains("`memroy`") && message.ends_with("did you mean `memory`?"), "{message}");
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
