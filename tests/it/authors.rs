//! What authors have from an empty folder on: a project, its build, an event in earnest, and a host to develop
//! with. `cargo xtask hello` goes through each language's tutorial.

use std::process::Stdio;

use mortar_core::delivery::State;
use mortar_tests::{Setup, fixtures, paths};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};

use super::erp;

async fn said(setup: &Setup, arguments: &[&str]) -> (i32, String) {
    setup.write();
    let output = setup.command(arguments).env("XDG_CACHE_HOME", paths::cache()).output().await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), said)
}

/// A folder with the built hello plugin, as its author has it.
fn hello() -> Setup {
    let component = paths::component("hello-rust");
    let settings = std::fs::read(component.with_file_name("plugin.toml")).unwrap();
    Setup::new().file("my-erp/plugin.wasm", std::fs::read(&component).unwrap()).file("my-erp/plugin.toml", settings)
}

#[tokio::test]
async fn a_new_project_is_whole_and_says_what_it_needs() {
    let setup = Setup::new();
    let (code, told) = said(&setup, &["plugin", "new", "my-erp", "--lang", "typescript"]).await;
    assert!(code == 0 && told.contains("mortar plugin build") && told.contains("Node.js 20"), "{told}");
    for file in ["src/plugin.ts", "cases/order.toml", "kit/src/index.ts", "wit/deps/mortar-events/common.wit", "README.md"] {
        assert!(setup.path().join("my-erp").join(file).is_file(), "{file} is not there");
    }
    let (code, told) = said(&setup, &["plugin", "test", "my-erp"]).await;
    assert!(code == 1 && told.contains("not built yet: say `mortar plugin build my-erp`"), "{told}");
    let (code, told) = said(&setup, &["plugin", "new", "my-erp", "--lang", "c"]).await;
    assert!(code == 6 && told.contains("not empty"), "{told}");
    let (code, told) = said(&setup, &["plugin", "new", "other"]).await;
    assert!(code == 2 && told.contains("--lang"), "nobody can be asked where there is no terminal:\n{told}");
}

#[tokio::test]
async fn what_is_missing_to_build_is_said_with_the_command_that_installs_it() {
    let setup = Setup::new();
    for (language, words) in
        [("javascript", "apt install nodejs npm"), ("go", "go.dev/dl"), ("python", "python3-venv"), ("rust", "rustup.rs")]
    {
        let name = format!("in-{language}");
        assert_eq!(said(&setup, &["plugin", "new", &name, "--lang", language]).await.0, 0);
        let output = setup.command(&["plugin", "build", &name]).env("PATH", "/nowhere").output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(5) && told.contains(words), "{language}: {told}");
    }
    let (code, told) = said(&setup, &["plugin", "build", "."]).await;
    assert!(code == 5 && told.contains("holds no project"), "{told}");
}

#[tokio::test]
async fn an_event_goes_through_the_real_connection_only_where_that_is_meant() {
    let (url, handle) = erp(None).await;
    let setup = hello().connection("erp", &url, "");
    let run = ["plugin", "run", "--plugin", "my-erp", "--event", "order.fulfilled"];
    assert_eq!(said(&setup, &run).await.0, 0);
    let (code, told) = said(&setup, &[&run[..], &["--against-connection"]].concat()).await;
    assert!(code == 2 && told.contains(&url) && told.contains("--yes"), "{told}");
    assert_eq!(handle.ledger().writes.len(), 0, "nothing is sent before");
    let (code, told) = said(&setup, &[&run[..], &["--against-connection", "--yes"]].concat()).await;
    assert!(code == 0 && told.contains("SENT") && told.contains("201"), "{told}");
    assert_eq!(handle.ledger().applied("PUT", "/orders/SO-100482/shipments/shp_001"), 1);
    let other = hello().connection("other", &url, "");
    let (code, told) = said(&other, &[&run[..], &["--against-connection", "--yes"]].concat()).await;
    assert!(code == 5 && told.contains("connections.erp"), "{told}");
}

#[tokio::test]
async fn a_delivery_that_is_to_be_retried_is_tried_once_in_earnest() {
    let setup = hello().connection("erp", "http://127.0.0.1:9", "");
    let (code, told) =
        said(&setup, &["plugin", "run", "--plugin", "my-erp", "--event", "order.fulfilled", "--against-connection", "--yes"]).await;
    assert!(code == 1 && told.contains(State::Waiting.as_str()) && told.contains("after 1 attempt"), "{told}");
}

#[tokio::test]
async fn a_case_fails_where_its_state_is_another_one() {
    let component = paths::component("misbehave");
    let case = |events: u32| {
        let expected = "[expect]\noutcome = \"done\"\n[expect.state]\nevents = 5\n";
        format!("file = \"callback.json\"\n[config]\nbehaviour = \"state-counter\"\n[state]\nevents = {events}\n{expected}")
    };
    let setup = Setup::new()
        .file("counts/plugin.wasm", std::fs::read(component).unwrap())
        .file("counts/cases/callback.json", fixtures::about("order.created", "SO-1").to_string())
        .file("counts/cases/one.toml", case(4));
    let (code, told) = said(&setup, &["plugin", "test", "counts"]).await;
    assert_eq!(code, 0, "{told}");
    let setup = setup.file("counts/cases/one.toml", case(7));
    let (code, told) = said(&setup, &["plugin", "test", "counts"]).await;
    assert!(code == 7 && told.contains("8"), "{told}");
}

/// What `mortar dev --plain` prints, until a line has these words.
async fn until(lines: &mut Lines<BufReader<ChildStdout>>, words: &str) {
    let mut told = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains(words) {
            return;
        }
        told.push_str(&format!("{line}\n"));
    }
    panic!("it ended and never said `{words}`:\n{told}");
}

async fn press(keys: &mut ChildStdin, key: &str) {
    keys.write_all(format!("{key}\n").as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_host_to_develop_with_sends_events_and_takes_each_new_generation() {
    let setup = hello();
    let mut command = setup.command(&["dev", "--plain", "my-erp"]);
    let mut dev = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let (mut keys, mut lines) = (dev.stdin.take().unwrap(), BufReader::new(dev.stdout.take().unwrap()).lines());
    until(&mut lines, "is in force").await;
    until(&mut lines, "3 order.fulfilled").await;
    press(&mut keys, "3").await;
    until(&mut lines, "PUT /orders/SO-100482/shipments/shp_002 on erp → 201").await;
    // The ERP is out of order for two requests of each of the next attempts, and then it is well again.
    press(&mut keys, "f").await;
    until(&mut lines, "503").await;
    press(&mut keys, "3").await;
    until(&mut lines, "waiting after 1 attempt").await;
    // An author's change of the settings is a generation as well.
    let settings = "connections = [\"erp\"]\nevents = [\"inventory.updated\"]\n";
    std::fs::write(setup.path().join("my-erp/plugin.toml"), settings).unwrap();
    until(&mut lines, "handed to the host").await;
    until(&mut lines, "1 inventory.updated").await;
    press(&mut keys, "q").await;
    assert!(dev.wait().await.unwrap().success());
}
