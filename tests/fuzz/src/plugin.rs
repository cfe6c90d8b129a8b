//! `plugin.toml`.

use mortar_core::plugin::PluginSettings;
use mortar_core::toml_problems::{locate, read_toml};

use crate::config::{all_placed, placed};

/// Reads a plugin's settings: they are understood, or every problem has its place in the text.
pub fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    match read_toml::<PluginSettings>(text) {
        Ok(settings) => {
            for problem in settings.problems() {
                placed(text, locate(text, &problem.key));
            }
            for event_type in ["order.shipped", "inventory.updated", "ö"] {
                let _ = settings.takes(event_type);
            }
        }
        Err(problems) => all_placed(text, &problems),
    }
}
