//! From a core module to a component.

use std::path::Path;

use anyhow::{Context, Result};
use wasi_preview1_component_adapter_provider::{WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::contract;

/// Wraps a module that carries its component's type, or gets it from the plugin's world.
///
/// # Errors
/// A file cannot be read or written, or the module has not what the world says.
pub fn wrap(module: &Path, world: Option<&Path>, component: &Path) -> Result<()> {
    let mut bytes = std::fs::read(module).with_context(|| module.display().to_string())?;
    if let Some(wit) = world {
        let (resolve, world) = contract::world(wit)?;
        embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8)?;
    }
    let wrapped = encode(&bytes).with_context(|| format!("{} cannot be made a component", module.display()))?;
    std::fs::write(component, wrapped).with_context(|| component.display().to_string())
}

fn encode(module: &[u8]) -> Result<Vec<u8>> {
    // For compilers that know only the first WASI; a module that imports none of it gets none of it.
    let (name, adapter) = (WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER);
    ComponentEncoder::default().validate(true).module(module)?.adapter(name, adapter)?.encode()
}
