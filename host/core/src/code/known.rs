//! Every code with its cause and its cure: what `mortar explain` says, and the list for operators.

use serde::Serialize;

use super::{ErrorCode, answer, load};

/// A code, and what operators are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Known {
    /// The code. It never changes.
    pub code: &'static str,
    /// What it means.
    pub cause: &'static str,
    /// What to do about it.
    pub cure: &'static str,
}

/// A list of codes, each with its cause (the comment) and its cure.
macro_rules! entries {
    ($($(#[doc = $doc:literal])+ $name:ident => $text:literal, $cure:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $text;)+

        /// Every one of them.
        pub const ALL: &[super::known::Known] =
            &[$(super::known::Known { code: $text, cause: concat!($($doc),+).trim_ascii(), cure: $cure }),+];
    };
}

pub(super) use entries;

/// A part of all codes, and when one of it is met.
pub struct Part {
    /// Its heading.
    pub title: &'static str,
    /// Its codes.
    pub codes: Vec<Known>,
}

/// Every code once, in parts.
#[must_use]
pub fn parts() -> [Part; 3] {
    let attempts: Vec<_> =
        ErrorCode::ALL.iter().map(|code| Known { code: code.as_str(), cause: code.cause(), cure: code.cure() }).collect();
    // A limit can be broken by an attempt as well as by the settings: it is told of once.
    let load = load::ALL.iter().filter(|known| attempts.iter().all(|attempt| attempt.code != known.code)).copied().collect();
    [
        Part { title: "Attempts and dead letters", codes: attempts },
        Part { title: "Plugins that are not loaded", codes: load },
        Part { title: "Answers of the admin API", codes: answer::ALL.to_vec() },
    ]
}

/// What is known of a code.
///
/// # Errors
/// There is no such code; the one that is most like it.
pub fn explain(code: &str) -> Result<Known, Known> {
    let all = || parts().into_iter().flat_map(|part| part.codes);
    if let Some(known) = all().find(|known| known.code == code) {
        return Ok(known);
    }
    let likeness = |known: &Known| strsim::jaro_winkler(known.code, code);
    // There is always one: the lists are not empty.
    Err(all().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or(answer::ALL[0]))
}

/// The list for operators, as a page.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# Error codes\n\n\
         What failed, what it means and what to do. `mortar explain CODE` says the same. A code never changes its meaning: \
         search, group and alert by it. `mortar event list --code CODE` lists the events whose deliveries failed with it.\n",
    );
    for part in parts() {
        page.push_str(&format!("\n## {}\n\n| code | cause | cure |\n|---|---|---|\n", part.title));
        for Known { code, cause, cure } in part.codes {
            page.push_str(&format!("| `{code}` | {cause} | {cure} |\n"));
        }
    }
    page
}
