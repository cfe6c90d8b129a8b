//! The table and the JSON file of a benchmark.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::{Table, presets::ASCII_MARKDOWN};
use serde::Serialize;

/// One figure: the median over the rounds, with its spread.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    value: f64,
    unit: &'static str,
    low: f64,
    high: f64,
    #[serde(skip)]
    goal: &'static str,
}

/// The figures of one benchmark, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Figures {
    figures: Vec<(String, Figure)>,
    settings: BTreeMap<String, serde_json::Value>,
}

impl Figures {
    /// Adds a figure from its rounds; none where nothing was measured.
    pub(crate) fn add(&mut self, name: &str, unit: &'static str, goal: &'static str, mut rounds: Vec<f64>) {
        rounds.sort_by(f64::total_cmp);
        if let (Some(low), Some(high)) = (rounds.first(), rounds.last()) {
            let figure = Figure { value: rounds[rounds.len() / 2], unit, low: *low, high: *high, goal };
            self.figures.push((name.to_owned(), figure));
        }
    }

    /// Notes a setting beside the figures.
    pub(crate) fn setting(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.settings.insert(name.to_owned(), value.into());
    }

    /// Prints the table and writes `NAME.json`.
    pub(crate) fn report(&self, name: &str, out: &Path) -> Result<()> {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_header(["figure", "median", "low", "high", "unit", "goal"]);
        for (name, figure) in &self.figures {
            let shown = |value: f64| if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") };
            let row = [shown(figure.value), shown(figure.low), shown(figure.high)];
            table.add_row([name.clone(), row[0].clone(), row[1].clone(), row[2].clone(), figure.unit.into(), figure.goal.into()]);
        }
        eprintln!("\n{table}");
        let figures: BTreeMap<_, _> = self.figures.iter().map(|(name, figure)| (name, figure)).collect();
        let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let machine = serde_json::json!({ "os": std::env::consts::OS, "arch": std::env::consts::ARCH, "cpus": cpus });
        let page = serde_json::json!({ "figures": figures, "machine": machine, "settings": self.settings });
        std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
        let file = out.join(format!("{name}.json"));
        std::fs::write(&file, serde_json::to_vec_pretty(&page)?).with_context(|| file.display().to_string())?;
        eprintln!("written to {}", file.display());
        Ok(())
    }
}

/// The value below which this share of the sorted values lies.
pub(crate) fn percentile(sorted: &[u64], share: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    #[allow(clippy::cast_precision_loss)]
    sorted.get(at).map_or(f64::NAN, |v| *v as f64)
}
