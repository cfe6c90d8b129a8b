//! Pictures of minutes, as SVG without any text: a picture may be stretched, letters may not. What a
//! picture shows is told in words and numbers beside it.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::pulse::{Count, Minute};
use super::view::duration;

/// Width and height of a picture in its own units.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;

/// Bars of a picture.
const BARS: usize = 60;

/// Over which time a picture goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    Hour,
    SixHours,
    Day,
}

impl Span {
    pub(super) const ALL: [Self; 3] = [Self::Hour, Self::SixHours, Self::Day];

    pub(super) fn of(text: &str) -> Self {
        Self::ALL.into_iter().find(|span| span.key() == text).unwrap_or(Self::Hour)
    }

    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Hour => "1 hour",
            Self::SixHours => "6 hours",
            Self::Day => "24 hours",
        }
    }

    /// Minutes of one bar.
    fn minutes(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::SixHours => 6,
            Self::Day => 24,
        }
    }
}

/// Bars, each of as many minutes; none where the host did not run yet.
pub(super) struct Bars {
    from: Timestamp,
    bars: Vec<Option<Minute>>,
}

impl Bars {
    pub(super) fn new(minutes: &[Minute], span: Span) -> Self {
        let last = minutes.last().map_or(Timestamp::UNIX_EPOCH, |minute| minute.at);
        let length = span.minutes() * 60;
        let end = (last.as_second().div_euclid(length) + 1) * length;
        let from = end - BARS as i64 * length;
        let mut bars = vec![None; BARS];
        for minute in minutes {
            let at = (minute.at.as_second() - from).div_euclid(length);
            if let Some(bar) = usize::try_from(at).ok().and_then(|at| bars.get_mut(at)) {
                bar.get_or_insert_with(|| Minute::starting(minute.at)).add(minute);
            }
        }
        Self { from: Timestamp::from_second(from).unwrap_or(last), bars }
    }

    /// All of it as one.
    pub(super) fn sum(&self) -> Minute {
        self.bars.iter().flatten().fold(Minute::default(), |mut sum, bar| {
            sum.add(bar);
            sum
        })
    }

    /// When the first bar begins.
    pub(super) fn from(&self) -> Timestamp {
        self.from
    }
}

