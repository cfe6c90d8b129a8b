//! MasonHub's callbacks: from bytes to events.
