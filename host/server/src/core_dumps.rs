//! No core dumps: the memory of a host holds secrets and bodies.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Forbids them for this process and what it starts. `systemd-coredump` goes by the same limit.
pub fn forbid() {
    // Where even lowering a limit is not allowed, the service's own settings say what holds.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
