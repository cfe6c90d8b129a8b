//! guest-misbehave
