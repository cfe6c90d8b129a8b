//! `mortar plugin test`, `run`, `record` and `inspect`: what authors of plugins have.

use mortar_core::delivery::State;
use mortar_tests::{Setup, fixtures, paths};

use super::{erp, rest_settings};

/// What a command said, and its exit code. Compiled components are kept beside those of the other tests.
async fn said(setup: &Setup, arguments: &[&str]) -> (i32, String) {
    setup.write();
    let output = setup.command(arguments).env("XDG_CACHE_HOME", paths::cache()).output().await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), said)
}

async fn tested(folder: &str, component: &str) {
    let (folder, component) = (paths::root().join(folder), paths::component(component));
    let (plugin, cases) = (component.to_str().unwrap(), folder.join("cases"));
    let arguments = ["plugin", "test", plugin, "--cases", cases.to_str().unwrap()];
    let (code, told) = said(&Setup::new(), &arguments).await;
    assert_eq!(code, 0, "{told}");
}

#[tokio::test]
async fn the_cases_of_rest_pass() {
    tested("plugins/rest", "rest").await;
}

#[tokio::test]
async fn the_cases_of_the_hello_plugin_pass() {
    tested("examples/hello/rust", "hello-rust").await;
}

/// One case of the misbehaving plugin, which expects one write.
async fn mutant(behaviour: &str) -> (i32, String) {
    let setup = Setup::new();
    let callback = fixtures::about("order.created", "SO-1");
    let call = "step = \"write\"\nmethod = \"POST\"\npath = \"/orders\"\n";
    let body = format!("body = {{ event = \"{}\" }}", fixtures::event_id(&callback));
    let expected = format!("[expect]\noutcome = \"done\"\n[[expect.calls]]\n{call}{body}\n");
    let case = format!("file = \"callback.json\"\n[config]\nbehaviour = \"{behaviour}\"\n{expected}");
    let component = std::fs::read(paths::component("misbehave")).unwrap();
    let setup = setup
        .file("mutant/mutant.wasm", component)
        .file("mutant/plugin.toml", "connections = [\"erp\"]\n")
        .file("mutant/cases/one.toml", case)
        .file("mutant/cases/callback.json", callback.to_string());
    said(&setup, &["plugin", "test", "mutant", "--junit", "junit.xml"]).await
}

#[tokio::test]
async fn what_a_plugin_must_not_do_is_found_without_being_asked() {
    let (code, told) = mutant("call").await;
    assert_eq!(code, 0, "one that does what is expected passes:\n{told}");
    for (behaviour, words) in [
        ("step-by-attempt", "the same is written 2 times, by the steps write/1 and write/2"),
        ("random-body", "run again, the step `write` is another one at body/random"),
        ("clock-body", "run again, the step `write` is another one at body/at"),
        ("diverge", "step.diverged"),
        ("same-step-twice", "the step `write` is made twice in one attempt"),
        ("call-twice", "+ second  POST erp/orders, added"),
        ("many-steps", "plugin.limit"),
        ("trap", "plugin.trap"),
    ] {
        let (code, told) = mutant(behaviour).await;
        assert!(code == 7 && told.contains(words), "{behaviour} ends with {code}, and nothing is said of {words}:\n{told}");
    }
}

#[tokio::test]
async fn an_event_is_run_and_nothing_is_sent() {
    let (folder, component) = (paths::root().join("plugins/rest"), paths::component("rest"));
    let (plugin, component) = (folder.to_str().unwrap(), component.to_str().unwrap());
    let run = async |more: &[&str]| {
        let arguments = [&["plugin", "run", "--event", "order.cancelled", "--plugin", plugin, "--component", component], more].concat();
        said(&Setup::new(), &arguments).await
    };
    let (code, told) = run(&[]).await;
    assert!(code == 0 && told.contains("PATCH") && told.contains("cancelled"), "{told}");
    let (code, told) = run(&["--answer", "*=422:no such order"]).await;
    assert!(code == 1 && told.contains("dead") && told.contains("no such order"), "{told}");
}

#[tokio::test]
async fn a_real_delivery_becomes_a_case_that_passes() {
    let (url, _) = erp(None).await;
    let host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    let callback = fixtures::about("order.fulfilled", "SO-1");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Done).await;
    let delivery = story.deliveries[0].delivery.id.to_string();
    let (code, told) = said(&host.setup, &["plugin", "record", &delivery, "--out", "cases"]).await;
    assert_eq!(code, 0, "{told}");
    let (code, told) = said(&host.setup, &["plugin", "test", "plugins/rest", "--cases", "cases"]).await;
    assert_eq!(code, 0, "{told}");
    let (code, _) = said(&host.setup, &["plugin", "record", &delivery, "--out", "cases"]).await;
    assert_eq!(code, 1, "a case is not written over");
}

#[tokio::test]
async fn a_component_is_inspected_without_a_host() {
    let component = paths::component("rest");
    let (code, told) = said(&Setup::new(), &["plugin", "inspect", component.to_str().unwrap()]).await;
    assert_eq!(code, 0, "{told}");
    for words in ["order-events", "mortar:plugin/connection@0.1.0", "wit-component", "signed by  nobody"] {
        assert!(told.contains(words), "nothing is said of {words}:\n{told}");
    }
}
