//! Reading the contract, and the world of a plugin.

use std::path::Path;

use anyhow::{Context, Result};
use wit_bindgen_core::Files;
use wit_parser::{Resolve, WorldId};

/// Reads the contract.
///
/// # Errors
/// It cannot be read.
pub fn read(wit: &Path) -> Result<Resolve> {
    let mut resolve = Resolve::default();
    resolve.push_dir(wit).with_context(|| format!("the contract in {}", wit.display()))?;
    Ok(resolve)
}

/// Reads the world `plugin` of a plugin's folder `wit`, with the contract in `wit/deps`.
///
/// # Errors
/// It cannot be read, or has no such world.
pub fn world(wit: &Path) -> Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).with_context(|| format!("the world in {}", wit.display()))?;
    let world = resolve.select_world(&[package], Some("plugin"))?;
    Ok((resolve, world))
}

/// Writes what a generator made.
pub(crate) fn write(files: &Files, place: &Path) -> Result<()> {
    for (name, contents) in files.iter() {
        let file = place.join(name);
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        }
        std::fs::write(&file, contents).with_context(|| file.display().to_string())?;
    }
    Ok(())
}
