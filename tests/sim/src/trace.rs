//! What happened in a run, for whoever wants to know.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// Notes with their time; where nobody wants them, none are kept.
#[derive(Clone, Debug)]
pub struct Trace(Option<Arc<Lines>>);

#[derive(Debug)]
struct Lines {
    began: Instant,
    lines: Mutex<Vec<String>>,
}

impl Trace {
    /// Begins now.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self(wanted.then(|| Arc::new(Lines { began: Instant::now(), lines: Mutex::default() })))
    }

    /// Keeps a note.
    pub fn note(&self, what: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let line = format!("{:>11.3} s  {}", lines.began.elapsed().as_secs_f64(), what());
            lines.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    /// Takes all notes.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        self.0.as_ref().map(|lines| std::mem::take(&mut *lines.lines.lock().unwrap_or_else(PoisonError::into_inner))).unwrap_or_default()
    }
}
