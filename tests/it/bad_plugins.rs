//! Plugin files that are no plugins.

use mortar_core::delivery::State;
use mortar_tests::{Setup, fixtures};

use super::{erp, rest_settings};

#[tokio::test]
async fn each_says_what_is_wrong_and_stops_nobody() {
    let (url, _) = erp(None).await;
    let wat = |text: &str| wat::parse_str(text).unwrap();
    let importing = wat("(component (import \"acme:weird/interface@1.0.0\" (instance (export \"f\" (func)))))");
    let setup = Setup::new()
        .connection("erp", &url, "")
        .plugin("rest", "rest", &rest_settings())
        .plugin("typo", "rest", "conections = []\n[limits]\ncpuu = \"1s\"\n")
        .plugin("greedy", "rest", "[limits]\nmemory = \"100 GiB\"\n")
        .file("plugins/text.wasm", "not WebAssembly")
        .file("plugins/core.wasm", wat("(module)"))
        .file("plugins/empty.wasm", wat("(component)"))
        .file("plugins/importing.wasm", importing)
        .file("plugins/half.wasm", &std::fs::read(mortar_tests::paths::component("rest")).unwrap()[..5000]);
    let checked = setup.mortar(&["check", "--offline"]).await;
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(!checked.status.success(), "{said}");
    for words in ["text.wasm", "core.wasm", "empty.wasm", "acme:weird", "half.wasm", "conections", "connections", "cpuu", "greedy"] {
        assert!(said.contains(words), "it says nothing of {words}:\n{said}");
    }
    let mut host = setup.start().await;
    host.logged("a plugin is not loaded").await;
    let status = host.ask("/api/status").await.json();
    assert!(status["problems"].as_array().unwrap().len() >= 7, "{status}");
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    host.until(&fixtures::event_id(&callback), State::Done).await;
}

#[tokio::test]
async fn a_bare_component_is_a_plugin_without_grants() {
    let setup = Setup::new();
    let component = std::fs::read(mortar_tests::paths::component("misbehave")).unwrap();
    let host = setup.file("plugins/bare.wasm", component).start().await;
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let story = host.when(&fixtures::event_id(&callback), |s| !s.deliveries.is_empty()).await;
    assert_eq!(story.deliveries[0].delivery.plugin, "bare");
}

/// A component that does what the good one does, and has this core module besides.
fn with_module(text: &str) -> Vec<u8> {
    let module = wat::parse_str(text).unwrap();
    // A section of a component: its number, its length (LEB128), and the module.
    let mut section = vec![1];
    let mut length = module.len();
    while length >= 128 {
        section.push((length % 128) as u8 | 128);
        length /= 128;
    }
    section.push(length as u8);
    [&std::fs::read(mortar_tests::paths::component("misbehave")).unwrap()[..], &section, &module].concat()
}

#[tokio::test]
async fn ten_thousand_functions_are_compiled_and_run() {
    let functions: String =
        (0..10_000).map(|n| format!("(func (export \"f{n}\") (param i32) (result i32) local.get 0 i32.const {n} i32.mul)")).collect();
    let (url, _) = erp(None).await;
    let host = Setup::new()
        .connection("erp", &url, "")
        .plugin("rest", "rest", &rest_settings())
        .file("plugins/many.wasm", with_module(&format!("(module {functions})")))
        .start()
        .await;
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Done).await;
    assert_eq!(story.deliveries.len(), 2);
}

#[tokio::test]
async fn what_comes_while_the_host_runs_and_does_not_fit_stops_nobody() {
    let (url, _) = erp(None).await;
    let host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    let wat = |text: &str| wat::parse_str(text).unwrap();
    let memories = "(core module $m (memory 1))".to_owned() + &"(core instance (instantiate $m))".repeat(17);
    let wrong_types = r#"(component
        (core module $m (func (export "f") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func $f (result u32) (canon lift (core func $i "f")))
        (instance $handler (export "handle" (func $f)))
        (export "mortar:events/any-event@0.1.0" (instance $handler)))"#;
    for (name, component, code) in [
        ("memories", wat(&format!("(component {memories})")), "plugin.resources"),
        ("large", wat("(component (core module $m (memory 4000)) (core instance (instantiate $m)))"), "plugin.resources"),
        ("types", wat(wrong_types), "plugin.contract"),
    ] {
        host.replace(&format!("plugins/{name}.wasm"), component);
        host.when_plugin(name, |plugin| plugin["problems"].to_string().contains(code)).await;
        let callback = fixtures::about("order.created", name);
        host.send(&callback).await;
        host.until(&fixtures::event_id(&callback), State::Done).await;
    }
}

/// Whoever runs the tests may be allowed to read every file, so these cannot be read by anybody.
#[tokio::test]
async fn what_cannot_be_read_leaves_the_old_generation_in_force() {
    let (url, _) = erp(None).await;
    let host = Setup::new().connection("erp", &url, "").misbehaving("ok", "").start().await;
    let old = host.plugin("misbehave").await["digest"].clone();
    let folder = host.setup.path().join("plugins/misbehave");
    let set_aside = |file: &str| {
        std::fs::rename(folder.join(file), host.setup.path().join("aside")).unwrap();
        folder.join(file)
    };
    let put_back = |place: std::path::PathBuf| std::fs::rename(host.setup.path().join("aside"), place).unwrap();
    let still_serves = async |words: &str| {
        let plugin = host.when_plugin("misbehave", |plugin| plugin["problems"].to_string().contains(words)).await;
        assert_eq!((&plugin["digest"], plugin["state"].as_str()), (&old, Some("active")), "{words}");
        let callback = fixtures::about("order.created", words);
        host.send(&callback).await;
        host.until(&fixtures::event_id(&callback), State::Done).await;
    };
    let healed = async || drop(host.when_plugin("misbehave", |plugin| plugin["problems"].as_array().unwrap().is_empty()).await);

    let place = set_aside("plugin.wasm");
    std::os::unix::fs::symlink("/nowhere/plugin.wasm", &place).unwrap();
    still_serves("No such file or directory").await;
    std::fs::remove_file(&place).unwrap();
    std::fs::create_dir(&place).unwrap();
    still_serves("Is a directory").await;
    std::fs::remove_dir(&place).unwrap();
    put_back(place);
    healed().await;

    let place = set_aside("plugin.toml");
    std::fs::create_dir(&place).unwrap();
    still_serves("plugin.toml: cannot be read").await;
    std::fs::remove_dir(&place).unwrap();
    put_back(place);
    healed().await;
}
