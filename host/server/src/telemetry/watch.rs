//! What takes observations: metrics unless they are off, traces where they are kept.

use std::sync::Arc;

use mortar_core::ports::{Observation, Observer};
use mortar_core::trace::{Span, TraceContext};

use super::metrics::Metrics;
use super::traces::Traces;

/// Takes observations.
pub struct Watch {
    /// Counts them, if they are to be counted.
    pub metrics: Option<Arc<Metrics>>,
    /// Sends spans, if any are to be sent.
    pub traces: Option<Arc<Traces>>,
}

impl Observer for Watch {
    fn observe(&self, observation: &Observation<'_>) {
        if let Some(metrics) = &self.metrics {
            metrics.observe(observation);
        }
    }

    fn trace(&self, source: &str, event_id: &str) -> Option<TraceContext> {
        self.traces.as_ref()?.trace(source, event_id)
    }

    fn span(&self, span: Span) {
        if let Some(traces) = &self.traces {
            traces.span(span);
        }
    }
}

impl Watch {
    /// Sends the spans that wait. Nothing is observed after this.
    pub async fn stop(&self) {
        if let Some(traces) = self.traces.clone() {
            // A thread of its own, since the spans go out through this runtime.
            let _ = tokio::task::spawn_blocking(move || traces.stop()).await;
        }
    }
}
