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
    let folder = setup.path().join("mutant/cases");
    std::fs::create_dir_all(&folder).unwrap();
    let case = folder.join("one.toml");
    std::fs::write(&case, "event = \"order.fulfilled\"\n[config]\nfault = \"none\"\n[expect]\noutcome = \"done\"\n").unwrap();
    let command = async |arguments: &[&str]| {
        let output = setup.command(arguments).env("XDG_CACHE_HOME", paths::cache()).output().await.unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), told)
    };
    // What is right is written down first.
    command(&["plugin", "test", "mutant", "--update"]).await;
    let right = std::fs::read_to_string(&case).unwrap();
    let other = "run again, the step `ship/shp_001` is another one at body/note";
    // An interpreter is seeded when the component is made: what comes of chance is always the same, and only
    // not what is expected.
    let by_chance = if matches!(language, "javascript" | "typescript" | "python") { "body/note: 0 > " } else { other };
    for (fault, code, words) in [
        ("none", 0, "pass"),
        ("step", 7, "step.diverged: step `ship` of attempt 1 was sent with another request"),
        ("again", 7, "the same is written 2 times"),
        ("random", 7, by_chance),
        ("clock", 7, other),
        ("crash", 7, "plugin.trap"),
        ("crash", 7, "nobody knows the carrier of shp_001"),
    ] {
        std::fs::write(&case, right.replace("\"none\"", &format!("\"{fault}\""))).unwrap();
        let (ended, told) = command(&["plugin", "test", "mutant"]).await;
        assert!(ended == code && told.contains(words), "{fault} in {language} ends with {ended}, and nothing is said of {words}:\n{told}");
    }
    let (_, told) = command(&["plugin", "run", "--event", "order.fulfilled", "--plugin", "mutant"]).await;
    assert!(told.contains("the fault is none"), "what {language} prints is in the log of the delivery:\n{told}");
}
