//! Golden cases of a plugin: plain files that say what comes in, what the ERP answers, and what is
//! expected. What every plugin has to hold is checked besides, without being asked.
//!
//! | module | what is in it |
//! |---|---|
//! | [`case`](mod@case) | the format of a case |
//! | [`subject`] | the plugin that is tried: its files, its name, its settings |
//! | [`judge`](mod@judge) | a case is run and compared with what it expects |
//! | [`always`] | what holds for every case: faults, determinism, steps, limits |
//! | [`write`](mod@write) | an expectation as text |
//! | [`record`] | a case is made of a real delivery |
//! | [`mask`] | personal data and secrets of real deliveries are replaced |

pub mod always;
pub mod case;
pub mod judge;
pub mod mask;
pub mod record;
pub mod subject;
pub mod write;

pub use case::{Case, CaseError};
pub use judge::{Judged, judge};
pub use subject::Subject;
