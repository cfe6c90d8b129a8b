//! New generations are compared with the one in force on recorded deliveries: at the gate, and by hand.

use mortar_core::delivery::State;
use mortar_simulator::erp::Handle;
use mortar_tests::{Host, Setup, fixtures};
use serde_json::Value;

use super::{erp, rest_settings};

/// A host with the plugin `rest` as it is shipped, which has delivered two orders and a cancellation. Their ids.
async fn host() -> (Host, Handle, Vec<String>) {
    let (url, handle) = erp(None).await;
    let host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    let callbacks = [("order.fulfilled", "SO-1"), ("order.fulfilled", "SO-2"), ("order.cancelled", "SO-3")];
    let mut events = Vec::new();
    for (event_type, order) in callbacks {
        let callback = fixtures::about(event_type, order);
        host.send(&callback).await;
        events.push(fixtures::event_id(&callback));
        host.until(&events[events.len() - 1], State::Done).await;
    }
    (host, handle, events)
}

/// The shipped settings, with another name for the tracking number in the ERP.
fn renamed() -> String {
    let settings = rest_settings();
    let renamed = settings.replacen("tracking_number = \"parcel.tracking_number\"", "tracking = \"parcel.tracking_number\"", 1);
    assert_ne!(settings, renamed);
    renamed
}

/// These settings, with a gate that blocks.
fn blocking(settings: &str) -> String {
    format!("gate.policy = \"block\"\n{settings}")
}

