//! How a handler ends when something went wrong.

use std::time::Duration;

use crate::{CallError, Delivery, Failure, Retry};

/// A fault of the ERP's own is seldom mended by a retry: a delivery's fifth attempt takes it for a
/// refusal.
const ATTEMPTS_AT_A_FAULT: u32 = 5;

/// What mends it that an ERP did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mends {
    /// This much time.
    After(Duration),
    /// Time, or an operator of the ERP.
    Time,
    /// Time perhaps: a fault of the ERP's own.
    Maybe,
    /// Nothing but another request.
    Nothing,
}

impl Mends {
    /// How this attempt ends that it was not done, in these words.
    #[must_use]
    pub fn failure(self, delivery: &Delivery, words: impl Into<String>) -> Failure {
        match self {
            Self::After(wait) => Failure::retry_after(words, wait),
            Self::Time => Failure::retry(words),
            Self::Maybe if delivery.attempt < ATTEMPTS_AT_A_FAULT => Failure::retry(words),
            Self::Maybe | Self::Nothing => Failure::reject(words),
        }
    }
}

impl Failure {
    /// No attempt can succeed: the delivery becomes a dead letter. The text says what an operator
    /// has to mend.
    pub fn reject(reason: impl Into<String>) -> Self {
        Self::Reject(reason.into())
    }

    /// Time may mend it: the handler runs again when the retry policy says so.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry(Retry { reason: reason.into(), after_ms: None })
    }

    /// Time may mend it: the handler runs again after this wait.
    pub fn retry_after(reason: impl Into<String>, after: Duration) -> Self {
        Self::Retry(Retry { reason: reason.into(), after_ms: Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)) })
    }
}

/// What was not applied is tried again, when the ERP says that it is worth it; the rest is for an
/// operator.
impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unavailable(unavailable) => Self::Retry(Retry { reason: unavailable.reason, after_ms: unavailable.after_ms }),
            CallError::Denied(why) => Self::Reject(format!("a call was denied: {why}")),
            CallError::TooLarge(why) => Self::Reject(format!("a call is too large: {why}")),
            CallError::Diverged(why) => Self::Reject(format!("a step was answered before, with another request: {why}")),
            CallError::InDoubt(why) => Self::Reject(format!("a step is in doubt: {why}")),
        }
    }
}

/// The data is not what was expected: no retry can mend that.
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Reject(format!("this JSON is not what was expected: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unavailable;

    #[test]
    fn only_what_was_not_applied_is_retried() {
        let unavailable = CallError::Unavailable(Unavailable { reason: "503".into(), after_ms: Some(1500) });
        assert_eq!(Failure::from(unavailable), Failure::retry_after("503", Duration::from_millis(1500)));
        let why = || "words".to_owned();
        for error in [CallError::Denied(why()), CallError::TooLarge(why()), CallError::Diverged(why()), CallError::InDoubt(why())] {
            assert!(matches!(Failure::from(error), Failure::Reject(text) if text.ends_with(": words")));
        }
    }

    #[test]
    fn a_fault_of_the_erps_own_is_a_retry_at_first() {
        let failure = |mends: Mends, attempt| mends.failure(&Delivery { attempt, ..Delivery::default() }, "no");
        for (mends, attempt, expected) in [
            (Mends::Time, 100, Failure::retry("no")),
            (Mends::After(Duration::from_secs(2)), 100, Failure::retry_after("no", Duration::from_secs(2))),
            (Mends::Maybe, 4, Failure::retry("no")),
            (Mends::Maybe, 5, Failure::reject("no")),
            (Mends::Nothing, 1, Failure::reject("no")),
        ] {
            assert_eq!(failure(mends, attempt), expected);
        }
    }

    #[test]
    fn a_wait_without_end_is_the_longest() {
        assert!(matches!(Failure::retry_after("x", Duration::MAX), Failure::Retry(Retry { after_ms: Some(u64::MAX), .. })));
    }
}
