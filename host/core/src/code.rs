//! Stable error codes: what operators search for, group by and alert on.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | why an attempt failed or a delivery is a dead letter |
//! | `code/load.rs` | why a plugin is not loaded |
//! | `code/answer.rs` | why the admin API says no |
//! | `code/known.rs` | all of them, with cause and cure: `mortar explain` and the list for operators |

pub mod answer;
pub mod known;
pub mod load;

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $text:literal, $cure:literal;)+) => {
        /// Why an attempt failed or a delivery is a dead letter. The texts never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $variant,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as operators see it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// What it means.
            #[must_use]
            pub fn cause(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),+ }
            }

            /// What an operator can do about it.
            #[must_use]
            pub fn cure(self) -> &'static str {
                match self { $(Self::$variant => $cure),+ }
            }
        }
    };
}

codes! {
    /// The plugin ended with `reject`.
    PluginRejected => "plugin.rejected", "read the plugin's reason, mend the data in the ERP or the plugin, then replay";
    /// The plugin ended with `retry`.
    PluginRetry => "plugin.retry", "read the plugin's reason; the next attempt comes by itself";
    /// The plugin crashed.
    PluginTrap => "plugin.trap", "the plugin has a fault: its log and the trap are in `mortar event show`; mend it, then replay";
    /// The plugin used up its CPU budget or wall time.
    PluginTimeout => "plugin.timeout", "the plugin ran too long: look for a loop, or raise limits.cpu or limits.wall in plugin.toml";
    /// The plugin broke a memory, call, byte or log limit in an attempt. Of a plugin that is not loaded: a limit in its settings is over the host's.
    PluginLimit => "plugin.limit", "mend the plugin, or raise the limit in its plugin.toml; where it is over the host's, raise that in mortar.toml or lower the plugin's";
    /// The plugin that the delivery is bound to is not loaded, or no longer handles its type.
    PluginMissing => "plugin.missing", "put the plugin back into the plugin directory; the delivery waits for it";
    /// Every instance was in use.
    PluginBusy => "plugin.busy", "nothing: the delivery runs as soon as an instance is free";
    /// The record does not have the shape of its type.
    EventUnreadable => "event.unreadable", "the record does not fit its event type: look at the payload in `mortar event show`";
    /// The ERP could not be reached, or said that it did not apply the request.
    ErpUnavailable => "erp.unavailable", "look after the ERP; the next attempt comes by itself";
    /// A call was not allowed.
    CallDenied => "call.denied", "grant the connection in plugin.toml, or allow the method and path on the connection";
    /// A write was sent and its answer was lost.
    StepInDoubt => "step.in_doubt", "look in the ERP whether the write arrived, then `mortar dead settle ID --step STEP --done` or `--resend`";
    /// A step was called again with another request than the one that was answered.
    StepDiverged => "step.diverged", "compare both requests in `mortar dead show ID`; then `mortar dead replay ID --keep-steps` (the answer of then stands), `--from-scratch` (everything is sent again) or `mortar dead discard ID`";
    /// Another delivery changed the plugin's state meanwhile.
    StateConflict => "state.conflict", "nothing: the handler runs again";
    /// The policy's attempts or total age are used up.
    AttemptsExhausted => "attempts.exhausted", "see the last attempt's reason, mend it, then replay";
    /// An operator discarded it.
    Discarded => "operator.discarded", "nothing";
    /// The host itself failed.
    HostFault => "host.fault", "see the host's log; the next attempt comes by itself";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for ErrorCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|c| c.as_str() == text).ok_or_else(|| format!("`{text}` is not an error code"))
    }
}
