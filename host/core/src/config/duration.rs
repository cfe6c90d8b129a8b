//! Durations as `"30s"`, `"1h 30m"`, `"35d"`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Reads a duration.
///
/// # Errors
/// Not a duration, negative, or over 10,000 days.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text)
        .ok_or_else(|| de::Error::custom(format!("`{text}` is not a duration; one looks like \"30s\", \"15m\", \"12h\" or \"35d\"")))
}

/// Reads a duration from its text; a day has 24 hours.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok().filter(|d| *d <= Duration::from_secs(10_000 * 24 * 3600))
}
