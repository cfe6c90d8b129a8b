//! The journal on SQLite: callbacks, events, deliveries, attempts and calls in one file.
//!
//! | module | what is in it |
//! |---|---|
//! | [`SqliteJournal`] in `journal` | the port, and how the threads are started |
//! | `options` | settings, and why a journal cannot be opened |
//! | `schema` | the file: lock, connections, migrations (`migrations/`) |
//! | `log_file` | the file of the write-ahead log: a commit is one write |
//! | `start` | what is read when a journal is opened |
//! | `check` | whether a journal is sound: quickly at each start, wholly when asked |
//! | `backup` | copies: written while a host serves, restored when none does |
//! | `writer` | the one thread that writes: group commit, and one module for each kind of request |
//! | `queue` | the open deliveries in memory: order, due times, leases |
//! | `ids` | which event ids are known |
//! | `reader`, `read` | the threads that read, and what they read |
//! | `terms` | where events are by what they name: order numbers, SKUs, tracking numbers |
//! | `shared` | what the writer publishes: counts, what is running, when something is claimable |
//! | `space` | the room on the disk: callbacks are refused before it is full |
//! | `recent`, `names`, `key`, `fault` | just accepted events, shared names, keys and hashes, SQLite's faults |
//!
//! **How an accept becomes durable.** The request stands in line; the writer takes what waits,
//! applies it in one transaction, commits it with an fsync of the write-ahead log, publishes it to
//! memory, and answers. What memory knows changes only after a commit, so a failed one leaves no
//! trace.
//!
//! **What stops the acks.** A full disk does, until a write succeeds again; too little free space
//! does, while calls and finishes still go on; damage that the writer meets does, and a file that
//! cannot be synced, until the host is started again.
//!
//! **What polls bring** is marked in the file. A callback is compared with the few events of its
//! subject that are so marked, in the transaction that would store it; so is a poll with what came
//! since it looked (`writer/accept.rs`).
//!
//! **Memory** is bounded: by `Options::open_deliveries` at about 100 bytes each, by the ids that
//! the window holds at 2 bytes each, 13 MB for the newest ids, and the caches.

mod backup;
mod check;
mod fault;
mod ids;
mod journal;
mod key;
mod log_file;
mod names;
mod options;
mod queue;
mod read;
mod reader;
mod recent;
mod schema;
mod shared;
mod space;
mod start;
mod terms;
mod writer;

pub use backup::{BackupError, Backups, Restored, restore};
pub use check::{Contents, check};
pub use journal::SqliteJournal;
pub use options::{OpenError, Options};
