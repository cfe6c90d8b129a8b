//! What a plugin may call in one run: its limits and its grants.

use mortar_core::call::Request;
use mortar_core::plugin::PluginSettings;

use super::STEP_LIMIT;

/// What was called so far.
#[derive(Default)]
pub(crate) struct Budget {
    calls: u32,
    sent_bytes: u64,
}

/// Why a call is turned away, whatever its step's past is.
pub(crate) enum Refusal {
    /// The run has broken a limit.
    Broken(String),
    /// This is not allowed.
    Denied(String),
}

impl Budget {
    /// Counts a call, and says whether it may be made.
    pub(crate) fn spend(&mut self, settings: &PluginSettings, step: &str, request: &Request) -> Result<(), Refusal> {
        let limits = &settings.limits;
        self.calls += 1;
        if self.calls > u32::from(limits.calls) {
            return Err(Refusal::Broken(format!("more than {} calls in one attempt (limits.calls)", limits.calls)));
        }
        let size = request.body.as_ref().map_or(0, Vec::len) + request.headers.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>();
        self.sent_bytes += size as u64;
        if self.sent_bytes > limits.sent.as_u64() {
            return Err(Refusal::Broken(format!("requests of more than {} in one attempt (limits.sent)", limits.sent)));
        }
        if step.is_empty() || step.len() > STEP_LIMIT || step.chars().any(char::is_control) {
            return Err(Refusal::Denied(format!("a step's name has 1 to {STEP_LIMIT} bytes and no control characters")));
        }
        settings.grants(request).map_err(Refusal::Denied)
    }
}
