//! `mortar.toml`.

use mortar_core::config::Config;
use mortar_core::toml_problems::{TomlProblem, locate, read_toml};
use mortar_core::verify::Verifier;

/// Reads a configuration: it is understood, or every problem has its place in the text.
pub fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    match read_toml::<Config>(text) {
        Ok(config) => {
            for problem in config.problems() {
                placed(text, locate(text, &problem.key));
            }
            for source in config.sources.values() {
                let _ = Verifier::new(&source.verify, &source.secrets, &|_| Ok("a secret of this source".into()));
            }
        }
        Err(problems) => all_placed(text, &problems),
    }
}

/// What cannot be read has reasons, and each is somewhere in the text.
pub(crate) fn all_placed(text: &str, problems: &[TomlProblem]) {
    assert!(!problems.is_empty(), "it was not read, and nothing is said to be wrong");
    problems.iter().for_each(|problem| placed(text, Some((problem.line, problem.column))));
}

/// A place is in the text, or at its end.
pub(crate) fn placed(text: &str, place: Option<(usize, usize)>) {
    let Some((line, column)) = place else { return };
    let lines: Vec<_> = text.split('\n').collect();
    let length = line.checked_sub(1).and_then(|at| lines.get(at)).map(|line| line.chars().count());
    assert!(length.is_some_and(|length| (1..=length + 1).contains(&column)), "{line}:{column} is not in the text");
}
