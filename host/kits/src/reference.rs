//! The contract as a page to read in a browser: every interface with its types, fields and functions, what
//! is said of each, and samples of the events. One file that needs no other.

use anyhow::{Context, Result};
use minijinja::Environment;
use serde::Serialize;
use wit_parser::{Docs, Function, Interface, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

const PAGE: &str = include_str!("reference/page.html");

/// A sample of what an interface is told.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// The interface: `order-events`.
    pub interface: String,
    /// The type of the event.
    pub event_type: String,
    /// The raw record.
    pub json: String,
}

/// The page.
///
/// # Errors
/// The contract uses a type that this page has no words for.
pub fn page(resolve: &Resolve, samples: &[Sample]) -> Result<String> {
    let mut interfaces = resolve.interfaces.iter().map(|(id, one)| interface(resolve, id, one, samples)).collect::<Result<Vec<_>>>()?;
    // What is told to a plugin, then what it can ask for; each by name.
    interfaces.sort_by(|one, other| (&one.package, &one.name).cmp(&(&other.package, &other.name)));
    let mut environment = Environment::new();
    environment.add_template("page.html", PAGE)?;
    Ok(environment
        .get_template("page.html")?
        .render(minijinja::context! { interfaces => minijinja::Value::from(minijinja::value::Serde(interfaces)) })?)
}

#[derive(Serialize)]
struct Shown {
    name: String,
    package: String,
    docs: Vec<String>,
    types: Vec<ShownType>,
    functions: Vec<ShownType>,
    samples: Vec<Sample>,
}

/// A type with its fields or cases, or a function with its parameters and result.
#[derive(Serialize)]
struct ShownType {
    name: String,
    kind: &'static str,
    docs: Vec<String>,
    fields: Vec<Field>,
}

#[derive(Serialize)]
struct Field {
    name: String,
    of: Reference,
    docs: Vec<String>,
}

/// A type as it is written, and the interface and type that it leads to.
#[derive(Default, Serialize)]
struct Reference {
    text: String,
    to: Option<String>,
}

fn interface(resolve: &Resolve, id: InterfaceId, interface: &Interface, samples: &[Sample]) -> Result<Shown> {
    let name = interface.name.clone().context("an interface has no name")?;
    let package = interface.package.context("an interface has no package")?;
    let own = interface.types.iter().filter(|(_, of)| !is_imported(resolve, **of));
    let types = own.map(|(name, of)| shown_type(resolve, name, *of)).collect::<Result<_>>();
    let functions = interface.functions.values().map(|function| shown_function(resolve, function)).collect::<Result<_>>();
    Ok(Shown {
        types: types.with_context(|| name.clone())?,
        functions: functions.with_context(|| name.clone())?,
        package: resolve.packages[package].name.to_string(),
        docs: paragraphs(&resolve.interfaces[id].docs),
        samples: samples.iter().filter(|sample| sample.interface == name).cloned().collect(),
        name,
    })
}

fn is_imported(resolve: &Resolve, id: TypeId) -> bool {
    matches!(resolve.types[id].kind, TypeDefKind::Type(Type::Id(_)))
}

fn shown_type(resolve: &Resolve, name: &str, id: TypeId) -> Result<ShownType> {
    let declared = &resolve.types[id];
    let field = |name: &str, ty: Option<Type>, docs: &Docs| {
        let of = ty.map(|ty| reference(resolve, ty)).transpose()?.unwrap_or_default();
        Ok(Field { name: name.to_owned(), of, docs: paragraphs(docs) })
    };
    let (kind, fields): (_, Result<Vec<_>>) = match &declared.kind {
        TypeDefKind::Record(record) => ("record", record.fields.iter().map(|f| field(&f.name, Some(f.ty), &f.docs)).collect()),
        TypeDefKind::Variant(variant) => ("variant", variant.cases.iter().map(|c| field(&c.name, c.ty, &c.docs)).collect()),
        TypeDefKind::Enum(all) => ("enum", all.cases.iter().map(|c| field(&c.name, None, &c.docs)).collect()),
        TypeDefKind::Flags(all) => ("flags", all.flags.iter().map(|f| field(&f.name, None, &f.docs)).collect()),
        other => anyhow::bail!("{name} is a {}, which this page has no words for", other.as_str()),
    };
    Ok(ShownType { name: name.to_owned(), kind, docs: paragraphs(&declared.docs), fields: fields? })
}

