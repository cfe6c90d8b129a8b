//! Plugins are swapped while the host runs.

use std::fs;
use std::sync::Arc;

use mortar_core::delivery::State;
use mortar_core::story::EventStory;
use mortar_tests::{Host, Setup, fixtures, paths};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use super::erp;

/// A host with the misbehaving plugin, which does this.
async fn host(behaviour: &str) -> Host {
    let (url, _) = erp(None).await;
    Setup::new().config(PATIENT).connection("erp", &url, "").misbehaving(behaviour, "").start().await
}

/// Retries without waiting, and never out of attempts.
const PATIENT: &str = "[delivery.retry]\nfirst_delay = \"10ms\"\nlongest_delay = \"50ms\"\nattempts = 1000\n";

/// Sends an event about this order; its id.
async fn send(host: &Host, order: &str) -> String {
    let callback = fixtures::about("order.created", order);
    host.send(&callback).await;
    fixtures::event_id(&callback)
}

async fn digest(host: &Host, name: &str) -> String {
    host.plugin(name).await["digest"].as_str().unwrap().to_owned()
}

fn ran_on(story: &EventStory) -> Vec<&str> {
    story.deliveries[0].attempts.iter().map(|attempt| attempt.digest.as_str()).collect()
}

fn settings(behaviour: &str) -> String {
    format!("connections = [\"erp\"]\n[config]\nbehaviour = \"{behaviour}\"\n")
}

/// The component, and another one that does the same.
fn components() -> (Vec<u8>, Vec<u8>) {
    let component = fs::read(paths::component("misbehave")).unwrap();
    // A custom section of two bytes: its name of one byte, and nothing in it.
    let other = [&component[..], &[0, 2, 1, b'x']].concat();
    (component, other)
}

#[tokio::test]
async fn a_running_attempt_ends_on_its_generation_and_the_next_one_starts_on_the_new() {
    let (url, mut asked, answers) = slow_erp().await;
    let host = Setup::new().connection("erp", &url, "").misbehaving("call", "").start().await;
    let old = digest(&host, "misbehave").await;
    let first = send(&host, "SO-1").await;
    asked.recv().await.unwrap();
    // Of the same order: it has to wait for the attempt on the old generation.
    let second = send(&host, "SO-1").await;
    host.replace("plugins/misbehave/plugin.toml", settings("state-counter"));
    let new = host.swapped("misbehave", &old).await;
    let other = host.until(&send(&host, "SO-2").await, State::Done).await;
    assert_eq!(ran_on(&other), [new.as_str()]);
    assert_eq!(host.story(&second).await.unwrap().deliveries[0].delivery.state, State::Pending, "its subject is taken");
    answers.add_permits(1);
    assert_eq!(ran_on(&host.until(&first, State::Done).await), [old.as_str()]);
    let second = host.until(&second, State::Done).await;
    assert_eq!(ran_on(&second), [new.as_str()]);
}

#[tokio::test]
async fn a_new_component_and_new_settings_are_swaps_both() {
    let host = host("ok").await;
    let first = digest(&host, "misbehave").await;
    let (_, other) = components();
    host.replace("plugins/misbehave/plugin.wasm", other);
    let second = host.swapped("misbehave", &first).await;
    assert_eq!(ran_on(&host.until(&send(&host, "SO-1").await, State::Done).await), [second.as_str()]);
    host.replace("plugins/misbehave/plugin.toml", settings("ignored"));
    let third = host.swapped("misbehave", &second).await;
    assert_eq!(ran_on(&host.until(&send(&host, "SO-2").await, State::Ignored).await), [third.as_str()]);
    // A plugin that was not there before.
    host.replace("plugins/hello.wasm", fs::read(paths::component("misbehave")).unwrap());
    host.in_state("hello", "active").await;
    let story = host.when(&send(&host, "SO-3").await, |story| story.deliveries.iter().all(|d| !d.delivery.state.is_open())).await;
    let states: Vec<_> = story.deliveries.iter().map(|d| (d.delivery.plugin.as_str(), d.delivery.state)).collect();
    assert_eq!(states, [("misbehave", State::Ignored), ("hello", State::Done)]);
}

