//! The contract as TypeScript declarations, as the QuickJS componentizer maps it: records are objects
//! in camelCase, an absent option is null, a variant is `{ tag, val }`, integers are numbers, and the
//! error of a function is thrown.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, bail};
use heck::{ToLowerCamelCase, ToUpperCamelCase};
use wit_parser::{Docs, Function, Interface, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

/// Declares one module for each interface of the contract.
///
/// # Errors
/// The contract uses a type that these declarations have no words for.
pub fn declarations(resolve: &Resolve) -> Result<String> {
    let mut text = "// Made of wit/: WRITE_KITS=1 cargo test -p mortar-kits\n".to_owned();
    // By name, so that the file does not depend on the order in which packages are read.
    let mut interfaces = BTreeMap::new();
    for (id, interface) in resolve.interfaces.iter() {
        interfaces.insert(name(resolve, id)?, interface);
    }
    for (name, interface) in interfaces {
        module(&mut text, resolve, &name, interface).with_context(|| name.clone())?;
    }
    Ok(text)
}

fn name(resolve: &Resolve, id: InterfaceId) -> Result<String> {
    resolve.id_of(id).context("an interface has no name")
}

fn module(text: &mut String, resolve: &Resolve, name: &str, interface: &Interface) -> Result<()> {
    text.push('\n');
    docs(text, "", &interface.docs, None);
    writeln!(text, "declare module \"{name}\" {{")?;
    let mut imports = String::new();
    let mut declared = Vec::new();
    for (name, id) in &interface.types {
        let name = name.to_upper_camel_case();
        match imported(resolve, *id)? {
            Some(module) => writeln!(imports, "    import type {{ {name} }} from \"{module}\";")?,
            None => declared.push(declare(resolve, &name, *id)?),
        }
    }
    for function in interface.functions.values() {
        declared.push(declare_function(resolve, function)?);
    }
    let parts = std::iter::once(imports).chain(declared).filter(|part| !part.is_empty());
    text.push_str(&parts.collect::<Vec<_>>().join("\n"));
    text.push_str("}\n");
    Ok(())
}

/// The module in which a type that an interface uses is declared.
fn imported(resolve: &Resolve, id: TypeId) -> Result<Option<String>> {
    if let TypeDefKind::Type(Type::Id(original)) = resolve.types[id].kind
        && let TypeOwner::Interface(owner) = resolve.types[original].owner
    {
        return name(resolve, owner).map(Some);
    }
    Ok(None)
}

fn declare(resolve: &Resolve, name: &str, id: TypeId) -> Result<String> {
    let declared = &resolve.types[id];
    let mut text = String::new();
    docs(&mut text, "    ", &declared.docs, None);
    match &declared.kind {
        TypeDefKind::Record(record) => {
            writeln!(text, "    export interface {name} {{")?;
            for field in &record.fields {
                docs(&mut text, "        ", &field.docs, None);
                writeln!(text, "        {}: {};", field.name.to_lower_camel_case(), reference(resolve, field.ty)?)?;
            }
            text.push_str("    }\n");
        }
        TypeDefKind::Variant(variant) => {
            writeln!(text, "    export type {name} =")?;
            for (at, case) in variant.cases.iter().enumerate() {
                docs(&mut text, "        ", &case.docs, None);
                let value = case.ty.map(|ty| reference(resolve, ty)).transpose()?;
                let value = value.map(|value| format!("; val: {value}")).unwrap_or_default();
                let end = if at + 1 == variant.cases.len() { ";" } else { "" };
                writeln!(text, "        | {{ tag: \"{}\"{value} }}{end}", case.name)?;
            }
        }
        TypeDefKind::Enum(cases) => {
            let cases: Vec<_> = cases.cases.iter().map(|case| format!("\"{}\"", case.name)).collect();
            writeln!(text, "    export type {name} = {};", cases.join(" | "))?;
        }
        kind => bail!("`{name}` is a {}, which has no declaration here", kind.as_str()),
    }
    Ok(text)
}

fn declare_function(resolve: &Resolve, function: &Function) -> Result<String> {
    let (mut result, mut error) = (function.result.map(|ty| reference(resolve, ty)).transpose()?, None);
    if let Some(Type::Id(id)) = function.result
        && let TypeDefKind::Result(fallible) = &resolve.types[id].kind
    {
        result = fallible.ok.map(|ty| reference(resolve, ty)).transpose()?;
        error = fallible.err.map(|ty| reference(resolve, ty)).transpose()?;
    }
    let mut text = String::new();
    docs(&mut text, "    ", &function.docs, error.as_deref());
    let parameters = function.params.iter();
    let parameters = parameters.map(|p| Ok(format!("{}: {}", p.name.to_lower_camel_case(), reference(resolve, p.ty)?)));
    let parameters = parameters.collect::<Result<Vec<_>>>()?.join(", ");
    let (name, result) = (function.name.to_lower_camel_case(), result.as_deref().unwrap_or("void"));
    if name == "delete" {
        // A word of the language: it can be exported under this name, but not declared.
        writeln!(text, "    function delete_({parameters}): {result};\n    export {{ delete_ as delete }};")?;
    } else {
        writeln!(text, "    export function {name}({parameters}): {result};")?;
    }
    Ok(text)
}

fn reference(resolve: &Resolve, ty: Type) -> Result<String> {
    let id = match ty {
        Type::Bool => return Ok("boolean".into()),
        Type::String | Type::Char => return Ok("string".into()),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::S8 | Type::S16 | Type::S32 | Type::S64 | Type::F32 | Type::F64 => {
            return Ok("number".into());
        }
        Type::Id(id) => id,
        Type::ErrorContext => bail!("an error-context has no declaration here"),
    };
    let named = &resolve.types[id];
    if let Some(name) = &named.name {
        return Ok(name.to_upper_camel_case());
    }
    match &named.kind {
        TypeDefKind::Option(ty) => Ok(format!("{} | null", reference(resolve, *ty)?)),
        TypeDefKind::List(Type::U8) => Ok("Uint8Array".into()),
        TypeDefKind::List(ty) => Ok(format!("Array<{}>", reference(resolve, *ty)?)),
        TypeDefKind::Tuple(tuple) => {
            let types = tuple.types.iter().map(|ty| reference(resolve, *ty)).collect::<Result<Vec<_>>>()?;
            Ok(format!("[{}]", types.join(", ")))
        }
        // Only as what a function answers, which has its own words.
        TypeDefKind::Result(_) => Ok(String::new()),
        kind => bail!("a {} has no declaration here", kind.as_str()),
    }
}

fn docs(text: &mut String, indent: &str, docs: &Docs, throws: Option<&str>) {
    let mut lines: Vec<String> = docs.contents.iter().flat_map(|contents| contents.trim().lines()).map(str::to_owned).collect();
    lines.extend(throws.map(|error| format!("@throws {{{error}}}")));
    match lines.as_slice() {
        [] => {}
        [line] => text.push_str(&format!("{indent}/** {line} */\n")),
        lines => {
            text.push_str(&format!("{indent}/**\n"));
            for line in lines {
                text.push_str(format!("{indent} * {line}").trim_end());
                text.push('\n');
            }
            text.push_str(&format!("{indent} */\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(wit: &str) -> Result<String> {
        let mut resolve = Resolve::default();
        resolve.push_str("test.wit", wit)?;
        declarations(&resolve)
    }

    #[test]
    fn each_kind_of_type_has_its_words() {
        let text = declared(
            "package a:b@1.0.0;
             interface things {
                 /// A thing.
                 record thing { some-name: string, count: option<s64>, tags: list<tuple<string, u32>>, body: list<u8> }
                 enum color { red, dark-blue }
                 variant found { nothing, one(thing) }
                 /// Looks.
                 look: func(at-what: thing) -> result<found, string>;
                 see: func();
             }",
        )
        .unwrap();
        for words in [
            "declare module \"a:b/things@1.0.0\" {",
            "    /** A thing. */\n    export interface Thing {",
            "someName: string;",
            "count: number | null;",
            "tags: Array<[string, number]>;",
            "body: Uint8Array;",
            "export type Color = \"red\" | \"dark-blue\";",
            "| { tag: \"nothing\" }\n",
            "| { tag: \"one\"; val: Thing };",
            "     * Looks.\n     * @throws {string}\n     */\n    export function look(atWhat: Thing): Found;",
            "export function see(): void;",
        ] {
            assert!(text.contains(words), "{words} is not in\n{text}");
        }
    }

    #[test]
    fn a_type_of_another_interface_is_imported_from_there() {
        let text = declared("package a:b; interface one { record x { y: bool } } interface two { use one.{x}; f: func() -> x; }").unwrap();
        assert!(text.contains("import type { X } from \"a:b/one\";"), "{text}");
    }

    #[test]
    fn what_has_no_words_is_said() {
        let error = format!("{:#}", declared("package a:b; interface one { flags f { a, b } }").unwrap_err());
        assert!(error.contains("a:b/one") && error.contains("flags"), "{error}");
    }
}
