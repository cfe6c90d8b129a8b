//! From a core module to a component.

use std::path::Path;

use anyhow::{Context, Result};
use wit_component::ComponentEncoder;

/// Wraps a module that carries its component's type.
///
/// # Errors
/// The file cannot be read or written, or it is no such module.
pub fn wrap(module: &Path, component: &Path) -> Result<()> {
    let bytes = std::fs::read(module).with_context(|| module.display().to_string())?;
    let wrapped = ComponentEncoder::default().validate(true).module(&bytes).and_then(|encoder| encoder.encode());
    let wrapped = wrapped.with_context(|| format!("{} cannot be made a component", module.display()))?;
    std::fs::write(component, wrapped).with_context(|| component.display().to_string())
}