#[tokio::test]
async fn what_cannot_be_loaded_leaves_the_old_generation_in_force_and_says_why() {
    let mut host = host("ok").await;
    let (good, _) = components();
    let old = digest(&host, "misbehave").await;
    for (file, bytes, words) in [
        ("plugin.wasm", b"no component".to_vec(), "not WebAssembly"),
        ("plugin.wasm", good[..good.len() / 2].to_vec(), "cannot be compiled"),
        ("plugin.toml", b"conections = []".to_vec(), "conections"),
        ("plugin.toml", b"[config]\nbehaviour = 1\n[limits]\nmemory = \"1 KiB\"".to_vec(), "limits.memory"),
    ] {
        let path = format!("plugins/misbehave/{file}");
        let before = fs::read(host.setup.path().join(&path)).unwrap();
        host.replace(&path, bytes);
        let plugin = host.when_plugin("misbehave", |plugin| plugin["problems"].to_string().contains(words)).await;
        assert_eq!(plugin["digest"].as_str().unwrap(), old, "{words}");
        assert_eq!(ran_on(&host.until(&send(&host, words).await, State::Done).await), [old.as_str()]);
        host.logged("the generation before stays in force").await;
        let shown = host.mortar(&["plugin", "show", "misbehave"]).await;
        let status = host.mortar(&["status"]).await;
        for said in [shown.stdout, status.stdout, host.ask("/api/plugins").await.body.to_vec()] {
            assert!(String::from_utf8_lossy(&said).contains(words), "{words} in\n{}", String::from_utf8_lossy(&said));
        }
        let ready: Value = host.ask_without_token("/readyz").await.json();
        assert_eq!(
            (ready["status"].as_str(), ready["plugin_problems"].as_u64()),
            (Some("ok"), Some(1)),
            "it takes callbacks, with a problem"
        );
        host.replace(&path, before);
        host.when_plugin("misbehave", |plugin| plugin["problems"] == serde_json::json!([])).await;
    }
    let metrics = String::from_utf8(host.ask("/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("mortar_plugin_swaps_total{plugin=\"misbehave\",result=\"failed\"} 4"), "{metrics}");
    assert_eq!(digest(&host, "misbehave").await, old);
}

#[tokio::test]
async fn a_file_counts_once_it_is_whole() {
    let mut host = host("ok").await;
    let (_, other) = components();
    let old = digest(&host, "misbehave").await;
    let path = host.setup.path().join("plugins/misbehave/plugin.wasm");
    // Written in place and piece by piece, as a copy over a slow line.
    let (half, rest) = other.split_at(other.len() / 2);
    fs::write(&path, half).unwrap();
    host.logged("its files are being written").await;
    fs::write(&path, [half, rest].concat()).unwrap();
    host.swapped("misbehave", &old).await;
}

#[tokio::test]
async fn removing_a_plugin_parks_its_deliveries_until_it_is_back() {
    let host = host("retry").await;
    let place = host.setup.path().join("plugins/misbehave");
    let aside = host.setup.path().join("aside");
    let tried = send(&host, "SO-1").await;
    host.when(&tried, |story| !story.deliveries[0].attempts.is_empty()).await;
    fs::rename(&place, &aside).unwrap();
    host.in_state("misbehave", "parked").await;
    // Events go on being stored for it.
    let new = send(&host, "SO-2").await;
    let parked = host.when(&new, |story| story.deliveries[0].delivery.parked).await;
    assert_eq!((parked.deliveries[0].delivery.state, parked.deliveries[0].delivery.attempts), (State::Pending, 0));
    let listed = host.mortar(&["plugin", "list"]).await;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("parked"), "{listed}");
    let shown = host.mortar(&["event", "show", &new]).await;
    assert!(String::from_utf8_lossy(&shown.stdout).contains("parked: plugin misbehave is gone"), "{shown:?}");
    assert!(host.ask("/api/status").await.json()["problems"].to_string().contains("mortar plugin forget misbehave"));
    assert_eq!(host.plugin("misbehave").await["open"].as_u64(), Some(2));
    // Back, and mended while it was away.
    fs::write(aside.join("plugin.toml"), settings("ok")).unwrap();
    fs::rename(&aside, &place).unwrap();
    host.until(&tried, State::Done).await;
    host.until(&new, State::Done).await;
}

