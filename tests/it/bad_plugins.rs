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
