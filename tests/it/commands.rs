//! The commands against a running host.

use mortar_core::delivery::State;
use mortar_tests::{Setup, fixtures};
use serde_json::Value;

use super::{erp, rest_settings};

#[tokio::test]
async fn send_list_show_and_status() {
    let (url, _) = erp(None).await;
    let host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    let sent = host.mortar(&["event", "send", "order.fulfilled"]).await;
    assert!(sent.status.success(), "{sent:?}");
    let listed = host.mortar(&["event", "list", "--json"]).await;
    let events: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let id = events[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(events[0]["event_type"], "order.fulfilled");
    host.until(&id, State::Done).await;
    let shown = host.mortar(&["event", "show", &id]).await;
    let story = String::from_utf8_lossy(&shown.stdout);
    for words in [id.as_str(), "order.fulfilled", "rest", "done", "PUT", "/shipments/", "201"] {
        assert!(story.contains(words), "the story says nothing of {words}:\n{story}");
    }
    let status = host.mortar(&["status"]).await;
    let said = String::from_utf8_lossy(&status.stdout);
    assert!(said.contains("rest") && said.contains("erp"), "{said}");
    let unknown = host.mortar(&["event", "show", "nowhere"]).await;
    assert_eq!(unknown.status.code(), Some(5), "{unknown:?}");
}

#[tokio::test]
async fn bad_signatures_and_duplicates_can_be_sent() {
    let host = Setup::new().start().await;
    let forged = host.mortar(&["event", "send", "order.created", "--bad-signature"]).await;
    assert!(!forged.status.success());
    assert!(format!("{forged:?}").contains("401"));
    let file = host.setup.path().join("callback.json");
    std::fs::write(&file, fixtures::fresh("order.created").to_string()).unwrap();
    let sent = host.mortar(&["event", "send", file.to_str().unwrap(), "--duplicate"]).await;
    assert!(sent.status.success(), "{sent:?}");
    let events: Value = serde_json::from_slice(&host.mortar(&["event", "list", "--json"]).await.stdout).unwrap();
    assert_eq!(events.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_said_so() {
    let setup = Setup::new();
    let output = setup.mortar(&["status"]).await;
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("mortar serve"));
}

#[tokio::test]
async fn the_journal_can_be_read_with_plain_sql() {
    let (url, _) = erp(None).await;
    let mut host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    let callback = fixtures::about("order.cancelled", "SO-9");
    host.send(&callback).await;
    host.until(&fixtures::event_id(&callback), State::Done).await;
    host.terminate().await;
    let journal = rusqlite::Connection::open(host.setup.path().join("mortar.db")).unwrap();
    let (subject, payload): (String, String) =
        journal.query_row("SELECT subject, payload FROM event", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(subject, "order:SO-9");
    assert_eq!(serde_json::from_str::<Value>(&payload).unwrap(), callback["data"][0]);
}
