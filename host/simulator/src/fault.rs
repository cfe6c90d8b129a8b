//! What goes wrong on demand.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Something that goes wrong with the next requests that it fits.
///
/// As JSON: `{"what": "hang"}`, `{"what": {"unavailable": {"retry_after": 2}}, "next": 5,
/// "path": "/shipments", "applied": true}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub what: What,
    /// The request is applied all the same, and only its answer is lost or wrong.
    #[serde(default)]
    pub applied: bool,
    /// Only the next so many requests that fit. Absent: any number.
    #[serde(default)]
    pub next: Option<u32>,
    /// Only for so many milliseconds from now. Absent: until faults are cleared.
    #[serde(default)]
    pub for_ms: Option<u64>,
    /// Only this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only paths that contain this.
    #[serde(default)]
    pub path: Option<String>,
}

/// The ways of going wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// 503.
    Unavailable {
        /// Seconds of the Retry-After header.
        retry_after: Option<u32>,
    },
    /// This status, with an error text.
    Status(u16),
    /// No answer until the client goes away.
    Hang,
    /// The connection is cut instead of an answer.
    Cut,
    /// The right answer, so many milliseconds late. The request is applied before the wait where
    /// the fault says `applied`, else after it.
    Slow(u64),
    /// 200 and bytes that are neither JSON nor UTF-8.
    Garbage,
    /// 307 to this address.
    Redirect(String),
    /// 200 and so many bytes, sent as fast as the client takes them.
    Huge(u64),
}

impl What {
    /// The name under which the ledger counts it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::Status(_) => "status",
            Self::Hang => "hang",
            Self::Cut => "cut",
            Self::Slow(_) => "slow",
            Self::Garbage => "garbage",
            Self::Redirect(_) => "redirect",
            Self::Huge(_) => "huge",
        }
    }
}

impl Fault {
    /// For every request, until cleared, without applying it.
    #[must_use]
    pub fn new(what: What) -> Self {
        Self { what, applied: false, next: None, for_ms: None, method: None, path: None }
    }

    /// Only for the next so many requests that fit.
    #[must_use]
    pub fn next(self, requests: u32) -> Self {
        Self { next: Some(requests), ..self }
    }

    /// Only for so long, rounded down to milliseconds.
    #[must_use]
    pub fn lasting(self, time: Duration) -> Self {
        Self { for_ms: Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)), ..self }
    }

    /// Only where the path contains this.
    #[must_use]
    pub fn on(self, path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    /// Applies the request all the same.
    #[must_use]
    pub fn after_applying(self) -> Self {
        Self { applied: true, ..self }
    }

    fn fits(&self, method: &str, path: &str) -> bool {
        let same_method = self.method.as_ref().is_none_or(|m| m.eq_ignore_ascii_case(method));
        same_method && self.path.as_ref().is_none_or(|part| path.contains(part.as_str()))
    }
}

/// The faults that are set. The one set first is met first.
#[derive(Default)]
pub(crate) struct Faults {
    set: Vec<(Fault, Option<Instant>)>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        let until = fault.for_ms.and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)));
        self.set.push((fault, until));
    }

    pub(crate) fn clear(&mut self) {
        self.set.clear();
    }

    /// The faults that are still to come.
    pub(crate) fn list(&mut self) -> Vec<Fault> {
        self.forget_past();
        self.set.iter().map(|(fault, _)| fault.clone()).collect()
    }

    /// The fault that this request meets.
    pub(crate) fn meet(&mut self, method: &str, path: &str) -> Option<Fault> {
        self.forget_past();
        let (fault, _) = self.set.iter_mut().find(|(fault, _)| fault.fits(method, path))?;
        if let Some(left) = &mut fault.next {
            *left -= 1;
        }
        Some(fault.clone())
    }

    fn forget_past(&mut self) {
        let now = Instant::now();
        self.set.retain(|(fault, until)| fault.next != Some(0) && until.is_none_or(|until| now < until));
    }
}
