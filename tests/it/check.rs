//! `mortar check` and `mortar init`: every problem at once, with file and line.

use mortar_tests::Setup;

async fn check(text: &str) -> (i32, String) {
    let setup = Setup::new().file("bad.toml", text);
    let output = setup.mortar(&["--config", "bad.toml", "check", "--offline"]).await;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), said)
}

#[tokio::test]
async fn every_problem_is_told_at_once() {
    let text = "[edge]\nlisten = \"127.0.0.1:0\"\nbody_limt = \"1 MiB\"\nconnections = \"many\"\n\n\
                [sources.a]\npath = \"/webhooks/x\"\nverify = \"masonhub\"\nsecrets = [{ env = \"NOT_THERE\" }]\n\n\
                [sources.b]\npath = \"/webhooks/x/\"\nverify = \"masonhub\"\nsecrets = [\"written right here\"]\n\n\
                [connections.erp]\nurl = \"ftp://example.com\"\ntimeuot = \"3s\"\n";
    let (code, said) = check(text).await;
    assert_ne!(code, 0);
    for words in ["bad.toml:3:", "body_limit", "bad.toml:4:", "bad.toml:14:", "bad.toml:18:", "timeout"] {
        assert!(said.contains(words), "it says nothing of {words}:\n{said}");
    }
    assert!(!said.contains("written right here"), "a secret that was written into the file is not repeated:\n{said}");
}

#[tokio::test]
async fn meaning_is_checked_too() {
    let text = "[sources.a]\npath = \"/webhooks/x\"\nverify = \"masonhub\"\nsecrets = [{ env = \"NOT_THERE\" }]\n\n\
                [sources.b]\npath = \"/webhooks/x/\"\nverify = \"masonhub\"\n\n\
                [connections.erp]\nurl = \"ftp://example.com\"\n";
    let (code, said) = check(text).await;
    assert_ne!(code, 0);
    for words in ["NOT_THERE", "/webhooks/x", "sources.b", "ftp"] {
        assert!(said.contains(words), "it says nothing of {words}:\n{said}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_toml_or_not_there() {
    let (code, said) = check("[edge\n").await;
    assert_ne!(code, 0);
    assert!(said.contains("bad.toml:1:"), "{said}");
    let missing = Setup::new().mortar(&["--config", "nowhere.toml", "check"]).await;
    assert!(!missing.status.success());
    assert!(format!("{missing:?}").contains("nowhere.toml"), "{missing:?}");
}

#[tokio::test]
async fn init_makes_what_check_accepts_and_never_overwrites() {
    let setup = Setup::new();
    let made = setup.mortar(&["init", "fresh"]).await;
    assert!(made.status.success(), "{made:?}");
    let config = setup.path().join("fresh/mortar.toml");
    assert!(setup.path().join("fresh/plugins").is_dir());
    let before = std::fs::read(&config).unwrap();
    let again = setup.mortar(&["init", "fresh"]).await;
    assert!(!again.status.success());
    assert_eq!(std::fs::read(&config).unwrap(), before);
    let checked = setup.mortar(&["--config", "fresh/mortar.toml", "check", "--offline"]).await;
    assert!(checked.status.success(), "{checked:?}");
}
