//! Whether a callback is genuine.