fn shown_function(resolve: &Resolve, function: &Function) -> Result<ShownType> {
    let field = |name: &str, ty: Type| Ok(Field { name: name.to_owned(), of: reference(resolve, ty)?, docs: Vec::new() });
    let parameters = function.params.iter().map(|parameter| field(&parameter.name, parameter.ty));
    let result = function.result.map(|ty| field("→", ty));
    let fields = parameters.chain(result).collect::<Result<_>>()?;
    Ok(ShownType { name: function.name.clone(), kind: "func", docs: paragraphs(&function.docs), fields })
}

/// A type in the words of the contract.
fn reference(resolve: &Resolve, ty: Type) -> Result<Reference> {
    let Type::Id(id) = ty else { return Ok(Reference { text: primitive(ty).into(), to: None }) };
    let declared = &resolve.types[id];
    let of = |ty| reference(resolve, ty);
    let around = |name: &str, inner: Reference| Reference { text: format!("{name}<{}>", inner.text), ..inner };
    Ok(match &declared.kind {
        TypeDefKind::Type(original) => of(*original)?,
        TypeDefKind::Option(inner) => around("option", of(*inner)?),
        TypeDefKind::List(inner) => around("list", of(*inner)?),
        TypeDefKind::Tuple(tuple) => {
            let all = tuple.types.iter().map(|ty| Ok(of(*ty)?.text)).collect::<Result<Vec<_>>>()?;
            Reference { text: format!("tuple<{}>", all.join(", ")), to: None }
        }
        TypeDefKind::Result(result) => {
            let side = |ty: Option<Type>| ty.map_or_else(|| Ok(Reference { text: "_".into(), to: None }), of);
            let (ok, err) = (side(result.ok)?, side(result.err)?);
            Reference { text: format!("result<{}, {}>", ok.text, err.text), to: ok.to.or(err.to) }
        }
        _ => {
            let name = declared.name.clone().context("a type has no name")?;
            let owner = match declared.owner {
                TypeOwner::Interface(owner) => resolve.interfaces[owner].name.clone(),
                _ => None,
            };
            Reference { to: owner.map(|owner| format!("{owner}.{name}")), text: name }
        }
    })
}

fn primitive(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext | Type::Id(_) => "?",
    }
}

fn paragraphs(docs: &Docs) -> Vec<String> {
    let text = docs.contents.as_deref().unwrap_or_default();
    text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|p| !p.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract() -> Resolve {
        crate::contract::read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")).unwrap()
    }

    #[test]
    fn every_interface_type_field_and_function_is_on_the_page() {
        let resolve = contract();
        let sample = Sample { interface: "order-events".into(), event_type: "order.fulfilled".into(), json: "{ \"a\": \"<b>\" }".into() };
        let page = page(&resolve, &[sample]).unwrap();
        for (_, interface) in resolve.interfaces.iter() {
            let name = interface.name.as_deref().unwrap();
            assert!(page.contains(&format!("<section id=\"{name}\">")), "{name}");
            for function in interface.functions.keys() {
                assert!(page.contains(&format!("id=\"{name}.{function}\"")), "{name}.{function}");
            }
            for (ty, id) in interface.types.iter().filter(|(_, id)| !is_imported(&resolve, **id)) {
                assert!(page.contains(&format!("id=\"{name}.{ty}\"")), "{name}.{ty}");
                if let TypeDefKind::Record(record) = &resolve.types[*id].kind {
                    record
                        .fields
                        .iter()
                        .for_each(|field| assert!(page.contains(&format!("<code>{}</code>", field.name)), "{}", field.name));
                }
            }
        }
        assert!(page.contains("{ &quot;a&quot;: &quot;&lt;b&gt;&quot; }"), "what is not the page's own is escaped");
    }

    #[test]
    fn every_link_leads_somewhere_and_nothing_is_fetched() {
        let page = page(&contract(), &[]).unwrap();
        for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let place = link.strip_prefix('#').unwrap_or_else(|| panic!("{link} leaves the page"));
            assert!(page.contains(&format!("id=\"{place}\"")), "{link} leads nowhere");
        }
        assert!(!page.contains("src="), "the page needs no other file");
    }
}
