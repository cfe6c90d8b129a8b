//! The ports: what the pipeline needs of the world. Adapters implement them; nothing here does.

use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;

mod connector;
mod journal;
mod observer;
mod sandbox;

pub use connector::*;
pub use journal::*;
pub use observer::*;
pub use sandbox::*;

/// A boxed future, as the object-safe ports return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The system clock, injected.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
