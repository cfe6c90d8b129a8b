//! JavaScript and TypeScript: node and npm; esbuild, TypeScript and the QuickJS componentizer from the
//! registry, as the kit's lockfile pins them. What is run are the kit's own scripts.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::stage::{Stage, copy_file};
use super::tools;
use crate::run::{command, output, root, run};

const NODE: u32 = 20;

fn check() -> Result<()> {
    let version = output(&mut command("node", &["--version"]));
    let major = version.as_deref().and_then(|version| version.trim().strip_prefix('v')?.split('.').next()?.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE) || output(&mut command("npm", &["--version"])).is_none() {
        bail!("it needs Node.js {NODE} or newer with npm (Debian: nodejs and npm; or nodejs.org)");
    }
    Ok(())
}

pub(super) fn test_kit(kit: &Stage) -> Result<()> {
    script(kit, "check")?;
    script(kit, "test")
}

/// Runs a script of a project with the tools that are pinned.
fn script(project: &Stage, name: &str) -> Result<()> {
    let modules = project.place.join("node_modules");
    if !modules.exists() {
        symlink(install()?, &modules).with_context(|| modules.display().to_string())?;
    }
    run(command("npm", &["run", "--silent", name]).current_dir(&project.place))
}

/// Installs what the kit pins, with the kit itself beside it, and says where.
pub(super) fn install() -> Result<PathBuf> {
    check()?;
    let (kit, place) = (root().join("plugins/sdk/javascript"), tools("javascript"));
    let modules = place.join("node_modules");
    let pinned = std::fs::read(kit.join("package-lock.json")).context("the kit's package-lock.json")?;
    let stamp = place.join("installed");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == pinned) {
        return Ok(modules);
    }
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        copy_file(&kit.join(file), &place.join(file))?;
    }
    run(command("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&place))
        .context("the JavaScript tools cannot be installed from the npm registry")?;
    symlink(&kit, modules.join("mortar-sdk"))?;
    std::fs::write(&stamp, pinned)?;
    Ok(modules)
}
