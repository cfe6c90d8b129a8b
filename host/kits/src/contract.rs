//! Reading the contract.

use std::path::Path;

use anyhow::{Context, Result};
use wit_parser::Resolve;

/// Reads the contract.
///
/// # Errors
/// It cannot be read.
pub fn read(wit: &Path) -> Result<Resolve> {
    let mut resolve = Resolve::default();
    resolve.push_dir(wit).with_context(|| format!("the contract in {}", wit.display()))?;
    Ok(resolve)
}
