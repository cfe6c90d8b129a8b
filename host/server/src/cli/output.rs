//! What commands print: lines, tables and JSON, with colour only where it is wanted.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use comfy_table::{Color, ContentArrangement, Table, presets};
use jiff::Timestamp;
use mortar_core::delivery::State;
use serde::Serialize;

/// Where a command prints its result.
pub(super) struct Output<'a> {
    to: &'a mut dyn Write,
    json: bool,
    /// Tables fit the terminal's width; elsewhere they are as wide as they need.
    terminal: bool,
    colour: bool,
}

/// What a piece of text says about the state of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing in particular.
    Plain,
    /// A title.
    Strong,
    /// Of minor interest.
    Faint,
    /// As it should be.
    Good,
    /// Under way, or worth a look.
    Wait,
    /// Somebody has to act.
    Bad,
}

impl Tone {
    /// The tone of a delivery's state.
    #[must_use]
    pub(super) fn of(state: State) -> Self {
        match state {
            State::Done => Self::Good,
            State::Ignored | State::Superseded => Self::Faint,
            State::Pending | State::Running | State::Waiting => Self::Wait,
            State::Dead => Self::Bad,
        }
    }

    fn ansi(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Wait => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }

    fn color(self) -> Option<Color> {
        match self {
            Self::Plain | Self::Strong => None,
            Self::Faint => Some(Color::DarkGrey),
            Self::Good => Some(Color::DarkGreen),
            Self::Wait => Some(Color::DarkYellow),
            Self::Bad => Some(Color::DarkRed),
        }
    }
}

/// A cell of a table.
pub(super) struct Cell(String, Tone);

impl Cell {
    /// A cell of this tone.
    pub(super) fn toned(text: impl Display, tone: Tone) -> Self {
        Self(clean(&text.to_string()), tone)
    }
}

impl<T: Display> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

impl<'a> Output<'a> {
    /// Prints to standard output, as it likes it.
    pub(super) fn to_stdout(stdout: &'a mut io::StdoutLock<'static>, json: bool) -> Self {
        let terminal = stdout.is_terminal();
        Self { to: stdout, json, terminal, colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) }
    }

    /// Prints plainly into memory, for what is shown elsewhere.
    pub(super) fn into_memory(to: &'a mut Vec<u8>) -> Self {
        Self { to, json: false, terminal: false, colour: false }
    }

    /// Prints plainly, whatever the terminal is like.
    #[cfg(test)]
    pub(super) fn plain(to: &'a mut dyn Write, json: bool) -> Self {
        Self { to, json, terminal: false, colour: false }
    }

    /// True where the user asked for JSON.
    #[must_use]
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Text in a tone, ready to be printed by [`Output::line`].
    #[must_use]
    pub(super) fn paint(&self, tone: Tone, text: impl Display) -> String {
        let text = clean(&text.to_string());
        if self.colour && tone != Tone::Plain { format!("{}{text}\x1b[0m", tone.ansi()) } else { text }
    }

    /// Where the rest goes that is neither line nor table.
    pub(super) fn writer(&mut self) -> &mut dyn Write {
        self.to
    }

    /// Prints a line.
    ///
    /// # Errors
    /// Those of the writer.
    pub(super) fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.to, "{text}")
    }

    /// Prints a value as indented JSON.
    ///
    /// # Errors
    /// Those of the writer.
    pub(super) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *self.to, value)?;
        writeln!(self.to)
    }

    /// Prints a table, or `nothing` in its place where it has no rows.
    ///
    /// # Errors
    /// Those of the writer.
    pub(super) fn table(&mut self, heads: &[&str], rows: Vec<Vec<Cell>>, nothing: &str) -> io::Result<()> {
        if rows.is_empty() {
            return self.line(nothing);
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if !self.terminal {
            table.force_no_tty();
        }
        table.set_header(heads.iter().map(|head| self.cell(Cell(head.to_uppercase(), Tone::Faint))));
        for row in rows {
            table.add_row(row.into_iter().map(|cell| self.cell(cell)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let text = table.trim_fmt();
        self.line(text)
    }

    fn cell(&self, Cell(text, tone): Cell) -> comfy_table::Cell {
        let cell = comfy_table::Cell::new(text);
        match tone.color().filter(|_| self.colour) {
            Some(color) => cell.fg(color),
            None => cell,
        }
    }
}

/// Text from outside without the control characters that could play tricks on a terminal.
#[must_use]
pub(super) fn clean(text: &str) -> String {
    let harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    text.chars().fold(String::new(), |mut clean, c| {
        if harmless(c) {
            clean.push(c)
        } else {
            clean.extend(c.escape_default())
        }
        clean
    })
}

/// A time to the second, in UTC.
#[must_use]
pub(super) fn time(at: Timestamp) -> String {
    spaced(format!("{at:.0}"))
}

/// A time to the millisecond, in UTC.
#[must_use]
pub(super) fn precise_time(at: Timestamp) -> String {
    spaced(format!("{at:.3}"))
}

fn spaced(rfc3339: String) -> String {
    rfc3339.replacen('T', " ", 1)
}

/// A number with its noun: `1 event`, `3 events`, `3 deliveries`.
#[must_use]
pub(super) fn counted(number: u64, noun: &str) -> String {
    match noun.strip_suffix("ry") {
        _ if number == 1 => format!("1 {noun}"),
        Some(stem) => format!("{number} {stem}ries"),
        None => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: Vec<Vec<Cell>>) -> String {
        let mut buffer = Vec::new();
        Output::plain(&mut buffer, false).table(&["id", "state"], rows, "nothing there").unwrap();
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn tables_are_aligned_and_plain_where_nobody_watches() {
        let rows = vec![vec!["1042-1".into(), Cell::toned("dead", Tone::Bad)], vec!["7-1".into(), "done".into()]];
        assert_eq!(table(rows), "ID      STATE\n1042-1  dead\n7-1     done\n");
        assert_eq!(table(Vec::new()), "nothing there\n");
    }

    #[test]
    fn a_sender_cannot_write_to_the_operators_terminal() {
        assert_eq!(table(vec![vec!["\x1b[2J".into(), "a".into()]]), "ID         STATE\n\\u{1b}[2J  a\n");
        assert_eq!(clean("two\nlines\tstay, a\rreturn does not"), "two\nlines\tstay, a\\rreturn does not");
    }

    #[test]
    fn colour_is_only_given_where_it_is_wanted() {
        let mut buffer = Vec::new();
        let mut output = Output::plain(&mut buffer, false);
        assert_eq!(output.paint(Tone::Bad, "dead"), "dead");
        output.colour = true;
        assert_eq!(output.paint(Tone::Bad, "dead"), "\x1b[31mdead\x1b[0m");
    }

    #[test]
    fn numbers_have_their_noun() {
        assert_eq!([1, 3].map(|number| counted(number, "event")), ["1 event", "3 events"]);
        assert_eq!([1, 0].map(|number| counted(number, "delivery")), ["1 delivery", "0 deliveries"]);
    }

    #[test]
    fn times_are_short_and_sortable() {
        let at: Timestamp = "2026-03-01T09:30:05.9876Z".parse().unwrap();
        assert_eq!(time(at), "2026-03-01 09:30:05Z");
        assert_eq!(precise_time(at), "2026-03-01 09:30:05.987Z");
    }
}
