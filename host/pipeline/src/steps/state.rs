//! The plugin's state as one attempt sees it: what is stored, overlaid by its own writes, which
//! are committed with the delivery.

use std::collections::BTreeMap;

use mortar_core::ports::{JournalError, PutError, StateEntry, StateWrite};

use super::Steps;

/// Longest key, in bytes.
const KEY_LIMIT: usize = 200;

/// Keys that one attempt may read or write.
const KEYS_PER_ATTEMPT: usize = 1000;

/// What the attempt has seen and written, by key.
#[derive(Default)]
pub(super) struct Writes {
    cells: BTreeMap<String, Cell>,
    /// Bytes of the plugin's state, with what was written; read at the first write that adds to it.
    size: Option<u64>,
}

struct Cell {
    /// The version that is stored; 0 for none.
    stored: u64,
    now: Option<StateEntry>,
    written: bool,
}

impl Writes {
    pub(super) fn into_writes(self) -> Vec<StateWrite> {
        let written = self.cells.into_iter().filter(|(_, cell)| cell.written);
        written.map(|(key, cell)| StateWrite { key, expected: cell.stored, value: cell.now.map(|e| e.value) }).collect()
    }
}

impl Steps {
    pub(super) async fn get_state(&self, key: String) -> Result<Option<StateEntry>, JournalError> {
        let mut inner = self.inner.lock().await;
        Ok(self.cell(&mut inner.state, key).await?.and_then(|cell| cell.now.clone()))
    }

    pub(super) async fn put_state(&self, write: StateWrite) -> Result<Result<(), PutError>, JournalError> {
        if write.key.is_empty() || write.key.len() > KEY_LIMIT {
            return Ok(Err(PutError::TooLarge(format!("a key has 1 to {KEY_LIMIT} bytes"))));
        }
        let limit = self.plugin.settings.limits.state_value;
        if write.value.as_ref().is_some_and(|v| v.len() as u64 > limit.as_u64()) {
            return Ok(Err(PutError::TooLarge(format!("a value has at most {limit} (limits.state_value)"))));
        }
        let mut inner = self.inner.lock().await;
        let writes = &mut inner.state;
        let Some(cell) = self.cell(writes, write.key.clone()).await? else {
            return Ok(Err(PutError::TooLarge(format!("one attempt uses at most {KEYS_PER_ATTEMPT} keys"))));
        };
        let version = cell.now.as_ref().map_or(0, |e| e.version);
        if version != write.expected {
            return Ok(Err(PutError::Conflict(version)));
        }
        let bytes = |value: &Vec<u8>| (write.key.len() + value.len()) as u64;
        let before = cell.now.as_ref().map_or(0, |entry| bytes(&entry.value));
        let after = write.value.as_ref().map_or(0, bytes);
        let stored = match writes.size {
            Some(size) => size,
            None => self.ports.journal.state_size(self.lease.delivery.plugin).await?,
        };
        let (size, limit) = (stored.saturating_sub(before) + after, self.plugin.settings.limits.state);
        if after > before && size > limit.as_u64() {
            return Ok(Err(PutError::TooLarge(format!("the plugin's state is full: all of it has at most {limit} (limits.state)"))));
        }
        writes.size = Some(size);
        if let Some(cell) = writes.cells.get_mut(&write.key) {
            cell.now = write.value.map(|value| StateEntry { value, version: version.max(cell.stored) + 1 });
            cell.written = true;
        }
        Ok(Ok(()))
    }

    /// The key's cell, read from the journal at first use; none where the attempt uses too many.
    async fn cell<'a>(&self, writes: &'a mut Writes, key: String) -> Result<Option<&'a mut Cell>, JournalError> {
        if !writes.cells.contains_key(&key) {
            if writes.cells.len() >= KEYS_PER_ATTEMPT {
                return Ok(None);
            }
            let stored = self.ports.journal.state(self.lease.delivery.plugin, key.clone()).await?;
            let cell = Cell { stored: stored.as_ref().map_or(0, |e| e.version), now: stored, written: false };
            writes.cells.insert(key.clone(), cell);
        }
        Ok(writes.cells.get_mut(&key))
    }
}
