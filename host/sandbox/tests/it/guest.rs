//! Plugins, written as the body of one handler in WebAssembly text.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where a handler's parameters are, by index: pointers to text are followed by its length.
///
/// `any-event` takes the delivery's fields one by one: event-id 0, event-type 2, source 4, subject
/// 6, occurred-at 8, received-at 11, attempt 13, payload 14. Typed handlers take one pointer to
/// the delivery (64 bytes) and the record after it.
const ANY_EVENT: &str = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)";
const TYPED: &str = "(param i32)";

/// A plugin that exports `any-event` with this body, which answers by `$done`, `$ignored`,
/// `$reject` or `$retry`.
pub(crate) fn any_event(body: &str) -> Vec<u8> {
    Guest { exports: &["any-event"], ..Guest::default() }.build(body)
}

/// What a plugin is made of besides the body of its handlers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Guest<'a> {
    /// Interfaces of `mortar:events`.
    pub(crate) exports: &'a [&'a str],
    /// Core imports.
    pub(crate) imports: &'a str,
    /// Functions, globals and data.
    pub(crate) also: &'a str,
    /// WIT packages besides the contract, one a text, and what the world imports of them.
    pub(crate) packages: &'a [&'a str],
    pub(crate) world: &'a str,
}

impl Guest<'_> {
    /// The component. All its handlers have the same body.
    pub(crate) fn build(self, body: &str) -> Vec<u8> {
        let mut resolve = Resolve::default();
        resolve.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")).unwrap();
        for package in self.packages {
            resolve.push_str("package.wit", package).unwrap();
        }
        let exports: String = self.exports.iter().map(|name| format!("export mortar:events/{name}@0.1.0;")).collect();
        let world = format!("include mortar:plugin/imports@0.1.0; {} {exports}", self.world);
        let handlers: String = self.exports.iter().map(|name| handler(name, body)).collect();
        encode(resolve, &world, &module(self.imports, self.also, &handlers))
    }
}

/// A component of a world, made of this core module.
pub(crate) fn encode(mut resolve: Resolve, world: &str, module: &str) -> Vec<u8> {
    let package = resolve.push_str("guest.wit", &format!("package test:guest; world guest {{ {world} }}")).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

fn handler(interface: &str, body: &str) -> String {
    let parameters = if interface == "any-event" { ANY_EVENT } else { TYPED };
    format!(r#"(func $handle_{interface} (export "mortar:events/{interface}@0.1.0#handle") {parameters} (result i32) {body})"#)
}

/// A core module with an allocator, and with functions that write an answer at 1024.
pub(crate) fn module(imports: &str, also: &str, handlers: &str) -> String {
    format!(
        r#"(module {imports}
            (memory (export "memory") 2)
            (global $top (mut i32) (i32.const 8192))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
                (global.set $top (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func $done (result i32)
                (i64.store (i32.const 1024) (i64.const 0)) (i64.store (i32.const 1032) (i64.const 0)) (i32.const 1024))
            (func $ignored (param $text i32) (param $length i32) (result i32)
                (i64.store (i32.const 1024) (i64.const 0)) (i64.store (i32.const 1032) (i64.const 1))
                (i32.store (i32.const 1036) (local.get $text)) (i32.store (i32.const 1040) (local.get $length)) (i32.const 1024))
            (func $reject (param $text i32) (param $length i32) (result i32)
                (i64.store (i32.const 1024) (i64.const 1)) (i64.store (i32.const 1032) (i64.const 1))
                (i32.store (i32.const 1040) (local.get $text)) (i32.store (i32.const 1044) (local.get $length)) (i32.const 1024))
            (func $retry (param $text i32) (param $length i32) (param $after i64) (result i32)
                (i64.store (i32.const 1024) (i64.const 1)) (i64.store (i32.const 1032) (i64.const 0))
                (i32.store (i32.const 1040) (local.get $text)) (i32.store (i32.const 1044) (local.get $length))
                (i64.store (i32.const 1048) (i64.const 1)) (i64.store (i32.const 1056) (local.get $after)) (i32.const 1024))
            ;; Writes a number as 16 letters, the lowest four bits first, `a` for 0; answers the end.
            (func $letters (param $number i64) (param $at i32) (result i32) (local $end i32)
                (local.set $end (i32.add (local.get $at) (i32.const 16)))
                (loop $next
                    (i32.store8 (local.get $at) (i32.add (i32.const 97) (i32.wrap_i64 (i64.and (local.get $number) (i64.const 15)))))
                    (local.set $number (i64.shr_u (local.get $number) (i64.const 4)))
                    (local.set $at (i32.add (local.get $at) (i32.const 1)))
                    (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
                (local.get $at))
            {also}
            {handlers})"#
    )
}

/// Reads what `$letters` wrote.
pub(crate) fn number(letters: &str) -> u64 {
    letters.bytes().rev().fold(0, |number, letter| number << 4 | u64::from(letter - b'a'))
}
