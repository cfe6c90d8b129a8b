//! Reading a TOML file with every problem at once, each with its place and, where a name is only
//! misspelt, with the right one.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

/// As many problems are shown; who has more, mends these first.
const MAX_PROBLEMS: usize = 100;

/// Something in a TOML file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomlProblem {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The name that was probably meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for TomlProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        self.suggestion.as_ref().map_or(Ok(()), |name| write!(f, "; did you mean `{name}`?"))
    }
}

/// Reads a TOML text.
///
/// # Errors
/// Every problem, in the order of the lines. Of a text that is not TOML, only the first one.
pub fn read_toml<T: DeserializeOwned>(text: &str) -> Result<T, Vec<TomlProblem>> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if let Some(first) = errors.iter().min_by_key(|error| error.span().map(|span| span.start)) {
        return Err(vec![problem(text, first.message(), first.span().unwrap_or_default())]);
    }
    let mut problems = Vec::new();
    let mut cuts: Vec<Cut> = Vec::new();
    // What is wrong is cut out, and the rest is read again, until nothing is wrong any more.
    loop {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(value) if problems.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(error) => error,
        };
        let span = error.span().unwrap_or_default();
        let search = Search { span: span.clone(), unknown: quoted_after(error.message(), "unknown field") };
        let cut = search.cut_from(table.get_mut(), &(0..0));
        if !cuts.iter().any(|earlier| earlier.caused(error.message(), &span)) {
            let place = cut.as_ref().map_or(span, |cut| cut.place.clone());
            problems.push(problem(text, error.message(), place));
        }
        match cut {
            Some(cut) if problems.len() < MAX_PROBLEMS => cuts.push(Cut { meant: suggestion(error.message()), ..cut }),
            _ => break,
        }
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
    Err(problems)
}

/// Where a dotted key such as `sources.masonhub.verify[0].header` stands, as line and column from
/// 1. Where a part of it is absent, the place of what it would belong to; none where even that is.
#[must_use]
pub fn locate(text: &str, key: &str) -> Option<(usize, usize)> {
    let root = DeTable::parse(text).ok()?;
    let mut place = None;
    let mut value: Option<&DeValue<'_>> = None;
    for step in steps(key) {
        let next = match (step, value) {
            (Step::Key(name), None) => root.get_ref().get_key_value(name),
            (Step::Key(name), Some(DeValue::Table(table))) => table.get_key_value(name),
            (Step::Index(index), Some(DeValue::Array(array))) => {
                let Some(element) = array.get(index) else { break };
                place = Some(element.span());
                value = Some(element.get_ref());
                continue;
            }
            _ => break,
        };
        let Some((name, inner)) = next else { break };
        place = Some(name.span());
        value = Some(inner.get_ref());
    }
    place.map(|span| position(text, span.start))
}

enum Step<'k> {
    Key(&'k str),
    Index(usize),
}