#[tokio::test]
async fn a_forgotten_plugin_gets_nothing_more_and_loses_nothing() {
    let host = host("ok").await;
    let refused = host.mortar(&["plugin", "forget", "misbehave"]).await;
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    let place = host.setup.path().join("plugins/misbehave");
    fs::rename(&place, host.setup.path().join("aside")).unwrap();
    host.in_state("misbehave", "parked").await;
    let waiting = send(&host, "SO-1").await;
    assert!(host.mortar(&["plugin", "forget", "misbehave"]).await.status.success());
    let unhandled = send(&host, "SO-2").await;
    assert!(host.when(&unhandled, |_| true).await.deliveries.is_empty());
    assert!(host.story(&waiting).await.unwrap().deliveries[0].delivery.parked);
    fs::rename(host.setup.path().join("aside"), &place).unwrap();
    host.until(&waiting, State::Done).await;
}

#[tokio::test]
async fn a_renamed_plugin_is_another_one() {
    let host = host("ok").await;
    let plugins = host.setup.path().join("plugins");
    fs::rename(plugins.join("misbehave"), plugins.join("renamed")).unwrap();
    host.in_state("renamed", "active").await;
    host.in_state("misbehave", "parked").await;
    let event = send(&host, "SO-1").await;
    let story = host.when(&event, |story| story.deliveries.iter().any(|d| d.delivery.state == State::Done)).await;
    let states: Vec<_> = story.deliveries.iter().map(|d| (d.delivery.plugin.as_str(), d.delivery.state)).collect();
    assert_eq!(states, [("misbehave", State::Pending), ("renamed", State::Done)]);
}

#[tokio::test]
async fn a_directory_that_is_gone_leaves_everything_in_force() {
    let mut host = host("ok").await;
    let (plugins, aside) = (host.setup.path().join("plugins"), host.setup.path().join("aside"));
    fs::rename(&plugins, &aside).unwrap();
    host.logged("the plugin directory cannot be read").await;
    host.until(&send(&host, "SO-1").await, State::Done).await;
    assert_eq!(host.plugin("misbehave").await["state"], "active");
    fs::rename(&aside, &plugins).unwrap();
    let old = digest(&host, "misbehave").await;
    host.replace("plugins/misbehave/plugin.toml", settings("ignored"));
    host.swapped("misbehave", &old).await;
}

/// An ERP that says when it is asked, and answers when it is told to.
async fn slow_erp() -> (String, mpsc::UnboundedReceiver<()>, Arc<Semaphore>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (ask, asked) = mpsc::unbounded_channel();
    let answers = Arc::new(Semaphore::new(0));
    let permits = answers.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (ask, permits) = (ask.clone(), permits.clone());
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    stream.read_buf(&mut request).await.unwrap();
                }
                ask.send(()).unwrap();
                permits.acquire().await.unwrap().forget();
                let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            });
        }
    });
    (url, asked, answers)
}

