//! Templates, and how they show times, sizes and bodies.

use axum::response::Html;
use jiff::{SignedDuration, Timestamp};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, context};

/// Characters of a body that a page shows; the API has all of it.
const SHOWN: usize = 20_000;

/// What a template is made with: names, each with something that can be serialized.
macro_rules! about {
    (@ $name:ident) => { $name };
    (@ $name:ident $value:expr) => { $value };
    ($($name:ident $(=> $value:expr)?),* $(,)?) => {
        ::minijinja::context! { $($name => ::minijinja::Value::from(::minijinja::value::Serde(&$crate::dashboard::view::about!(@ $name $($value)?)))),* }
    };
}
pub(super) use about;

macro_rules! templates {
    ($($name:literal),+ $(,)?) => { [$(($name, include_str!(concat!("templates/", $name)))),+] };
}

const TEMPLATES: &[(&str, &str)] = &templates![
    "base.html",
    "connections.html",
    "dead.html",
    "event.html",
    "events.html",
    "fault.html",
    "login.html",
    "macros.html",
    "overview.html",
    "plugin.html",
    "plugins.html",
    "quarantined.html",
    "replay.html",
    "round_trips.html",
    "set_aside.html",
    "setup.html",
];

/// Makes pages.
pub(super) struct View(Environment<'static>);

impl View {
    pub(super) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        // Everything is text of others until a template says otherwise.
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.add_global("version", env!("CARGO_PKG_VERSION"));
        environment.add_filter("time", time);
        environment.add_filter("precise", precise);
        environment.add_filter("took", took);
        environment.add_filter("bytes", bytes);
        environment.add_filter("body", body);
        environment.add_filter("json", json);
        environment.add_filter("number", number);
        environment.add_filter("short", short);
        for (name, text) in TEMPLATES {
            environment.add_template(name, text).expect("the templates are part of the program, and a test makes each");
        }
        Self(environment)
    }

    pub(super) fn render(&self, template: &str, about: Value) -> Html<String> {
        let made = self.0.get_template(template).and_then(|template| template.render(about));
        Html(made.unwrap_or_else(|fault| {
            tracing::error!(template, fault = format!("{fault:#}"), "a page of the dashboard could not be made");
            "<!doctype html><title>Mortar</title><p>This page could not be made; the host's log says why.".to_owned()
        }))
    }

    /// A page for somebody who is not logged in.
    pub(super) fn bare(&self, template: &str, about: Value) -> Html<String> {
        self.render(template, context! { ..about, ..about! { path => "/login" } })
    }
}

fn parsed(text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|fault| Error::new(ErrorKind::InvalidOperation, format!("`{text}` is not a time: {fault}")))
}

/// A time to the second, for people; in UTC, as everywhere.
fn time(text: &str) -> Result<String, Error> {
    Ok(format!("{:.0}", parsed(text)?).replacen('T', " ", 1).replacen('Z', "", 1))
}

/// A time to the millisecond.
fn precise(text: &str) -> Result<String, Error> {
    Ok(format!("{:.3}", parsed(text)?).replacen('T', " ", 1).replacen('Z', "", 1))
}

/// How long it took from one time to another.
fn took(from: &str, to: &str) -> Result<String, Error> {
    Ok(duration(parsed(to)?.duration_since(parsed(from)?)))
}

/// A duration in the unit that fits it.
pub(super) fn duration(duration: SignedDuration) -> String {
    let micros = duration.as_micros().max(0);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{:.1} ms", micros as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", micros / 1000),
        1_000_000..60_000_000 => format!("{:.1} s", micros as f64 / 1e6),
        60_000_000..7_200_000_000 => format!("{} min", micros / 60_000_000),
        7_200_000_000..172_800_000_000 => format!("{} h", micros / 3_600_000_000),
        _ => format!("{} days", micros / 86_400_000_000),
    }
}

/// A size.
fn bytes(size: u64) -> String {
    match size {
        0..1024 => format!("{size} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", size as f64 / 1024.0),
        _ => format!("{:.1} MiB", size as f64 / 1_048_576.0),
    }
}

/// A body: JSON over several lines, anything else as it is; only so much of it.
fn body(text: &str) -> String {
    let pretty = serde_json::from_str::<serde_json::Value>(text).and_then(|value| serde_json::to_string_pretty(&value));
    let text = pretty.unwrap_or_else(|_| text.to_owned());
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}\n… {} more bytes: `mortar event show --bodies`", &text[..end], text.len() - end),
        None => text,
    }
}

/// Anything as JSON, over several lines.
fn json(value: &Value) -> Result<String, Error> {
    serde_json::to_string_pretty(value).map_err(|fault| Error::new(ErrorKind::BadSerialization, fault.to_string()))
}

/// A number with its thousands apart.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            // Narrow, and never the end of a line.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// The beginning of a digest.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read() {
        View::new();
    }

    #[test]
    fn what_others_write_is_text() {
        let mut view = View::new();
        view.0.add_template("test", "{{ text }} {{ text | body }}").unwrap();
        let Html(page) = view.render("test", about! { text => "<script>alert(1)</script>" });
        assert!(!page.contains("<script>"), "{page}");
    }

    #[test]
    fn numbers_sizes_and_durations_are_for_people() {
        assert_eq!([number(7), number(1234), number(5_000_000)], ["7", "1\u{202f}234", "5\u{202f}000\u{202f}000"]);
        assert_eq!([bytes(17), bytes(2048), bytes(3 << 20)], ["17 bytes", "2.0 KiB", "3.0 MiB"]);
        let told = |micros| duration(SignedDuration::from_micros(micros));
        assert_eq!([told(740), told(2500), told(90_000), told(61_000_000), told(-5)], ["740 µs", "2.5 ms", "90 ms", "1 min", "0 µs"]);
        assert_eq!(time("2026-01-05T18:20:00.123Z").unwrap(), "2026-01-05 18:20:00");
    }

    #[test]
    fn a_long_body_is_cut_where_a_character_ends() {
        let shown = body(&"é".repeat(SHOWN + 3));
        assert!(shown.ends_with("6 more bytes: `mortar event show --bodies`"), "{}", &shown[shown.len() - 60..]);
    }
}
