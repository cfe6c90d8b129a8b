//! The bindings that a plugin in C is compiled with: a header, what lifts and lowers, and an object that
//! carries the component's type.

use std::path::Path;

use anyhow::Result;
use wit_bindgen_core::Files;
use wit_parser::{Resolve, WorldId, WorldKey};

use crate::contract;

/// Writes the bindings of a plugin's world, as `plugin.h`, `plugin.c` and `plugin_component_type.o`.
///
/// # Errors
/// The world cannot be read, or a file cannot be written.
pub fn bindings(wit: &Path, place: &Path) -> Result<()> {
    let (mut resolve, world) = contract::world(wit)?;
    let mut files = Files::default();
    let options = wit_bindgen_c::Opts { rename: short_names(&resolve, world), ..Default::default() };
    options.build().generate(&mut resolve, world, &mut files)?;
    contract::write(&files, place)
}

/// What the host offers begins with `mortar_`, and the handlers with the name of their interface:
/// `mortar_connection_call`, `order_events_handle`.
fn short_names(resolve: &Resolve, world: WorldId) -> Vec<(String, String)> {
    let world = &resolve.worlds[world];
    let offered = world.imports.keys().map(|key| (key, "mortar_"));
    let handled = world.exports.keys().map(|key| (key, ""));
    let short = |key: &WorldKey, prefix| match key {
        WorldKey::Interface(id) => resolve.interfaces[*id].name.as_ref().map(|name| format!("{prefix}{}", name.replace('-', "_"))),
        WorldKey::Name(_) => None,
    };
    offered.chain(handled).filter_map(|(key, prefix)| Some((resolve.name_world_key(key), short(key, prefix)?))).collect()
}
