//! `cargo xtask bench`: builds in release, then runs the named benchmark.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::run::{cargo, command, run, run_for_code, target};
use crate::{erp, hello, plugins};

pub(crate) fn bench(arguments: &[String]) -> Result<ExitCode> {
    plugins::build()?;
    if arguments.first().is_some_and(|name| name == "languages") {
        hello::build(&[])?;
    }
    run(&mut cargo(&["build", "--release", "--package", "mortar-server", "--package", "mortar-bench"]))?;
    let program = target().join("release").join("mortar-bench");
    let mut bench = command(&program.to_string_lossy(), &[]);
    bench.args(arguments).arg("--plugins").arg(plugins::directory()).arg("--out").arg(target().join("bench"));
    if arguments.first().is_some_and(|name| name == "erp") {
        bench.env("MORTAR_ERP", erp::prepare().context("the ERP cannot be had, so nothing was measured")?.file());
    }
    run_for_code(&mut bench)
}
