//! Loading a directory: one bad plugin does not stop the others, and each says what is wrong.

use std::fs;
use std::os::unix::fs::MetadataExt;

use bytesize::ByteSize;
use mortar_core::plugin::{PluginProblem, code};
use mortar_sandbox::SandboxOptions;
use wit_parser::Resolve;

use crate::guest::{Guest, any_event, encode, module};
use crate::host::{Directory, run_on, said};

/// The one problem of a directory with one plugin.
async fn problem(component: &[u8], settings: &str) -> PluginProblem {
    let directory = Directory::with(component, settings);
    let (plugins, problems) = directory.load().await;
    assert!(plugins.is_empty());
    let [problem] = <[_; 1]>::try_from(problems).unwrap();
    assert_eq!(problem.plugin, "it");
    problem
}

async fn assert_problem(component: &[u8], code: &str, parts: &[&str]) {
    let problem = problem(component, "").await;
    assert_eq!(problem.code, code, "{problem}");
    assert!(parts.iter().all(|part| problem.message.contains(part)), "{problem}");
    assert!(problem.file.ends_with("it.wasm"), "{problem}");
}

/// A resolver with these packages in the contract's place.
fn contract(packages: &[&str]) -> Resolve {
    let mut resolve = Resolve::default();
    for package in packages {
        resolve.push_str("contract.wit", package).unwrap();
    }
    resolve
}

#[tokio::test]
async fn a_bad_plugin_does_not_stop_a_good_one() {
    let directory = Directory::new()
        .file("bad.wasm", "hello")
        .file("bad.toml", "evnts = []")
        .file("good/plugin.wasm", any_event("(call $done)"))
        .file("good/plugin.toml", "connections = [\"erp\"]")
        .file("old.cwasm", "");
    let (plugins, problems) = directory.load().await;
    assert_eq!(plugins.len(), 1);
    assert_eq!(plugins[0].name, "good");
    assert_eq!(plugins[0].settings.connections, ["erp"]);
    assert_eq!(plugins[0].digest.len(), 64);
    let codes: Vec<_> = problems.iter().map(|p| (p.plugin.as_str(), p.code)).collect();
    assert_eq!(codes, [("old", code::PRECOMPILED), ("bad", code::SETTINGS), ("bad", code::NOT_WASM)]);
    let place = format!("{}:1:1: unknown key `evnts`", directory.path("bad.toml").display());
    assert!(problems[1].to_string().starts_with(&place), "{}", problems[1]);
}

#[tokio::test]
async fn what_is_no_component_is_told_apart() {
    assert_problem(b"GIF89a", code::NOT_WASM, &["not WebAssembly"]).await;
    assert_problem(b"", code::NOT_WASM, &["not WebAssembly"]).await;
    assert_problem(b"\n (module)", code::TEXT_FORMAT, &["wasm-tools parse"]).await;
    assert_problem(&wat::parse_str("(module)").unwrap(), code::CORE_MODULE, &["core module", "wasm32-wasip2"]).await;
    assert_problem(b"\0asm\x0d\0\x01\0 and then nonsense", code::INVALID, &["cannot be compiled"]).await;
    assert_problem(b"\0asm\x0a\0\x01\0", code::INVALID, &["cannot be compiled"]).await;
    assert_problem(b"\0asm\xff\0\x07\0", code::INVALID, &["kind or version"]).await;
}

#[tokio::test]
async fn compiled_code_is_never_loaded_whatever_its_name() {
    let directory = Directory::with(&any_event("(call $done)"), "");
    directory.plugin().await;
    let cached = fs::read_dir(directory.options().cache).unwrap().next().unwrap().unwrap().path();
    assert_problem(&fs::read(cached).unwrap(), code::PRECOMPILED, &["compiled code"]).await;
}

#[tokio::test]
async fn a_component_over_the_size_limit_is_refused() {
    let directory = Directory::with(&any_event("(call $done)"), "");
    let options = SandboxOptions { component_limit: ByteSize::b(100), ..directory.options() };
    let (_, problems) = directory.load_with(options).await;
    assert_eq!(problems[0].code, code::TOO_LARGE);
    assert!(problems[0].message.contains("larger than 100 B"), "{}", problems[0]);
}

