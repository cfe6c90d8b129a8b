//! `cargo demo`: builds host and plugin, then runs `mortar demo`; with `--erp tryton` over a real ERP.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::run::{cargo, command, run, run_for_code, target};
use crate::{erp, plugins};

pub(crate) fn demo(arguments: &[String]) -> Result<ExitCode> {
    eprintln!("building the plugin and the host; the first time this takes some minutes");
    plugins::build()?;
    run(&mut cargo(&["build", "--package", "mortar-server"]))?;
    let program = target().join("debug").join("mortar");
    let mut demo = command(&program.to_string_lossy(), &["demo", "--directory"]);
    demo.arg(target().join("demo")).arg("--plugin");
    match arguments {
        [erp, name, rest @ ..] if erp == "--erp" => {
            if name != "tryton" {
                bail!("there is no ERP `{name}`: say `--erp tryton`");
            }
            let running = erp::tryton()?;
            demo.arg(plugins::directory().join("tryton")).arg("--tryton").arg(running.url).arg("--tryton-key").arg(running.key);
            demo.arg("--tryton-mails").arg(running.mails).args(rest);
        }
        arguments => {
            demo.arg(plugins::directory().join("rest")).args(arguments);
        }
    }
    run_for_code(&mut demo)
}
