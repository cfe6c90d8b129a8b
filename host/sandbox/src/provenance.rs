//! What a component's file tells of where it comes from.

use std::collections::BTreeSet;

use mortar_core::plugin::Provenance;
use wasmparser::{KnownCustom, Parser, Payload, ProducersSectionReader};

use crate::signature::signers;

/// Reads it. Of a file that is no component, what could be read before that was plain.
pub(crate) fn of(component: &[u8]) -> Provenance {
    let (provenance, Interfaces { imports, exports }) = read_all(component);
    let packages = |names: &BTreeSet<String>| names.iter().filter_map(|name| package(name)).collect::<BTreeSet<_>>().into_iter().collect();
    Provenance { imports: packages(&imports), exports: packages(&exports), ..provenance }
}

/// The names of what a component imports and exports.
pub(crate) struct Interfaces {
    pub(crate) imports: BTreeSet<String>,
    pub(crate) exports: BTreeSet<String>,
}

/// Where it comes from, without the packages, and its interfaces.
pub(crate) fn read_all(component: &[u8]) -> (Provenance, Interfaces) {
    let mut provenance = Provenance { signed_by: signers(component).0.iter().map(ToString::to_string).collect(), ..Provenance::default() };
    let (mut imports, mut exports, mut depth) = (BTreeSet::new(), BTreeSet::new(), 0);
    for payload in Parser::new(0).parse_all(component).map_while(Result::ok) {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().flatten().map(|import| import.name.name.to_owned()));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                exports.extend(section.into_iter().flatten().map(|export| export.name.name.to_owned()));
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Producers(producers) = section.as_known() {
                    read(producers, &mut provenance);
                }
            }
            _ => {}
        }
    }
    (provenance, Interfaces { imports, exports })
}

fn read(producers: ProducersSectionReader<'_>, provenance: &mut Provenance) {
    for field in producers.into_iter().map_while(Result::ok) {
        let told = match field.name {
            "language" => &mut provenance.languages,
            "processed-by" | "sdk" => &mut provenance.tools,
            _ => continue,
        };
        for value in field.values.into_iter().map_while(Result::ok) {
            let value = format!("{} {}", value.name, value.version).trim().to_owned();
            if !told.contains(&value) && told.len() < MOST {
                told.push(value);
            }
        }
    }
}

/// Languages, and tools, that are told.
const MOST: usize = 50;

/// `package@version` of an interface's name.
fn package(name: &str) -> Option<String> {
    let (path, version) = name.split_once('@')?;
    let (package, _) = path.split_once('/')?;
    Some(format!("{package}@{version}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SigningKey;

    #[test]
    fn it_is_read_from_all_parts_of_the_file() {
        let text = r#"(component
            (import "wasi:io/poll@0.2.0" (instance))
            (import "wasi:io/streams@0.2.0" (instance))
            (core module (@producers (language "Rust" "") (processed-by "rustc" "1.95.0")))
            (component (core module (@producers (language "Rust" "") (processed-by "wit-component" "0.2"))))
            (instance $i)
            (export "mortar:events/any-event@0.1.0" (instance $i)))"#;
        let component = wat::parse_str(text).unwrap();
        let key = SigningKey::generate().unwrap().0;
        let told = of(&[&component[..], &key.sign(&component)].concat());
        let expected = Provenance {
            signed_by: vec![key.public().to_string()],
            languages: vec!["Rust".into()],
            tools: vec!["rustc 1.95.0".into(), "wit-component 0.2".into()],
            imports: vec!["wasi:io@0.2.0".into()],
            exports: vec!["mortar:events@0.1.0".into()],
        };
        assert_eq!(told, expected);
        assert_eq!(of(b"nonsense"), Provenance::default());
    }
}
