//! `cargo xtask test`: everything that has to hold before a change lands.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::run::{cargo, run};
use crate::{hello, plugins};

pub(crate) fn test(fast: bool) -> Result<ExitCode> {
    #[allow(clippy::disallowed_methods, reason = "tells the developer how long it took")]
    let started = Instant::now();
    run(&mut cargo(&["fmt", "--all", "--", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    if fast {
        run(&mut cargo(&["test", "--workspace", "--exclude", "mortar-tests", "--exclude", "mortar-torture"]))?;
        eprintln!(
            "skipped (--fast): the integration tests and the torture with real plugins, the round trip with a real ERP, the documentation build"
        );
        return Ok(ExitCode::SUCCESS);
    }
    plugins::build()?;
    hello::build(&[])?;
    // The integration tests run the real binary, which `cargo test` alone does not build.
    run(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
    run(&mut cargo(&["test", "--workspace"]))?;
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    eprintln!("skipped: the round trip with a real ERP, because to install one takes some minutes (cargo xtask e2e)");
    eprintln!("all of it holds, in {} s", started.elapsed().as_secs());
    Ok(ExitCode::SUCCESS)
}
