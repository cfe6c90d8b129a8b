//! Everything that is left to chance, from a seed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mortar_core::ports::Random;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded stream of chance; clones share it.
#[derive(Clone, Debug)]
pub struct Chance(Arc<Mutex<ChaCha8Rng>>);

impl Chance {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed))))
    }

    /// A stream of its own, so that what one part of the world draws does not shift the others.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::new(self.rng().random())
    }

    /// True in this share of cases.
    #[must_use]
    pub fn hits(&self, share: f64) -> bool {
        self.fraction() < share
    }

    /// A number from 0 to below `end`.
    #[must_use]
    pub fn below(&self, end: u64) -> u64 {
        self.rng().random_range(0..end.max(1))
    }

    /// A time up to `longest`, in whole milliseconds.
    #[must_use]
    pub fn up_to(&self, longest: Duration) -> Duration {
        Duration::from_millis(self.below(u64::try_from(longest.as_millis()).unwrap_or(u64::MAX).saturating_add(1)))
    }

    /// One of these.
    #[must_use]
    pub fn pick<T: Copy>(&self, among: &[T]) -> T {
        among[usize::try_from(self.below(among.len() as u64)).unwrap_or(0)]
    }

    fn rng(&self) -> MutexGuard<'_, ChaCha8Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Random for Chance {
    fn fraction(&self) -> f64 {
        self.rng().random()
    }
}
