//! The ports: what the pipeline needs of the world. Adapters implement them; nothing here does.

use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;

mod connector;
mod journal;
mod observer;
mod operators;
mod polls;
mod recordings;
mod round_trips;
mod sandbox;

pub use connector::*;
pub use journal::*;
pub use observer::*;
pub use operators::*;
pub use polls::*;
pub use recordings::*;
pub use round_trips::*;
pub use sandbox::*;

/// A boxed future, as the object-safe ports return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The system clock, injected.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// The time by a clock that nobody sets: it goes on evenly where [`now`](Self::now) jumps. Only
    /// how far two of its times lie apart means anything.
    fn steady(&self) -> Timestamp {
        self.now()
    }
}

/// Chance, injected.
pub trait Random: Send + Sync {
    /// A number from 0 (inclusive) to 1 (exclusive), each as likely as any other.
    fn fraction(&self) -> f64;
}
