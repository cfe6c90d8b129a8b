//! The binary `mortar`.

use std::process::ExitCode;

/// Callbacks are read on one thread and written by another; glibc's allocator spends a fifth of
/// the path on handing that memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mortar_server::cli::main().into()
}
