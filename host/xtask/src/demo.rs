//! `cargo demo`: builds host and plugin, then runs `mortar demo`.

use std::process::ExitCode;

use anyhow::Result;

use crate::plugins;
use crate::run::{cargo, command, run, run_for_code, target};

pub(crate) fn demo(arguments: &[String]) -> Result<ExitCode> {
    eprintln!("building the plugin and the host; the first time this takes some minutes");
    plugins::build()?;
    run(&mut cargo(&["build", "--package", "mortar-server"]))?;
    let program = target().join("debug").join("mortar");
    let mut demo = command(&program.to_string_lossy(), &["demo", "--plugin"]);
    demo.arg(plugins::directory().join("rest")).arg("--directory").arg(target().join("demo")).args(arguments);
    run_for_code(&mut demo)
}
