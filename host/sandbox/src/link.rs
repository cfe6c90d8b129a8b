//! What the host offers a component, and what is wrong with a component that does not fit.

use mortar_bindings::imports::Imports;
use mortar_bindings::imports_0_2;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::context::Context;
use crate::generation::Handlers;
use crate::wasi;

/// The versions of `mortar:plugin` that the host serves, all at once: each with the interfaces that came
/// with it, which stay as they are.
const OFFERED: [(&str, &[&str]); 2] = [("0.1.0", &["config", "connection", "log", "mail", "state", "types"]), ("0.2.0", &["grants"])];

/// The versions of `mortar:events` that it serves.
const EVENTS: [&str; 1] = ["0.1.0"];

/// The parts of WASI 0.2 that are there, though inert.
const WASI: [&str; 6] = ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:io", "wasi:random", "wasi:sockets"];

/// Makes the linker with everything that a component can import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Context>> {
    let mut linker = Linker::new(engine);
    wasi::link(&mut linker)?;
    Imports::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    imports_0_2::Imports::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    Ok(linker)
}

/// What the component imports that the host does not offer, each with what to do; empty where all
/// names are known.
pub(crate) fn unknown_imports(engine: &Engine, component: &Component) -> Vec<String> {
    let ty = component.component_type();
    ty.imports(engine).filter(|(_, import)| needs_definition(engine, &import.ty)).filter_map(|(name, _)| unknown_import(name)).collect()
}

/// Interfaces that bring only types link by themselves.
fn needs_definition(engine: &Engine, item: &ComponentItem) -> bool {
    match item {
        ComponentItem::Type(_) => false,
        ComponentItem::ComponentInstance(instance) => instance.exports(engine).any(|(_, export)| needs_definition(engine, &export.ty)),
        _ => true,
    }
}

pub(crate) fn unknown_import(import: &str) -> Option<String> {
    let name = Name::parse(import);
    let advice = match name.package {
        "mortar:plugin" => match OFFERED.iter().find(|(version, _)| same_track(name.version, version)) {
            None => other_version(&name, OFFERED.iter().map(|(version, _)| *version)),
            Some((_, interfaces)) if interfaces.contains(&name.interface) => return None,
            Some((version, interfaces)) => format!("mortar:plugin {version} has {}", interfaces.join(", ")),
        },
        "wasi:http" => "a plugin has no network: build it without wasi:http, and call the ERP through mortar:plugin/connection".into(),
        package if WASI.contains(&package) && name.version.starts_with("0.2.") => return None,
        package if WASI.contains(&package) => "this host serves WASI 0.2: build it for wasm32-wasip2 or the like".into(),
        _ => "the host offers plugins nothing of that name: build it without".into(),
    };
    Some(format!("`{import}` ({advice})"))
}

/// What to do about a version of the contract that is not served.
fn other_version<'a>(name: &Name<'_>, served: impl Iterator<Item = &'a str>) -> String {
    format!(
        "it was built against {} {}, and this host serves {}: build it against this host's contract, or update the host",
        name.package,
        name.version,
        served.collect::<Vec<_>>().join(" and ")
    )
}

/// The names of all exports.
pub(crate) fn exports(engine: &Engine, component: &Component) -> Vec<String> {
    component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect()
}

/// True where this export is the interface of `mortar:events`, in a version that the host serves.
pub(crate) fn is_handler(export: &str, interface: &str) -> bool {
    let name = Name::parse(export);
    name.package == "mortar:events" && name.interface == interface && is_served(name.version)
}

fn is_served(version: &str) -> bool {
    EVENTS.iter().any(|served| same_track(version, served))
}

/// Says what a component without a handler exports, and what it could.
pub(crate) fn no_handler(exports: &[String]) -> String {
    let quoted = |names: &mut dyn Iterator<Item = &str>| names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let exported = match exports {
        [] => "nothing".to_owned(),
        names => quoted(&mut names.iter().map(String::as_str)),
    };
    let known = quoted(&mut Handlers::INTERFACES.iter().copied());
    let other = exports.iter().map(|export| Name::parse(export)).find(|n| n.package == "mortar:events" && !is_served(n.version));
    let advice = match other {
        Some(name) => other_version(&name, EVENTS.into_iter()),
        None => format!("export at least one handler of mortar:events {}: {known}", EVENTS.join(" or ")),
    };
    format!("the component exports {exported}, so no event can be delivered to it; {advice}")
}

/// `package/interface@version`
struct Name<'a> {
    package: &'a str,
    interface: &'a str,
    version: &'a str,
}

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Self {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.split_once('/').unwrap_or((path, ""));
        Self { package, interface, version }
    }
}

/// True where one version can stand for the other: the same major version, or the same minor one
/// before 1.0.
fn same_track(one: &str, other: &str) -> bool {
    fn track(version: &str) -> (&str, &str) {
        match version.split_once('.') {
            Some(("0", rest)) => ("0", rest.split('.').next().unwrap_or_default()),
            Some((major, _)) => (major, ""),
            None => (version, ""),
        }
    }
    track(one) == track(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_for_each_other_within_a_track() {
        assert!(same_track("0.1.0", "0.1.7"));
        assert!(same_track("1.0.0", "1.9.0"));
        assert!(!same_track("0.1.0", "0.2.0"));
        assert!(!same_track("1.0.0", "2.0.0"));
        assert!(!same_track("", "0.1.0"));
    }

    #[test]
    fn what_is_offered_is_known_and_all_else_is_explained() {
        let known = [
            "mortar:plugin/log@0.1.0",
            "mortar:plugin/grants@0.2.0",
            "mortar:plugin/state@0.1.3",
            "wasi:cli/stdout@0.2.6",
            "wasi:io/poll@0.2.0",
        ];
        assert!(known.iter().all(|name| unknown_import(name).is_none()));
        for (name, part) in [
            ("mortar:plugin/log@0.9.0", "built against mortar:plugin 0.9.0, and this host serves 0.1.0 and 0.2.0"),
            ("mortar:plugin/log@0.2.0", "mortar:plugin 0.2.0 has grants"),
            ("mortar:plugin/queue@0.1.0", "has config, connection"),
            ("wasi:http/outgoing-handler@0.2.3", "mortar:plugin/connection"),
            ("wasi:cli/stdout@0.3.0", "serves WASI 0.2"),
            ("acme:telemetry/spans", "nothing of that name"),
        ] {
            let message = unknown_import(name).unwrap();
            assert!(message.contains(name) && message.contains(part), "{message}");
        }
    }
}
