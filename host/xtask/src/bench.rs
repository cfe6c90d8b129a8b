//! `cargo xtask bench`: builds in release, then runs the named benchmark.

use std::process::ExitCode;

use anyhow::Result;

use crate::plugins;
use crate::run::{cargo, command, run, run_for_code, target};

pub(crate) fn bench(arguments: &[String]) -> Result<ExitCode> {
    plugins::build()?;
    run(&mut cargo(&["build", "--release", "--package", "mortar-server", "--package", "mortar-bench"]))?;
    let program = target().join("release").join("mortar-bench");
    let mut bench = command(&program.to_string_lossy(), &[]);
    bench.args(arguments).arg("--plugins").arg(plugins::directory()).arg("--out").arg(target().join("bench"));
    run_for_code(&mut bench)
}
