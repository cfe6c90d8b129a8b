//! The binary `mortar`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mortar_server::cli::main().into()
}