#[tokio::test]
async fn an_operator_goes_back_and_forth_between_generations() {
    let mut host = host("ok").await;
    let first = digest(&host, "misbehave").await;
    host.replace("plugins/misbehave/plugin.toml", settings("ignored"));
    let second = host.swapped("misbehave", &first).await;
    assert!(host.mortar(&["plugin", "rollback", "misbehave"]).await.status.success());
    assert_eq!(digest(&host, "misbehave").await, first);
    host.until(&send(&host, "SO-1").await, State::Done).await;
    let held = host.when_plugin("misbehave", |plugin| plugin["problems"].to_string().contains("was taken out of force")).await;
    assert!(held["problems"].to_string().contains(&second[..12]), "{held}");
    // It holds over a restart, though the directory has the other generation.
    host.kill().await;
    host.restart().await;
    assert_eq!(digest(&host, "misbehave").await, first);
    host.until(&send(&host, "SO-2").await, State::Done).await;
    assert!(host.mortar(&["plugin", "rollback", "misbehave", "--to", &second[..8]]).await.status.success());
    assert_eq!(digest(&host, "misbehave").await, second);
    host.until(&send(&host, "SO-3").await, State::Ignored).await;
    let unknown = host.mortar(&["plugin", "rollback", "misbehave", "--to", "no-such"]).await;
    assert_eq!(unknown.status.code(), Some(5), "{unknown:?}");
}

#[tokio::test]
async fn a_pinned_generation_stays_whatever_files_come() {
    let host = host("ok").await;
    let first = digest(&host, "misbehave").await;
    assert!(host.mortar(&["plugin", "pin", "misbehave"]).await.status.success());
    host.replace("plugins/misbehave/plugin.toml", settings("ignored"));
    let pinned = host.when_plugin("misbehave", |plugin| plugin["problems"].to_string().contains("mortar plugin unpin")).await;
    assert_eq!((pinned["digest"].as_str(), pinned["pinned"].as_bool()), (Some(first.as_str()), Some(true)));
    host.until(&send(&host, "SO-1").await, State::Done).await;
    assert!(host.mortar(&["plugin", "unpin", "misbehave"]).await.status.success());
    host.swapped("misbehave", &first).await;
    host.until(&send(&host, "SO-2").await, State::Ignored).await;
}

