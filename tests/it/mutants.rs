//! What authors get wrong is found by `mortar plugin test` in every language, and what a plugin prints and
//! how it crashes is told in its own words.

use std::io::Write;

use mortar_tests::{Setup, paths};

#[tokio::test]
async fn in_rust() {
    are_found("rust").await;
}

#[tokio::test]
async fn in_javascript() {
    are_found("javascript").await;
}

#[tokio::test]
async fn in_typescript() {
    are_found("typescript").await;
}

#[tokio::test]
async fn in_python() {
    are_found("python").await;
}

#[tokio::test]
async fn in_c() {
    are_found("c").await;
}

#[tokio::test]
async fn in_go() {
    are_found("go").await;
}

async fn are_found(language: &str) {
    let name = format!("mutant-{language}");
    let built = paths::built(&name);
    if !built.exists() {
        // Not by `eprintln!`, which nobody sees of a test that passes.
        let _ = writeln!(std::io::stderr(), "skipped {name}: it is not built (cargo xtask hello {language} builds it)");
        return;
    }
    let component = std::fs::read(&built).unwrap();
    let settings = std::fs::read_to_string(built.with_file_name("plugin.toml")).unwrap();
    let setup = Setup::new().file("mutant/plugin.wasm", component).file("mutant/plugin.toml", settings);
    setup.write();
    let command = async |fault: &str, arguments: &[&str]| {
        let case = format!("event = \"order.fulfilled\"\n[config]\nfault = \"{fault}\"\n[expect]\noutcome = \"done\"\n");
        std::fs::create_dir_all(setup.path().join("mutant/cases")).unwrap();
        std::fs::write(setup.path().join("mutant/cases/one.toml"), case).unwrap();
        let output = setup.command(arguments).env("XDG_CACHE_HOME", paths::cache()).output().await.unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), told)
    };
    for (fault, code, words) in [
        ("none", 0, "pass"),
        ("step", 7, "the step `ship` is made twice in one attempt"),
        ("again", 7, "the same is written 2 times"),
        ("random", 7, "run again, the step `ship/shp_001` is another one at body/note"),
        ("clock", 7, "run again, the step `ship/shp_001` is another one at body/note"),
        ("crash", 7, "plugin.trap"),
        ("crash", 7, "nobody knows the carrier of shp_001"),
    ] {
        let (ended, told) = command(fault, &["plugin", "test", "mutant"]).await;
        assert!(ended == code && told.contains(words), "{fault} in {language} ends with {ended}, and nothing is said of {words}:\n{told}");
    }
    let (_, told) = command("none", &["plugin", "run", "--event", "order.fulfilled", "--plugin", "mutant"]).await;
    assert!(told.contains("the fault is none"), "what {language} prints is in the log of the delivery:\n{told}");
}
