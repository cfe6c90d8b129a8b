//! MasonHub's validation checklist: six points, a verdict on each, and the evidence for it.

use std::io::{self, Write};

use serde::Serialize;

/// The points, in MasonHub's order.
pub const POINTS: [&str; 6] = [
    "endpoint receives events",
    "signature verification works",
    "events are processed correctly",
    "ERP is updated",
    "customer notifications are triggered",
    "error handling works",
];

/// Whether a point holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does, and the evidence shows it.
    Holds,
    /// It does not.
    Failed,
    /// Nothing shows it either way.
    NotJudged,
}

/// What is found out about one point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Whether it holds.
    pub verdict: Verdict,
    /// What shows it: numbers, ids, times.
    pub evidence: Vec<String>,
    /// What to do where it does not hold, and where to look further.
    pub next: Vec<String>,
}

impl Judged {
    /// A point that holds, or fails.
    #[must_use]
    pub fn holds(holds: bool, evidence: Vec<String>) -> Self {
        Self { verdict: if holds { Verdict::Holds } else { Verdict::Failed }, evidence, next: Vec::new() }
    }
}

/// All six points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checklist(pub [Judged; 6]);

/// A point as programs read it.
#[derive(Serialize)]
struct Row<'a> {
    point: &'static str,
    #[serde(flatten)]
    judged: &'a Judged,
}

impl Checklist {
    /// True where every point holds; one that cannot be judged does not.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.0.iter().all(|judged| judged.verdict == Verdict::Holds)
    }

    /// The points for programs.
    #[must_use]
    pub fn rows(&self) -> impl Serialize + '_ {
        POINTS.into_iter().zip(&self.0).map(|(point, judged)| Row { point, judged }).collect::<Vec<_>>()
    }

    /// Prints the points for people.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nValidation checklist")?;
        for (point, judged) in POINTS.into_iter().zip(&self.0) {
            let mark = match judged.verdict {
                Verdict::Holds => "[ok]",
                Verdict::Failed => "[FAILED]",
                Verdict::NotJudged => "[not judged]",
            };
            writeln!(out, "  {mark} {point}")?;
            for line in &judged.evidence {
                writeln!(out, "         {line}")?;
            }
            for line in &judged.next {
                writeln!(out, "       → {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(verdict: Verdict) -> Checklist {
        let judged = Judged { verdict, evidence: vec!["3 events".into()], next: vec!["mortar event list".into()] };
        Checklist(std::array::from_fn(|_| judged.clone()))
    }

    #[test]
    fn what_is_not_judged_is_not_passed() {
        assert!(all(Verdict::Holds).passed());
        let mut one_open = all(Verdict::Holds);
        one_open.0[4].verdict = Verdict::NotJudged;
        assert!(!one_open.passed() && !all(Verdict::Failed).passed());
    }

    #[test]
    fn each_point_has_its_verdict_and_its_evidence() {
        let mut printed = Vec::new();
        all(Verdict::Failed).print(&mut printed).unwrap();
        let printed = String::from_utf8(printed).unwrap();
        assert!(printed.contains("  [FAILED] ERP is updated\n         3 events\n       → mortar event list\n"), "{printed}");
        let rows = serde_json::to_value(all(Verdict::NotJudged).rows()).unwrap();
        assert_eq!(rows[5]["point"], "error handling works");
        assert_eq!(rows[5]["verdict"], "not-judged");
    }
}