async fn digest(host: &Host) -> String {
    host.plugin("rest").await["digest"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_held_back_is_let_go_when_its_files_are_no_longer_there() {
    let (host, _, _) = host().await;
    let first = digest(&host).await;
    host.replace("plugins/rest/plugin.toml", blocking(&renamed()));
    host.when_plugin("rest", |plugin| !plugin["blocked"].is_null()).await;
    host.replace("plugins/rest/plugin.toml", rest_settings());
    host.when_plugin("rest", |plugin| plugin["problems"] == serde_json::json!([]) && plugin["blocked"].is_null()).await;
    assert_eq!(digest(&host).await, first);
    assert_eq!(mortar(&host, &["plugin", "promote", "rest"]).await.0, Some(6));
}

#[tokio::test]
async fn a_start_over_other_files_goes_through_the_gate_too() {
    let (mut host, _, _) = host().await;
    let old = digest(&host).await;
    host.kill().await;
    host.replace("plugins/rest/plugin.toml", blocking(&renamed()));
    host.restart().await;
    let held = host.plugin("rest").await;
    assert_eq!((held["digest"].as_str(), held["blocked"]["gate"]["differs"].as_u64()), (Some(old.as_str()), Some(2)));
    assert_eq!(mortar(&host, &["plugin", "promote", "rest"]).await.0, Some(0));
    assert_eq!(digest(&host).await, held["blocked"]["digest"].as_str().unwrap());
    let back = mortar(&host, &["plugin", "rollback", "rest"]).await;
    assert_eq!((back.0, digest(&host).await), (Some(0), old), "{}", back.1);
}

/// Runs a command; its exit code and what it printed.
async fn mortar(host: &Host, arguments: &[&str]) -> (Option<i32>, String) {
    let output = host.mortar(arguments).await;
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

fn requests(erp: &Handle) -> u64 {
    erp.ledger().requests
}

#[tokio::test]
async fn other_settings_are_compared_and_what_differs_is_told_everywhere() {
    let (mut host, erp, events) = host().await;
    let (old, sent) = (digest(&host).await, requests(&erp));
    host.replace("plugins/rest/plugin.toml", renamed());
    let new = host.swapped("rest", &old).await;
    let said = host.logged("gate: 1 of 3 recorded deliveries are the same, 2 differ").await;
    assert!(events[..2].iter().all(|event| said.contains(event.as_str())), "{said}");
    assert_eq!(requests(&erp), sent, "nothing is sent to find that out");
    let plugin = host.when_plugin("rest", |plugin| plugin["kept"][0]["digest"] == new.as_str()).await;
    let gate = &plugin["kept"][0]["gate"];
    assert_eq!((gate["with"].as_str(), gate["same"].as_u64(), gate["differs"].as_u64()), (Some(old.as_str()), Some(1), Some(2)));
    let (code, shown) = mortar(&host, &["plugin", "show", "rest"]).await;
    assert_eq!(code, Some(0));
    for words in ["1 of 3 recorded deliveries are the same, 2 differ", &events[0], "body/tracking_number: \"1Z999AA10123456784\" > nothing"]
    {
        assert!(shown.contains(words), "{words} in\n{shown}");
    }
    let metrics = String::from_utf8(host.ask("/metrics").await.body.to_vec()).unwrap();
    for (result, count) in [("same", 1), ("differs", 2)] {
        let line = format!("mortar_plugin_comparisons_total{{plugin=\"rest\",by=\"gate\",result=\"{result}\"}} {count}");
        assert!(metrics.contains(&line), "{metrics}");
    }
    // It is kept with the generation, over a restart and a rollback.
    host.kill().await;
    host.restart().await;
    assert_eq!((digest(&host).await, &host.plugin("rest").await["kept"][0]["gate"]["differs"]), (new, &Value::from(2)));
}

#[tokio::test]
async fn a_gate_that_blocks_keeps_the_old_generation_until_an_operator_promotes_the_new_one() {
    let (host, erp, events) = host().await;
    let first = digest(&host).await;
    host.replace("plugins/rest/plugin.toml", blocking(&rest_settings()));
    let old = host.swapped("rest", &first).await;
    let sent = requests(&erp);
    host.replace("plugins/rest/plugin.toml", blocking(&renamed()));
    let held = host.when_plugin("rest", |plugin| plugin["problems"].to_string().contains("plugin.gate")).await;
    assert_eq!((held["digest"].as_str(), held["blocked"]["gate"]["differs"].as_u64()), (Some(old.as_str()), Some(2)));
    let (_, shown) = mortar(&host, &["plugin", "show", "rest"]).await;
    for words in ["1 of 3 recorded deliveries are the same, 2 differ", "mortar plugin promote rest", &events[1], "body/tracking: nothing >"]
    {
        assert!(shown.contains(words), "{words} in\n{shown}");
    }
    let metrics = String::from_utf8(host.ask("/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("mortar_plugin_swaps_total{plugin=\"rest\",result=\"blocked\"} 1"), "{metrics}");
    let blocked = held["blocked"]["digest"].as_str().unwrap();
    let (code, told) = mortar(&host, &["plugin", "diff", "in-force", &blocked[..8]]).await;
    assert!(code == Some(7) && told.contains("1 of 3 recorded deliveries are the same"), "{told}");
    assert_eq!(requests(&erp), sent);
    assert_eq!(mortar(&host, &["plugin", "promote", "rest"]).await.0, Some(0));
    assert_eq!(digest(&host).await, blocked);
    host.when_plugin("rest", |plugin| plugin["problems"] == serde_json::json!([]) && plugin["blocked"].is_null()).await;
    let (code, told) = mortar(&host, &["plugin", "promote", "rest"]).await;
    assert!(code == Some(6) && told.contains("holds no generation of rest back"), "{told}");
}

#[tokio::test]
async fn two_generations_are_compared_by_hand() {
    let (host, erp, events) = host().await;
    let (in_force, sent) = (digest(&host).await, requests(&erp));
    let file = |name: &str| host.setup.path().join(name).display().to_string();
    std::fs::write(file("same.toml"), format!("# the same\n{}", rest_settings())).unwrap();
    std::fs::write(file("other.toml"), renamed()).unwrap();
    let (code, told) = mortar(&host, &["plugin", "diff", "in-force", &file("same.toml")]).await;
    assert!(code == Some(0) && told.contains("3 of 3 recorded deliveries are the same"), "{told}");
    let (code, told) = mortar(&host, &["plugin", "diff", "in-force", &file("other.toml"), "--plugin", "rest", "--last", "2"]).await;
    assert!(code == Some(7) && told.contains("1 of 2 recorded deliveries are the same"), "{told}");
    assert!(told.contains(&format!("event {}", events[1])) && !told.contains(&events[0]), "{told}");
    let (code, told) = mortar(&host, &["plugin", "diff", "in-force", &file("other.toml"), "--events", "order.cancelled"]).await;
    assert!(code == Some(0) && told.contains("1 of 1 recorded deliveries are the same"), "{told}");
    let (code, told) = mortar(&host, &["plugin", "diff", "in-force", &file("other.toml"), "--events", &events[0], "--json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    let compared = told["compared"].as_array().unwrap();
    assert_eq!(
        (code, compared.len(), &compared[0]["event"], &compared[0]["likeness"]),
        (Some(7), 1, &events[0].as_str().into(), &"differs".into())
    );
    let ats: Vec<_> =
        compared[0]["diff"]["calls"][0]["changes"].as_array().unwrap().iter().map(|change| change["at"].as_str().unwrap()).collect();
    assert_eq!(ats, ["body/tracking_number", "body/tracking"]);
    assert_eq!(mortar(&host, &["plugin", "diff", "in-force", "0123"]).await.0, Some(5));
    assert_eq!(mortar(&host, &["plugin", "diff", "in-force", "in-force", "--events", "no-such-event"]).await.0, Some(5));
    let (code, told) = mortar(&host, &["plugin", "diff", "in-force", &file("no-such.wasm")]).await;
    assert!(code == Some(6) && told.contains("no-such.wasm"), "{told}");
    assert_eq!((requests(&erp), digest(&host).await), (sent, in_force), "nothing is sent, and nothing is put in force");
}
