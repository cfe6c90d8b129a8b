//! Whether a request may start now: so many at once, and no longer than so long in line.

use std::time::Duration;

use mortar_core::ports::SendError;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A connection's gate.
pub(crate) struct Gate {
    permits: Semaphore,
    size: usize,
    patience: Duration,
}

impl Gate {
    /// A gate for `size` requests at once; who waits longer than `patience` is turned away.
    pub(crate) fn new(size: usize, patience: Duration) -> Self {
        Self { permits: Semaphore::new(size), size, patience }
    }

    /// Waits for a place; the request is in flight until the permit is dropped.
    ///
    /// # Errors
    /// No place in time. The attempt does not count: the ERP never saw it.
    pub(crate) async fn enter(&self) -> Result<SemaphorePermit<'_>, SendError> {
        match tokio::time::timeout(self.patience, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(SendError::NotSent {
                reason: format!(
                    "all {} requests at once were in use for {:?}; raise `concurrency` if the ERP can take more",
                    self.size, self.patience
                ),
                after: None,
                spent: false,
            }),
        }
    }

    /// Requests under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.size - self.permits.available_permits()
    }

    /// Requests that may be under way at once.
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}