#[tokio::test]
async fn a_component_without_a_handler_says_what_it_exports() {
    let nothing = wat::parse_str("(component)").unwrap();
    assert_problem(&nothing, code::NO_HANDLER, &["exports nothing", "`any-event`, `order-events`"]).await;

    let world = "export run: func();";
    let other = encode(Resolve::default(), world, &module("", "", r#"(func (export "run"))"#));
    assert_problem(&other, code::NO_HANDLER, &["exports `run`", "`return-events`"]).await;

    let newer = contract(&["package mortar:events@0.9.0; interface any-event { handle: func(); }"]);
    let newer = encode(
        newer,
        "export mortar:events/any-event@0.9.0;",
        &module("", "", r#"(func (export "mortar:events/any-event@0.9.0#handle"))"#),
    );
    assert_problem(&newer, code::NO_HANDLER, &["built against mortar:events 0.9.0, and this host serves 0.1.0"]).await;
}

#[tokio::test]
async fn an_unknown_import_is_named() {
    let guest = Guest {
        exports: &["any-event"],
        imports: r#"(import "acme:metrics/spans@1.0.0" "open" (func))"#,
        packages: &["package acme:metrics@1.0.0; interface spans { open: func(); }"],
        world: "import acme:metrics/spans@1.0.0;",
        ..Guest::default()
    };
    assert_problem(&guest.build("(call $done)"), code::UNKNOWN_IMPORT, &["`acme:metrics/spans@1.0.0`"]).await;

    let newer = contract(&["package mortar:plugin@0.9.0; interface log { log: func(message: string); }"]);
    let imports = r#"(import "mortar:plugin/log@0.9.0" "log" (func (param i32 i32)))"#;
    let newer = encode(newer, "import mortar:plugin/log@0.9.0;", &module(imports, "", ""));
    assert_problem(&newer, code::UNKNOWN_IMPORT, &["built against mortar:plugin 0.9.0, and this host serves 0.1.0 and 0.2.0"]).await;
}

#[tokio::test]
async fn a_handler_of_another_shape_is_refused_when_it_is_loaded() {
    let older = contract(&[
        "package mortar:plugin@0.1.0; interface types { record delivery { event-id: string } }",
        "package mortar:events@0.1.0;
        interface any-event { use mortar:plugin/types@0.1.0.{delivery}; handle: func(delivery: delivery); }",
    ]);
    let handler = r#"(func (export "mortar:events/any-event@0.1.0#handle") (param i32 i32))"#;
    let older = encode(older, "export mortar:events/any-event@0.1.0;", &module("", "", handler));
    assert_problem(&older, code::CONTRACT, &["shape", "handle"]).await;
}

#[tokio::test]
async fn an_import_of_another_shape_is_refused() {
    let other = contract(&["package mortar:plugin@0.1.0; interface log { log: func(message: string); }"]);
    let imports = r#"(import "mortar:plugin/log@0.1.0" "log" (func (param i32 i32)))"#;
    let other = encode(other, "import mortar:plugin/log@0.1.0;", &module(imports, "", ""));
    assert_problem(&other, code::CONTRACT, &["mortar:plugin/log@0.1.0"]).await;
}

#[tokio::test]
async fn a_plugin_that_does_not_start_is_refused() {
    for (what, also, settings, part) in [
        ("traps", "(func $boom unreachable) (start $boom)", "", "unreachable"),
        ("loops", "(func $spin (loop $l (br $l))) (start $spin)", "[limits]\ncpu = \"50ms\"", "processor time"),
        ("is too big at once", "", "[limits]\nmemory = \"64KiB\"", "limits.memory is 64.0 KiB"),
    ] {
        let guest = Guest { exports: &["any-event"], also, ..Guest::default() };
        let problem = problem(&guest.build("(call $done)"), settings).await;
        assert_eq!(problem.code, code::START, "{what}");
        assert!(problem.message.contains(part), "{what}: {problem}");
    }
}

#[tokio::test]
async fn a_component_that_needs_more_than_the_pool_is_refused() {
    let memories = "(core module $m (memory 1))".to_owned() + &"(core instance (instantiate $m))".repeat(17);
    let many = wat::parse_str(format!("(component {memories})")).unwrap();
    assert_problem(&many, code::RESOURCES, &["more than the host gives"]).await;

    let large = wat::parse_str("(component (core module $m (memory 4000)) (core instance (instantiate $m)))").unwrap();
    assert_problem(&large, code::RESOURCES, &["memory"]).await;
}

#[tokio::test]
async fn settings_that_name_what_no_handler_takes_are_refused() {
    let typed = Guest { exports: &["order-events"], ..Guest::default() }.build("(call $done)");
    let problem = problem(&typed, "events = [\"order.shipped\", \"return.received\"]").await;
    assert_eq!(problem.code, code::SETTINGS);
    assert!(problem.message.contains("`return.received`") && problem.message.contains("`return-events`"), "{problem}");
    assert!(problem.file.ends_with("it.toml"), "{problem}");
}

#[tokio::test]
async fn a_second_start_takes_the_code_from_the_cache() {
    let directory = Directory::with(&any_event("(call $ignored (local.get 2) (local.get 3))"), "");
    let cached = || {
        let entries = fs::read_dir(directory.options().cache).unwrap().map(|entry| entry.unwrap());
        let mut files: Vec<_> = entries.map(|entry| (entry.file_name(), entry.metadata().unwrap().ino())).collect();
        files.sort();
        files
    };
    directory.plugin().await;
    let first = cached();
    assert_eq!(first.len(), 1);
    let plugin = directory.plugin().await;
    assert_eq!(cached(), first);
    assert_eq!(said(run_on(&plugin, "m1:0", None).await), "order.shipped");
}
