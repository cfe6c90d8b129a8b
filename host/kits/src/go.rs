//! The bindings that a plugin in Go is compiled with: the module `contract`, in which each event
//! interface that the plugin exports has a variable for its handler.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use heck::{ToSnakeCase, ToUpperCamelCase};
use wit_bindgen_core::Files;
use wit_parser::{Function, InterfaceId, Resolve, Type, TypeDefKind, WorldId, WorldItem};

use crate::contract;

const MODULE: &str = "contract";

/// What the bindings need at run time, as the generator's crate has it.
const RUNTIME: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/go_runtime.rs"));

/// Writes the bindings of a plugin's world, with all that they need.
///
/// # Errors
/// The world cannot be read, or a file cannot be written.
pub fn bindings(wit: &Path, place: &Path) -> Result<()> {
    let (mut resolve, world) = contract::world(wit)?;
    let mut files = Files::default();
    let options = wit_bindgen_go::Opts { pkg_name: Some(MODULE.into()), ..Default::default() };
    options.build().generate(&mut resolve, world, &mut files)?;
    for interface in exported(&resolve, world) {
        handler(&mut files, &resolve, interface)?;
    }
    for (name, source) in RUNTIME {
        files.push(&format!("pkg/{name}"), source.as_bytes());
    }
    let runtime = wit_bindgen_go::remote_pkg_version();
    files.push("go.mod", format!("module {MODULE}\n\ngo 1.25\n\nrequire {runtime}\n").as_bytes());
    contract::write(&files, place)
}

fn exported(resolve: &Resolve, world: WorldId) -> impl Iterator<Item = InterfaceId> {
    resolve.worlds[world].exports.values().filter_map(|item| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        _ => None,
    })
}

/// The generator wants a package that has the exported functions. They call what the plugin has put
/// into a variable beside the interface's types.
fn handler(files: &mut Files, resolve: &Resolve, interface: InterfaceId) -> Result<()> {
    let interface = &resolve.interfaces[interface];
    let (Some(name), Some(package)) = (&interface.name, interface.package) else { bail!("an exported interface has no name") };
    let of = &resolve.packages[package].name;
    let types = format!("{}_{}_{}", of.namespace.to_snake_case(), of.name.to_snake_case(), name.to_snake_case());
    let mut variables = format!("package {types}\n\nimport witTypes \"go.bytecodealliance.org/pkg/wit/types\"\n");
    let mut functions =
        format!("package export_{types}\n\nimport (\n\t\"{MODULE}/{types}\"\n\twitTypes \"go.bytecodealliance.org/pkg/wit/types\"\n)\n");
    for function in interface.functions.values() {
        let name = function.name.to_upper_camel_case();
        let signature = |prefix: &str| signature(resolve, function, prefix).with_context(|| name.clone());
        let (parameters, result) = signature("")?;
        writeln!(
            variables,
            "\n// On{name} is what the plugin does; the kit makes it of a function.\nvar On{name} func({}) {result}",
            parameters.join(", ")
        )?;
        let (parameters, result) = signature(&format!("{types}."))?;
        let arguments: Vec<_> = (0..parameters.len()).map(|at| format!("a{at}")).collect();
        let declared: Vec<_> = arguments.iter().zip(&parameters).map(|(argument, ty)| format!("{argument} {ty}")).collect();
        let call = format!("{types}.On{name}({})", arguments.join(", "));
        writeln!(functions, "\nfunc {name}({}) {result} {{\n\treturn {call}\n}}", declared.join(", "))?;
    }
    files.push(&format!("{types}/handler.go"), variables.as_bytes());
    files.push(&format!("export_{types}/handler.go"), functions.as_bytes());
    Ok(())
}

/// The types of a function's parameters and of its result; all of them are named ones of its interface.
fn signature(resolve: &Resolve, function: &Function, prefix: &str) -> Result<(Vec<String>, String)> {
    let named = |ty: Type| -> Result<String> {
        let Type::Id(id) = ty else { bail!("a type has no name") };
        let name = resolve.types[id].name.as_ref().context("a type has no name")?;
        Ok(format!("{prefix}{}", name.to_upper_camel_case()))
    };
    let parameters = function.params.iter().map(|parameter| named(parameter.ty)).collect::<Result<_>>()?;
    if let Some(Type::Id(id)) = function.result
        && let TypeDefKind::Result(result) = &resolve.types[id].kind
        && let (Some(ok), Some(err)) = (result.ok, result.err)
    {
        return Ok((parameters, format!("witTypes.Result[{}, {}]", named(ok)?, named(err)?)));
    }
    bail!("it does not answer a result")
}
