//! Broken hosts: each drops one rule that the promises rest on, and the simulation has to notice.

use std::fmt;

use crate::properties::Property;

macro_rules! mutations {
    ($($(#[doc = $doc:literal])+ $name:ident => $($property:ident)|+;)+) => {
        /// A rule that the host breaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutation {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Mutation {
            /// Every mutation.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The properties that may give it away.
            #[must_use]
            pub fn caught_by(self) -> &'static [Property] {
                match self { $(Self::$name => &[$(Property::$property),+]),+ }
            }
        }
    };
}

mutations! {
    /// A callback is acknowledged as soon as it stands in line.
    AckBeforeCommit => AckedIsDurable;
    /// A commit that is torn by a crash leaves the events without their deliveries.
    TornCommit => NothingIsMissing | AckedIsDurable;
    /// Events that come again are stored again.
    ForgetDedupe => WrittenOnce;
    /// Steps are not found in the journal when a handler runs again.
    ForgetSteps => WrittenOnce;
    /// A lease is no right: what is leased out is handed out once more, and both attempts journal.
    ForgetLeases => WrittenOnce | OrderHolds | StateIsCompared;
    /// An attempt whose lease was taken over still journals.
    ForgetTokens => WrittenOnce | DoneIsWritten | WritesAreJournaled | OrderHolds | StateIsCompared;
    /// A write without idempotency key is sent before its intent is durable.
    SendBeforeIntent => WrittenOnce | WritesAreJournaled;
    /// A write whose answer was lost is sent again as if it had never been sent.
    ResendInDoubt => WrittenOnce;
    /// A lost answer is taken for a request that was not applied.
    LostIsUnsent => WrittenOnce | WritesAreJournaled;
    /// Each repetition of a write has an idempotency key of its own.
    ForgetKeys => WrittenOnce;
    /// Deliveries of one subject do not wait for each other.
    ForgetOrder => OrderHolds;
    /// A dead letter holds nobody up.
    ForgetGaps => OrderHolds;
    /// Older counts are delivered like any other event.
    ForgetNewest => NewestWins;
    /// A newer count does not wait where the older one did, whose request may be under way.
    ForgetPlaces => NewestWins;
    /// Deliveries that wait for another attempt are forgotten when the host starts.
    LoseWaiting => AllIsOver;
    /// A commit that fails is reported as done.
    ForgetFaults => AckedIsDurable | NothingIsMissing | WritesAreJournaled | AllIsOver;
    /// A plugin's state is written without a look at its version.
    ForgetVersions => StateIsCompared;
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
