//! The configuration: from `mortar.toml` to something that can be relied on.
//!
//! | module | what is in it |
//! |---|---|
//! | [`load`](mod@load) | reads and proves the file |
//! | [`problem`] | what is wrong with it, and where |
//! | [`secrets`] | looks secrets up |
//! | [`template`] | the commented file that `mortar init` writes |

pub mod load;
pub mod problem;
pub mod secrets;
pub mod template;

pub use load::{DEFAULT_FILE, Loaded, examine, glimpse, load, read};
pub use problem::{Problem, Severity};
