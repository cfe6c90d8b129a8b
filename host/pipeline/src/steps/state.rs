//! The plugin's state as one attempt sees it: what is stored, overlaid by its own writes, which
//! are committed with the delivery.

use std::collections::BTreeMap;

use mortar_core::plugin::Limits;
use mortar_core::ports::{BoxFuture, JournalError, PutError, StateEntry, StateWrite};

use super::Steps;

/// Longest key, in bytes.
const KEY_LIMIT: usize = 200;

/// Keys that one attempt may read or write.
const KEYS_PER_ATTEMPT: usize = 1000;

/// What the attempt has seen and written, by key.
#[derive(Default)]
pub(crate) struct Writes(BTreeMap<String, Cell>);

struct Cell {
    /// The version that is stored; 0 for none.
    stored: u64,
    now: Option<StateEntry>,
    written: bool,
}

/// What reads a stored value.
pub(crate) type Stored<'a> = BoxFuture<'a, Result<Option<StateEntry>, JournalError>>;

impl Writes {
    pub(crate) fn into_writes(self) -> Vec<StateWrite> {
        let written = self.0.into_iter().filter(|(_, cell)| cell.written);
        written.map(|(key, cell)| StateWrite { key, expected: cell.stored, value: cell.now.map(|e| e.value) }).collect()
    }

    pub(crate) async fn get<'a>(
        &mut self,
        key: String,
        stored: impl FnOnce(String) -> Stored<'a>,
    ) -> Result<Option<StateEntry>, JournalError> {
        Ok(self.cell(key, stored).await?.and_then(|cell| cell.now.clone()))
    }

    pub(crate) async fn put<'a>(
        &mut self,
        write: StateWrite,
        limits: &Limits,
        stored: impl FnOnce(String) -> Stored<'a>,
    ) -> Result<Result<(), PutError>, JournalError> {
        if write.key.is_empty() || write.key.len() > KEY_LIMIT {
            return Ok(Err(PutError::TooLarge(format!("a key has 1 to {KEY_LIMIT} bytes"))));
        }
        let limit = limits.state_value;
        if write.value.as_ref().is_some_and(|v| v.len() as u64 > limit.as_u64()) {
            return Ok(Err(PutError::TooLarge(format!("a value has at most {limit} (limits.state_value)"))));
        }
        let Some(cell) = self.cell(write.key, stored).await? else {
            return Ok(Err(PutError::TooLarge(format!("one attempt uses at most {KEYS_PER_ATTEMPT} keys"))));
        };
        let version = cell.now.as_ref().map_or(0, |e| e.version);
        if version != write.expected {
            return Ok(Err(PutError::Conflict(version)));
        }
        cell.now = write.value.map(|value| StateEntry { value, version: version.max(cell.stored) + 1 });
        cell.written = true;
        Ok(Ok(()))
    }

    /// The key's cell, read where it is stored at first use; none where the attempt uses too many.
    async fn cell<'a>(&mut self, key: String, stored: impl FnOnce(String) -> Stored<'a>) -> Result<Option<&mut Cell>, JournalError> {
        if !self.0.contains_key(&key) {
            if self.0.len() >= KEYS_PER_ATTEMPT {
                return Ok(None);
            }
            let stored = stored(key.clone()).await?;
            let cell = Cell { stored: stored.as_ref().map_or(0, |e| e.version), now: stored, written: false };
            self.0.insert(key.clone(), cell);
        }
        Ok(self.0.get_mut(&key))
    }
}

impl Steps {
    pub(super) async fn get_state(&self, key: String) -> Result<Option<StateEntry>, JournalError> {
        self.inner.lock().await.state.get(key, |key| self.stored_state(key)).await
    }

    pub(super) async fn put_state(&self, write: StateWrite) -> Result<Result<(), PutError>, JournalError> {
        self.inner.lock().await.state.put(write, &self.plugin.settings.limits, |key| self.stored_state(key)).await
    }

    fn stored_state(&self, key: String) -> Stored<'static> {
        self.ports.journal.state(self.lease.delivery.plugin, key)
    }
}
