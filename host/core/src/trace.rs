//! Traces: from a callback to the calls that it led to, also when they come days and restarts later.
//!
//! Nothing is stored for it. Trace and spans get their ids from what they are about: the trace from the
//! callback that brought an event, a span from the one above it and its name. So an attempt after a
//! restart, on another host or by a replay is in the trace of its callback, and whether a trace is kept
//! is decided alike everywhere.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Where in a trace something is, as W3C Trace Context has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: [u8; 16],
    /// The span.
    pub span: [u8; 8],
}

impl TraceContext {
    /// The span of the callback that brought an event: of all events of a callback the same.
    #[must_use]
    pub fn of_callback(source: &str, event_id: &str) -> Self {
        // An event's id is that of its callback and its number in it.
        let callback = match event_id.rsplit_once(':') {
            Some((callback, number)) if number.bytes().all(|b| b.is_ascii_digit()) => callback,
            _ => event_id,
        };
        let hash = hash(&[b"callback", source.as_bytes(), callback.as_bytes()]);
        Self { trace: part(&hash, 0), span: part(&hash, 16) }
    }

    /// A span below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self { trace: self.trace, span: part(&hash(&[&self.trace, &self.span, name.as_bytes()]), 0) }
    }

    /// True where this share of all traces has this one in it.
    #[must_use]
    pub fn is_sampled(&self, share: f64) -> bool {
        let chance = u64::from_be_bytes(part(&self.trace, 8)) >> 11;
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let fraction = chance as f64 / (1_u64 << 53) as f64;
        fraction < share
    }

    /// The value of the header `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", hex::encode(self.trace), hex::encode(self.span))
    }
}

/// Something that took its time, in a trace that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Where it is.
    pub context: TraceContext,
    /// The span above it.
    pub parent: Option<[u8; 8]>,
    /// What it was.
    pub name: String,
    /// Which side of a request it was.
    pub kind: SpanKind,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What else is known of it: ids and results, never bodies or secrets.
    pub attributes: Vec<(&'static str, String)>,
    /// The code of what went wrong.
    pub error: Option<String>,
}

/// Which side of a request a span was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Somebody asked the host.
    Server,
    /// Neither.
    Internal,
    /// The host asked somebody.
    Client,
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn part<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
    std::array::from_fn(|at| bytes[from + at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_events_of_a_callback_are_in_one_trace() {
        let first = TraceContext::of_callback("masonhub", "msg_1:0");
        assert_eq!(first, TraceContext::of_callback("masonhub", "msg_1:12"));
        assert_ne!(first.trace, TraceContext::of_callback("masonhub", "msg_2:0").trace);
        assert_ne!(first.trace, TraceContext::of_callback("another", "msg_1:0").trace);
        assert_eq!(TraceContext::of_callback("masonhub", "poll:order"), TraceContext::of_callback("masonhub", "poll:order"));
    }

    #[test]
    fn a_span_below_has_an_id_of_its_own_and_always_the_same() {
        let callback = TraceContext::of_callback("masonhub", "msg_1:0");
        let attempt = callback.child("rest 1");
        assert_eq!(attempt, callback.child("rest 1"));
        assert_eq!(attempt.trace, callback.trace);
        assert_ne!(attempt.span, callback.child("rest 2").span);
    }

    #[test]
    fn a_share_is_about_that_share() {
        let kept = |share| (0..10_000).filter(|n| TraceContext::of_callback("m", &format!("msg_{n}:0")).is_sampled(share)).count();
        assert_eq!((kept(0.0), kept(1.0)), (0, 10_000));
        assert!((50..200).contains(&kept(0.01)), "{}", kept(0.01));
    }

    #[test]
    fn the_header_has_the_form_of_the_standard() {
        let context = TraceContext { trace: [0xab; 16], span: [1; 8] };
        assert_eq!(context.traceparent(), "00-abababababababababababababababab-0101010101010101-01");
    }
}