#[tokio::test]
async fn a_generation_that_does_worse_is_rolled_back_and_its_dead_letters_run_again() {
    let mut host = host("ok").await;
    let good = digest(&host, "misbehave").await;
    host.replace("plugins/misbehave/plugin.toml", settings("reject"));
    let bad = host.swapped("misbehave", &good).await;
    let events = [send(&host, "SO-1").await, send(&host, "SO-2").await, send(&host, "SO-3").await];
    let said = host.logged("rolled back by probation").await;
    assert!(said.contains("3 deliveries failed"), "{said}");
    for event in &events {
        let story = host.until(event, State::Done).await;
        assert_eq!(ran_on(&story), [bad.as_str(), good.as_str()], "dead on the new generation, done on the old one");
    }
    let held = host.when_plugin("misbehave", |plugin| plugin["problems"].to_string().contains("probation: 3 deliveries")).await;
    assert_eq!(held["digest"].as_str(), Some(good.as_str()));
    let metrics = String::from_utf8(host.ask("/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("mortar_plugin_swaps_total{plugin=\"misbehave\",result=\"rolled-back\"} 1"), "{metrics}");
    // Mended files are taken up.
    host.replace("plugins/misbehave/plugin.toml", settings("ignored"));
    host.swapped("misbehave", &good).await;
}

#[tokio::test]
async fn generations_are_bounded_and_a_broken_file_at_the_start_leaves_the_last_one_in_force() {
    let (url, _) = erp(None).await;
    let setup = Setup::new().connection("erp", &url, "").misbehaving("ok", "").plugins("keep_generations = 3\n");
    let mut host = setup.start().await;
    let mut last = digest(&host, "misbehave").await;
    for n in 0..5 {
        host.replace("plugins/misbehave/plugin.toml", format!("{}# {n}\n", settings("ok")));
        last = host.swapped("misbehave", &last).await;
    }
    let plugin = host.when_plugin("misbehave", |plugin| plugin["kept"][0]["digest"] == last.as_str()).await;
    assert_eq!(plugin["kept"].as_array().unwrap().len(), 3);
    let kept = fs::read_dir(host.setup.path().join("generations/misbehave")).unwrap().filter(|e| e.as_ref().unwrap().path().is_dir());
    assert_eq!(kept.count(), 3);
    host.kill().await;
    host.replace("plugins/misbehave/plugin.wasm", "broken");
    host.restart().await;
    assert_eq!(digest(&host, "misbehave").await, last);
    assert!(host.plugin("misbehave").await["problems"].to_string().contains("not WebAssembly"));
    host.until(&send(&host, "SO-1").await, State::Done).await;
    // Gone, and the host started again: its deliveries are still stored for it.
    host.kill().await;
    fs::rename(host.setup.path().join("plugins/misbehave"), host.setup.path().join("aside")).unwrap();
    host.restart().await;
    host.in_state("misbehave", "parked").await;
    let parked = send(&host, "SO-2").await;
    assert!(host.when(&parked, |_| true).await.deliveries[0].delivery.parked);
}

#[tokio::test]
async fn a_component_that_takes_too_much_to_compile_harms_nobody() {
    let (url, _) = erp(None).await;
    let setup = Setup::new().connection("erp", &url, "").misbehaving("ok", "").plugins("compile_memory = \"256 MiB\"\n");
    let mut host = setup.start().await;
    host.replace("plugins/bomb.wasm", bomb());
    let problem = host.when_plugin("bomb", |plugin| plugin["problems"].to_string().contains("plugin.compile")).await;
    assert!(problem["problems"].to_string().contains("plugins.compile_memory"), "{problem}");
    host.logged("a plugin is not loaded").await;
    host.until(&send(&host, "SO-1").await, State::Done).await;
}

/// A small component that takes a compiler more memory than it may have.
fn bomb() -> Vec<u8> {
    let step = |n: u32| format!("(local.set {} (i64.add (local.get {}) (call $f (local.get {}))))", n % 1000, n * 7 % 1000, n * 13 % 1000);
    let steps: String = (0..60_000).map(step).collect();
    let function = format!("(func (local {}) {steps})", "i64 ".repeat(1000));
    wat::parse_str(format!("(component (core module (func $f (param i64) (result i64) local.get 0) {function}{function}))")).unwrap()
}

#[tokio::test]
async fn a_grant_of_a_connection_that_is_not_there_is_refused() {
    let mut host = host("ok").await;
    let old = digest(&host, "misbehave").await;
    host.replace("plugins/misbehave/plugin.toml", "connections = [\"erp\", \"epr\"]\n");
    let words = "there is no connection `epr`: add [connections.epr] to mortar.toml";
    host.when_plugin("misbehave", |plugin| plugin["problems"].to_string().contains(words)).await;
    assert_eq!(ran_on(&host.until(&send(&host, "SO-1").await, State::Done).await), [old.as_str()]);
    // At a start too: what was in force is so again, and the reason is told.
    host.kill().await;
    host.restart().await;
    let plugin = host.plugin("misbehave").await;
    assert_eq!((plugin["digest"].as_str(), plugin["problems"].to_string().contains(words)), (Some(old.as_str()), true), "{plugin}");
    host.until(&send(&host, "SO-2").await, State::Done).await;
    // And where it is the configuration that lost a connection.
    host.replace("plugins/misbehave/plugin.toml", settings("ok"));
    host.when_plugin("misbehave", |plugin| plugin["problems"] == serde_json::json!([])).await;
    host.kill().await;
    host.setup.rename_connection("erp", "sap");
    host.restart().await;
    let plugin = host.plugin("misbehave").await;
    assert!(plugin["problems"].to_string().contains("there is no connection `erp`"), "{plugin}");
    host.until(&send(&host, "SO-3").await, State::Done).await;
}

#[tokio::test]
async fn the_deliveries_of_a_forgotten_plugin_are_discarded() {
    let host = host("retry").await;
    let tried = send(&host, "SO-1").await;
    host.when(&tried, |story| !story.deliveries[0].attempts.is_empty()).await;
    fs::rename(host.setup.path().join("plugins/misbehave"), host.setup.path().join("aside")).unwrap();
    host.in_state("misbehave", "parked").await;
    let new = send(&host, "SO-2").await;
    host.when(&new, |story| story.deliveries[0].delivery.parked).await;
    host.when(&tried, |story| story.deliveries[0].delivery.state != State::Running).await;
    let forgotten = host.mortar(&["plugin", "forget", "misbehave", "--discard"]).await;
    let said = String::from_utf8_lossy(&forgotten.stdout).into_owned();
    assert!(forgotten.status.success() && said.contains("2 deliveries discarded"), "{forgotten:?}");
    for event in [&tried, &new] {
        let story = host.until(event, State::Ignored).await;
        assert_eq!(story.deliveries[0].delivery.reason.as_deref(), Some("plugin misbehave was forgotten"));
    }
    let again = host.mortar(&["plugin", "forget", "misbehave", "--discard"]).await;
    assert_eq!(again.status.code(), Some(5), "{again:?}");
}

#[tokio::test]
async fn with_trusted_keys_only_what_they_signed_is_put_in_force() {
    let (url, _) = erp(None).await;
    let setup = Setup::new().connection("erp", &url, "");
    let key = async |name: &str| {
        let made = setup.mortar(&["plugin", "keygen", name]).await;
        String::from_utf8(made.stdout).unwrap().lines().next().unwrap().to_owned()
    };
    let (ours, theirs) = (key("ours.pem").await, key("theirs.pem").await);
    let setup = setup.misbehaving("ok", "").plugins(&format!("trusted_keys = [\"{ours}\"]\n"));
    let sign = async |file: &str, key: &str| assert!(setup.mortar(&["plugin", "sign", file, "--key", key]).await.status.success());
    let plugin = "plugins/misbehave/plugin.wasm";
    sign(plugin, "ours.pem").await;
    let (good, other) = components();
    for (file, bytes) in [("unsigned.wasm", other.clone()), ("foreign.wasm", other.clone()), ("new.wasm", other), ("changed.wasm", good)] {
        fs::write(setup.path().join(file), bytes).unwrap();
    }
    sign("foreign.wasm", "theirs.pem").await;
    for file in ["new.wasm", "changed.wasm"] {
        sign(file, "ours.pem").await;
    }
    let verified = setup.mortar(&["plugin", "verify", "new.wasm"]).await;
    assert!(verified.status.success() && String::from_utf8_lossy(&verified.stdout).contains(&format!("{ours}: trusted")), "{verified:?}");
    assert_eq!(setup.mortar(&["plugin", "verify", "foreign.wasm"]).await.status.code(), Some(1));
    let host = setup.start().await;
    let old = digest(&host, "misbehave").await;
    let bytes = |file: &str| fs::read(host.setup.path().join(file)).unwrap();
    let mut changed = bytes("changed.wasm");
    changed[1000] ^= 1;
    for (component, words) in [
        (bytes("unsigned.wasm"), "the component is not signed".to_owned()),
        (changed, "was changed after it was signed".to_owned()),
        (bytes("foreign.wasm"), format!("is signed by {theirs}, which is not among `plugins.trusted_keys`")),
    ] {
        host.replace(plugin, component);
        let told = host.when_plugin("misbehave", |plugin| plugin["problems"].to_string().contains(&words)).await;
        assert!(told["problems"].to_string().contains("plugin.untrusted"), "{told}");
        assert_eq!(ran_on(&host.until(&send(&host, &words).await, State::Done).await), [old.as_str()]);
    }
    host.replace(plugin, bytes("new.wasm"));
    host.swapped("misbehave", &old).await;
    let shown = host.mortar(&["plugin", "show", "misbehave"]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for words in [&format!("signed by  {ours}"), "wit-bindgen-rust", "mortar:plugin@0.1.0", "mortar:events@0.1.0"] {
        assert!(shown.contains(words), "{words} in\n{shown}");
    }
}