/// A picture, and what it says in words.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    pub(super) title: &'static str,
    pub(super) svg: String,
    /// What the top is, for people.
    pub(super) top: String,
    /// What each colour stands for, and the number that goes with it.
    pub(super) legend: Vec<Legend>,
    /// All of it for who does not see it.
    pub(super) words: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Legend {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// Counts on top of each other.
pub(super) fn counts(title: &'static str, bars: &Bars, series: &[(&'static str, &'static str, Count)]) -> Picture {
    let stacked = |minute: &Minute| series.iter().map(|(.., count)| minute.count(*count)).sum::<u64>();
    let top = bars.bars.iter().flatten().map(stacked).max().unwrap_or(0).max(1);
    let mut svg = Svg::new(bars);
    let step = WIDTH / BARS as f64;
    for (at, minute) in bars.bars.iter().enumerate() {
        let Some(minute) = minute else { continue };
        let mut y = HEIGHT;
        for (class, _, count) in series {
            let height = minute.count(*count) as f64 / top as f64 * HEIGHT;
            if height > 0.0 {
                y -= height;
                let x = at as f64 * step;
                let _ = write!(
                    svg.0,
                    r#"<rect class="{class}" x="{:.1}" y="{y:.1}" width="{:.1}" height="{height:.1}"/>"#,
                    x + 0.5,
                    step - 1.0
                );
            }
        }
    }
    let sum = bars.sum();
    let legend = series.iter().map(|(class, name, count)| Legend { class, name, value: super::view::number(sum.count(*count)) }).collect();
    Picture::new(title, svg, format!("{} at most in a bar", super::view::number(top)), legend)
}

/// How many deliveries were open.
pub(super) fn open(title: &'static str, bars: &Bars) -> Picture {
    let values: Vec<_> = bars.bars.iter().map(|bar| bar.as_ref().and_then(|minute| minute.open).map(|open| open as f64)).collect();
    let top = values.iter().flatten().fold(1.0, |top: f64, value| top.max(*value));
    let mut svg = Svg::new(bars);
    svg.line("c-open", &values, top);
    let now = values.iter().rev().flatten().next().copied().unwrap_or(0.0);
    let legend = vec![Legend { class: "c-open", name: "open now", value: super::view::number(now as u64) }];
    Picture::new(title, svg, format!("{} at most", super::view::number(top as u64)), legend)
}

/// Shares of durations.
pub(super) fn latency(title: &'static str, bars: &Bars, of: impl Fn(&Minute) -> &super::pulse::Durations) -> Picture {
    const SHARES: [(&str, &str, f64); 3] = [("c-p50", "half", 0.5), ("c-p95", "95 of 100", 0.95), ("c-p99", "99 of 100", 0.99)];
    let told = |took: Duration| duration(SignedDuration::try_from(took).unwrap_or(SignedDuration::MAX));
    let lines = SHARES.map(|(class, _, share)| {
        let line = bars.bars.iter().map(|bar| bar.as_ref().and_then(|minute| of(minute).share(share)).map(|took| took.as_secs_f64()));
        (class, line.collect::<Vec<_>>())
    });
    let top = lines.iter().flat_map(|(_, line)| line).flatten().fold(0.0, |top: f64, value| top.max(*value));
    let mut svg = Svg::new(bars);
    lines.iter().for_each(|(class, line)| svg.line(class, line, top.max(1e-6)));
    let sum = bars.sum();
    let value = |share| of(&sum).share(share).map_or_else(|| "–".to_owned(), told);
    let legend = SHARES.map(|(class, name, share)| Legend { class, name, value: value(share) }).into();
    let top = if top > 0.0 { format!("up to {}", told(Duration::from_secs_f64(top))) } else { "nothing yet".to_owned() };
    Picture::new(title, svg, top, legend)
}

impl Picture {
    fn new(title: &'static str, svg: Svg, top: String, legend: Vec<Legend>) -> Self {
        let parts: Vec<_> = legend.iter().map(|legend| format!("{} {}", legend.name, legend.value)).collect();
        let words = format!("{title}: {}; {top}", parts.join(", "));
        Self { title, svg: svg.end(), top, legend, words }
    }
}

struct Svg(String);

impl Svg {
    /// An empty picture; where the host did not run, it says so.
    fn new(bars: &Bars) -> Self {
        let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true" focusable="false">"#);
        let before = bars.bars.iter().take_while(|bar| bar.is_none()).count();
        if before > 0 {
            let width = before as f64 * WIDTH / BARS as f64;
            let _ = write!(svg, r#"<rect class="before" x="0" y="0" width="{width:.1}" height="{HEIGHT}"/>"#);
        }
        for y in [0.5, HEIGHT / 2.0, HEIGHT - 0.5] {
            let _ = write!(svg, r#"<line class="grid" x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>"#);
        }
        Self(svg)
    }

    /// A line through the values; where there is none, it has a gap.
    fn line(&mut self, class: &str, values: &[Option<f64>], top: f64) {
        let step = WIDTH / BARS as f64;
        let mut path = String::new();
        let mut drawn = false;
        for (at, value) in values.iter().enumerate() {
            let Some(value) = value else {
                drawn = false;
                continue;
            };
            let y = HEIGHT - 1.0 - value / top * (HEIGHT - 2.0);
            let x = at as f64 * step;
            let _ = write!(path, "{}{x:.1} {y:.1}L{:.1} {y:.1}", if drawn { "L" } else { "M" }, x + step);
            drawn = true;
        }
        if !path.is_empty() {
            let _ = write!(self.0, r#"<path class="line {class}" d="{path}"/>"#);
        }
    }

    fn end(mut self) -> String {
        self.0.push_str("</svg>");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mortar_core::ports::{Observation, Observer};

    use super::*;
    use crate::dashboard::pulse::Pulse;
    use crate::telemetry::metrics::Metrics;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn minutes(stored: &[usize]) -> Vec<Minute> {
        let pulse = Pulse::new(at(0), Arc::new(Metrics::new(at(0), "mortar.db".into())));
        for (minute, stored) in stored.iter().enumerate() {
            pulse.look(at(60 * minute as i64), None);
            pulse.observe(&Observation::Events { source: "masonhub", stored: *stored, duplicates: 0 });
        }
        pulse.minutes()
    }

    const ACCEPTED: &[(&str, &str, Count)] = &[("c-accepted", "accepted", Count::Accepted)];

    #[test]
    fn the_newest_bar_is_the_last_and_what_was_before_the_start_is_marked() {
        let bars = Bars::new(&minutes(&[5, 10]), Span::Hour);
        assert_eq!((bars.from(), bars.bars.iter().flatten().count()), (at(120 - 3600), 2));
        let picture = counts("Callbacks", &bars, ACCEPTED);
        assert!(picture.svg.contains(r#"class="before" x="0" y="0" width="580.0""#), "{}", picture.svg);
        assert!(picture.svg.contains(r#"<rect class="c-accepted" x="580.5" y="60.0" width="9.0" height="60.0"/>"#), "{}", picture.svg);
        assert_eq!(picture.words, "Callbacks: accepted 15; 10 at most in a bar");
    }

    #[test]
    fn a_longer_span_has_more_minutes_in_a_bar() {
        let bars = Bars::new(&minutes(&[1; 10]), Span::SixHours);
        let sums: Vec<_> = bars.bars.iter().flatten().map(|bar| bar.count(Count::Accepted)).collect();
        assert_eq!(sums, [6, 4]);
        assert_eq!(bars.sum().count(Count::Accepted), 10);
    }

    #[test]
    fn a_line_has_a_gap_where_nothing_is_known() {
        let mut svg = Svg(String::new());
        svg.line("c", &[Some(1.0), None, Some(0.0)], 1.0);
        assert_eq!(svg.0, r#"<path class="line c" d="M0.0 1.0L10.0 1.0M20.0 119.0L30.0 119.0"/>"#);
    }

    #[test]
    fn nothing_is_a_picture_too() {
        let bars = Bars::new(&minutes(&[0]), Span::Day);
        assert!(latency("Answers", &bars, |minute| &minute.acks).words.contains("nothing yet"));
        assert!(open("Open", &bars).svg.ends_with("</svg>"));
    }
}
