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

/// What is stored of a plugin's state.
pub(crate) trait Stored: Sync {
    /// The entry of a key.
    fn entry(&self, key: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>>;

    /// Bytes of all keys and values.
    fn size(&self) -> BoxFuture<'_, Result<u64, JournalError>>;
}

/// What the attempt has seen and written, by key.
#[derive(Default)]
pub(crate) struct Writes {
    cells: BTreeMap<String, Cell>,
    /// Bytes of the plugin's state, with what was written; read at the first write.
    size: Option<u64>,
}

struct Cell {
    /// The version that is stored; 0 for none.
    stored: u64,
    now: Option<StateEntry>,
    written: bool,
}

impl Writes {
    pub(crate) fn into_writes(self) -> Vec<StateWrite> {
        let written = self.cells.into_iter().filter(|(_, cell)| cell.written);
        written.map(|(key, cell)| StateWrite { key, expected: cell.stored, value: cell.now.map(|e| e.value) }).collect()
    }

    pub(crate) async fn get(&mut self, key: String, stored: &impl Stored) -> Result<Option<StateEntry>, JournalError> {
        Ok(self.cell(key, stored).await?.and_then(|cell| cell.now.clone()))
    }

    pub(crate) async fn put(
        &mut self,
        write: StateWrite,
        limits: &Limits,
        stored: &impl Stored,
    ) -> Result<Result<(), PutError>, JournalError> {
        if write.key.is_empty() || write.key.len() > KEY_LIMIT {
            return Ok(Err(PutError::TooLarge(format!("a key has 1 to {KEY_LIMIT} bytes"))));
        }
        let limit = limits.state_value;
        if write.value.as_ref().is_some_and(|v| v.len() as u64 > limit.as_u64()) {
            return Ok(Err(PutError::TooLarge(format!("a value has at most {limit} (limits.state_value)"))));
        }
        let known = self.size;
        let Some(cell) = self.cell(write.key.clone(), stored).await? else {
            return Ok(Err(PutError::TooLarge(format!("one attempt uses at most {KEYS_PER_ATTEMPT} keys"))));
        };
        let version = cell.now.as_ref().map_or(0, |e| e.version);
        if version != write.expected {
            return Ok(Err(PutError::Conflict(version)));
        }
        let bytes = |value: &Vec<u8>| (write.key.len() + value.len()) as u64;
        let before = cell.now.as_ref().map_or(0, |entry| bytes(&entry.value));
        let after = write.value.as_ref().map_or(0, bytes);
        let known = match known {
            Some(size) => size,
            None => stored.size().await?,
        };
        let (size, limit) = (known.saturating_sub(before) + after, limits.state);
        if after > before && size > limit.as_u64() {
            return Ok(Err(PutError::TooLarge(format!("the plugin's state is full: all of it has at most {limit} (limits.state)"))));
        }
        cell.now = write.value.map(|value| StateEntry { value, version: version.max(cell.stored) + 1 });
        cell.written = true;
        self.size = Some(size);
        Ok(Ok(()))
    }

    /// The key's cell, read where it is stored at first use; none where the attempt uses too many.
    async fn cell(&mut self, key: String, stored: &impl Stored) -> Result<Option<&mut Cell>, JournalError> {
        if !self.cells.contains_key(&key) {
            if self.cells.len() >= KEYS_PER_ATTEMPT {
                return Ok(None);
            }
            let stored = stored.entry(key.clone()).await?;
            let cell = Cell { stored: stored.as_ref().map_or(0, |e| e.version), now: stored, written: false };
            self.cells.insert(key.clone(), cell);
        }
        Ok(self.cells.get_mut(&key))
    }
}

impl Steps {
    pub(super) async fn get_state(&self, key: String) -> Result<Option<StateEntry>, JournalError> {
        self.inner.lock().await.state.get(key, self).await
    }

    pub(super) async fn put_state(&self, write: StateWrite) -> Result<Result<(), PutError>, JournalError> {
        self.inner.lock().await.state.put(write, &self.plugin.settings.limits, self).await
    }
}

impl Stored for Steps {
    fn entry(&self, key: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>> {
        self.ports.journal.state(self.lease.delivery.plugin, key)
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, JournalError>> {
        self.ports.journal.state_size(self.lease.delivery.plugin)
    }
}
