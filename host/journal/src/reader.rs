//! Threads that read, each with a connection of its own, so that no query holds up a write.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use mortar_core::ports::{JournalError, Receipt};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::shared::stopped;

/// Something to be read; it answers whoever asked.
pub(crate) type Ask = Box<dyn FnOnce(&Connection) + Send>;

/// The line of a reading thread.
#[derive(Clone)]
pub(crate) struct Reader {
    line: SyncSender<Ask>,
}

impl Reader {
    /// Starts a thread with a line of this length.
    pub(crate) fn start(name: &str, conn: Connection, length: usize) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (line, asks): (_, Receiver<Ask>) = sync_channel(length);
        let read = move || asks.into_iter().for_each(|ask| ask(&conn));
        let thread = std::thread::Builder::new().name(name.into()).spawn(read)?;
        Ok((Self { line }, thread))
    }

    /// The line, for who may wait for room in it.
    pub(crate) fn line(&self) -> SyncSender<Ask> {
        self.line.clone()
    }

    /// Asks; the answer comes when it is its turn.
    pub(crate) fn ask<T: Send + 'static>(&self, read: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static) -> Receipt<T> {
        let (reply, answer) = oneshot::channel();
        let ask: Ask = Box::new(move |conn| {
            let _ = reply.send(read(conn));
        });
        match self.line.try_send(ask) {
            Ok(()) => Box::pin(async move { answer.await.unwrap_or_else(|_| Err(stopped())) }),
            Err(TrySendError::Full(_)) => Box::pin(std::future::ready(Err(JournalError::Busy))),
            Err(TrySendError::Disconnected(_)) => Box::pin(std::future::ready(Err(stopped()))),
        }
    }
}