/// The steps of a dotted key, whose parts may be quoted.
fn steps(key: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = key;
    std::iter::from_fn(move || {
        if let Some((index, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            rest = after;
            return index.parse().ok().map(Step::Index);
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let (name, after) = match rest.strip_prefix('"').and_then(|inner| inner.split_once('"')) {
            Some(quoted) => quoted,
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        rest = after;
        (!name.is_empty()).then_some(Step::Key(name))
    })
}

/// Something that was cut out of the table.
struct Cut {
    /// The span of the table that it stood in.
    table: Range<usize>,
    /// Its key; empty for an element of an array.
    key: String,
    /// The key that it should probably have had.
    meant: Option<String>,
    /// Where it stands in the text.
    place: Range<usize>,
}

impl Cut {
    /// True where an error at a place only says that this is gone.
    fn caused(&self, message: &str, place: &Range<usize>) -> bool {
        self.table == *place
            && match quoted_after(message, "missing field") {
                Some(missing) => missing == self.key || self.meant.as_deref() == Some(missing),
                // What was wrong with the table as a whole, with the cut in it or without.
                None => quoted_after(message, "unknown field").is_none(),
            }
    }
}

/// Looks for what an error points at.
struct Search<'e> {
    /// Where the error is: a key or a value.
    span: Range<usize>,
    /// The key that is not known. Some types point at the table that holds it only.
    unknown: Option<&'e str>,
}

impl Search<'_> {
    /// Cuts the innermost thing at the place out of a table.
    fn cut_from(&self, table: &mut DeTable<'_>, own: &Range<usize>) -> Option<Cut> {
        if let Some(cut) = table.iter_mut().find_map(|(_, value)| self.cut_below(value)) {
            return Some(cut);
        }
        let here = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| key.span() == self.span || value.span() == self.span;
        let name = table.iter().find(|(key, value)| here((key, value))).map(|(key, _)| key.get_ref().to_string())?;
        self.remove(table, own, &name)
    }

    fn cut_below(&self, value: &mut Spanned<DeValue<'_>>) -> Option<Cut> {
        let own = value.span();
        match value.get_mut() {
            DeValue::Table(table) => match self.unknown {
                Some(name) if own == self.span && table.contains_key(name) => self.remove(table, &own, name),
                _ => self.cut_from(table, &own),
            },
            DeValue::Array(array) => {
                if let Some(cut) = array.iter_mut().find_map(|element| self.cut_below(element)) {
                    return Some(cut);
                }
                let index = array.iter().position(|element| element.span() == self.span)?;
                let elements = std::mem::replace(array, DeArray::new()).into_iter().enumerate();
                *array = elements.filter(|(i, _)| *i != index).map(|(_, element)| element).collect();
                Some(Cut { table: own, key: String::new(), meant: None, place: self.span.clone() })
            }
            _ => None,
        }
    }

    fn remove(&self, table: &mut DeTable<'_>, own: &Range<usize>, name: &str) -> Option<Cut> {
        let (key, value) = table.remove_entry(name)?;
        let at_value = value.span() == self.span && self.unknown.is_none();
        let place = if at_value { value.span() } else { key.span() };
        Some(Cut { table: own.clone(), key: name.to_owned(), meant: None, place })
    }
}

/// The problem in an operator's words: keys, not fields; whole numbers, not `usize`.
fn problem(text: &str, message: &str, place: Range<usize>) -> TomlProblem {
    const WORDS: [(&str, &str); 8] = [
        ("unknown field", "unknown key"),
        ("missing field", "missing key"),
        ("duplicate field", "duplicate key"),
        ("unknown variant", "unknown value"),
        ("expected usize", "expected a whole number"),
        ("expected u16", "expected a whole number up to 65535"),
        ("expected u32", "expected a whole number"),
        ("expected u64", "expected a whole number"),
    ];
    let (line, column) = position(text, place.start);
    let suggestion = suggestion(message);
    // The right name says more than the list of all names.
    let message = match (&suggestion, message.split_once(", expected")) {
        (Some(_), Some((message, _))) => message,
        _ => message,
    };
    // Which struct of ours it is helps nobody.
    let message = message.split_once("expected struct ").map_or(message.to_owned(), |(found, _)| format!("{found}expected a table"));
    let message = WORDS.iter().fold(message, |message, (word, better)| message.replace(word, better));
    TomlProblem { line, column, message, suggestion }
}

/// The name in the error's list of known ones that is most like the unknown one.
fn suggestion(message: &str) -> Option<String> {
    const ALIKE: f64 = 0.8;
    let unknown = quoted_after(message, "unknown field").or_else(|| quoted_after(message, "unknown variant"))?;
    let (_, known) = message.split_once(", expected")?;
    let alike = known.split('`').skip(1).step_by(2).map(|name| (strsim::jaro_winkler(unknown, name), name));
    let best = alike.filter(|(likeness, _)| *likeness >= ALIKE).max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.map(|(_, name)| name.to_owned())
}

/// The name in backticks that follows these words at the start of a message.
fn quoted_after<'m>(message: &'m str, words: &str) -> Option<&'m str> {
    message.strip_prefix(words)?.strip_prefix(" `")?.split_once('`').map(|(name, _)| name)
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
