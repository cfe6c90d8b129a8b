//! What a component's file says of itself, without a compiler and without a host.

use mortar_core::plugin::Provenance;
use sha2::{Digest, Sha256};

use crate::generation::Handlers;
use crate::{link, load, provenance};

/// What stands in a component's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// Its SHA-256, in hex, as `plugins.allowed_digests` takes it.
    pub digest: String,
    /// Its size, in bytes.
    pub size: u64,
    /// Where it comes from, with the WIT packages and their versions.
    pub provenance: Provenance,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// Those of the exports that this host delivers events to or reads back with.
    pub handlers: Vec<String>,
    /// Why this host would not load it; empty where it can be tried.
    pub problems: Vec<String>,
}

/// Reads a component.
///
/// # Errors
/// Why it is none.
pub fn inspect(component: &[u8]) -> Result<Inspected, String> {
    load::check_kind(component).map_err(|(_, why)| why)?;
    let (_, interfaces) = provenance::read_all(component);
    let exported = |name: &&&str| interfaces.exports.iter().any(|export| link::is_handler(export, name));
    let known = Handlers::INTERFACES.iter().chain(&["round-trip"]);
    let handlers: Vec<_> = known.filter(exported).map(|name| (*name).to_owned()).collect();
    let exports: Vec<_> = interfaces.exports.into_iter().collect();
    let imports: Vec<_> = interfaces.imports.into_iter().collect();
    // What handlers share are types, which need nobody to offer them.
    let offered = imports.iter().filter(|name| !name.starts_with("mortar:events/common@"));
    let unknown = offered.filter_map(|name| link::unknown_import(name)).map(|name| format!("it imports {name}"));
    let nothing = handlers.iter().all(|name| name == "round-trip").then(|| link::no_handler(&exports));
    Ok(Inspected {
        digest: hex::encode(Sha256::digest(component)),
        size: component.len() as u64,
        provenance: provenance::of(component),
        problems: unknown.chain(nothing).collect(),
        handlers,
        imports,
        exports,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_tells_its_interfaces_and_what_does_not_fit() {
        let text = r#"(component
            (import "mortar:plugin/log@0.1.0" (instance))
            (import "mortar:events/common@0.1.0" (instance))
            (import "wasi:http/types@0.2.0" (instance))
            (instance $i)
            (export "mortar:events/any-event@0.1.0" (instance $i))
            (export "acme:own/thing@1.0.0" (instance $i)))"#;
        let told = inspect(&wat::parse_str(text).unwrap()).unwrap();
        assert_eq!(told.imports, ["mortar:events/common@0.1.0", "mortar:plugin/log@0.1.0", "wasi:http/types@0.2.0"]);
        assert_eq!((told.exports.len(), told.handlers), (2, vec!["any-event".to_owned()]));
        assert_eq!(told.provenance.imports, ["mortar:events@0.1.0", "mortar:plugin@0.1.0", "wasi:http@0.2.0"]);
        assert!(told.problems.len() == 1 && told.problems[0].contains("a plugin has no network"), "{:?}", told.problems);
    }

    #[test]
    fn what_is_no_component_says_what_it_is() {
        assert!(inspect(b"(module)").unwrap_err().contains("text"));
        assert!(inspect(b"\0asm\x01\0\0\0").unwrap_err().contains("core module"));
        assert!(inspect(&wat::parse_str("(component)").unwrap()).unwrap().problems[0].contains("exports nothing"));
    }
}
