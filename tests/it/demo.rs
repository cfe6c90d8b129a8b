//! The demo, as `cargo demo --once` runs it.

use mortar_tests::paths;
use tokio::process::Command;

#[tokio::test]
async fn the_checklist_holds_even_when_the_host_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = paths::component("rest").parent().unwrap().to_owned();
    let mut demo = Command::new(paths::mortar());
    demo.arg("demo").arg("--once").arg("--kill").arg("--plugin").arg(plugin).arg("--directory").arg(directory.path());
    let output = demo.env("NO_COLOR", "1").output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.matches("[ok]").count(), 6, "{said}");
}
