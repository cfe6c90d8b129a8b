//! The life of one host process: it may be killed wherever it awaits something of the world.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// One host process, from its start to its end. Clones share it.
#[derive(Clone, Debug)]
pub struct Life(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Points until it is killed.
    left: AtomicU64,
    over: AtomicBool,
    /// Not a `watch`: that wakes in an order left to chance.
    ends: Notify,
}

impl Life {
    /// A life that ends at the `points`-th point from now.
    #[must_use]
    pub fn new(points: u64) -> Self {
        Self(Arc::new(Inner { left: AtomicU64::new(points), over: AtomicBool::new(false), ends: Notify::new() }))
    }

    /// Ends it.
    pub fn end(&self) {
        self.0.over.store(true, Ordering::SeqCst);
        self.0.ends.notify_waiters();
    }

    /// From now on it is not killed.
    pub fn spare(&self) {
        self.0.left.store(u64::MAX, Ordering::SeqCst);
    }

    /// True once it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.over.load(Ordering::SeqCst)
    }

    /// Resolves when it has ended.
    pub async fn over(&self) {
        let mut ends = std::pin::pin!(self.0.ends.notified());
        ends.as_mut().enable();
        if !self.is_over() {
            ends.await;
        }
    }

    /// A point at which the host may be killed. All adapters of a host pass such points before and
    /// after each of their effects, and none of them goes on once the host is dead: so this stands
    /// for a kill at any await of the pipeline.
    pub async fn point(&self) {
        if !self.is_over() && self.0.left.fetch_sub(1, Ordering::SeqCst) <= 1 {
            self.end();
        }
        if self.is_over() {
            std::future::pending::<()>().await;
        }
    }
}
