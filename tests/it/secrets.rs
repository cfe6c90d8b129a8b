//! A secret of the configuration appears nowhere: not where the host says something of itself, and not
//! where it shows what it did.

use std::collections::BTreeMap;

use base64::Engine as _;
use mortar_core::delivery::State;
use mortar_tests::catcher::Catcher;
use mortar_tests::{SECRET, Setup, fixtures, http};

use super::QUICK;

const TOKEN: &str = "tok3n-0f-the-erp-a1b2c3d4";
const PASSWORD: &str = "passw0rd-of-the-carrier-e5f6";
const COLLECTOR: &str = "c0llector-token-778899aabb";
const ALERTS: &str = "whsec_c2VjcmV0LW9mLXRoZS1hbGVydHMtd2ViaG9vaw==";

/// Every form in which a secret might be written down.
fn forms(admin: &str) -> Vec<String> {
    let plain = [SECRET, admin, TOKEN, PASSWORD, COLLECTOR, ALERTS, "secret-of-the-alerts-webhook"];
    let basic = format!("shop:{PASSWORD}");
    let encoded = plain.into_iter().chain([basic.as_str()]).map(|secret| base64::engine::general_purpose::STANDARD.encode(secret));
    plain.into_iter().map(str::to_owned).chain(encoded).collect()
}

#[tokio::test]
async fn a_secret_appears_nowhere() {
    let (webhook, collector, erp) = (Catcher::start().await, Catcher::start().await, Catcher::start().await);
    // Everything goes wrong once: what a fault says is the likeliest to say too much.
    for server in [&webhook, &collector] {
        server.put_off(u32::MAX);
    }
    erp.put_off(2);
    let more = format!(
        "[alerts]\nlook = \"50ms\"\npause = \"50ms\"\nsilence = \"100ms\"\n\
         webhook = {{ url = \"http://{}\", secret = {{ file = \"alerts\" }}, private_addresses = true }}\n\
         [traces]\nurl = \"http://{}\"\nshare = 1.0\nprivate_addresses = true\nauth = {{ kind = \"bearer\", token = {{ file = \"collector\" }} }}\n",
        webhook.address, collector.address
    );
    let bearer = "auth = { kind = \"bearer\", token = { file = \"erp\" } }\n";
    let basic = "auth = { kind = \"basic\", user = \"shop\", password = { file = \"carrier\" } }\n";
    let setup = Setup::new().config(QUICK).config(&more).connection("erp", &format!("http://{}", erp.address), bearer);
    let setup = setup.connection("carrier", "http://127.0.0.1:9", basic).misbehaving("call", "");
    let setup = setup.file("alerts", ALERTS).file("collector", COLLECTOR).file("erp", TOKEN).file("carrier", PASSWORD);
    let mut host = setup.start().await;
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let event = fixtures::event_id(&callback);
    host.until(&event, State::Done).await;
    http::send("POST", &host.url(), &[("x-masonhub-signature", "00ff")], "{}").await.unwrap();
    assert!(erp.caught()[0].headers["authorization"].to_str().unwrap().contains(TOKEN), "it is sent to where it belongs");
    host.logged("alerts could not be sent").await;
    host.logged("traces cannot be sent").await;

    let mut said = BTreeMap::new();
    for path in [
        "/",
        "/metrics",
        "/api/status",
        "/api/events",
        "/api/plugins",
        "/api/rejected",
        "/api/quarantine",
        "/api/round-trips/report",
        "/readyz",
        "/api/none",
    ] {
        said.insert(format!("GET {path}"), String::from_utf8_lossy(&host.ask(path).await.body).into_owned());
    }
    let story = format!("/api/events/{event}");
    said.insert("the story".into(), String::from_utf8_lossy(&host.ask(&story).await.body).into_owned());
    let commands: [&[&str]; 7] = [
        &["check"],
        &["status"],
        &["event", "show", &event],
        &["rejected", "list"],
        &["plugin", "show", "misbehave"],
        &["alerts", "test"],
        &["validate"],
    ];
    for command in commands {
        let output = host.mortar(command).await;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!text.is_empty(), "{command:?}");
        said.insert(format!("mortar {}", command.join(" ")), text);
    }
    let (_, token) = host.setup.admin_access();
    assert!(host.terminate().await.success());
    said.insert("the log".into(), host.log_lines().join("\n"));
    for (what, text) in &said {
        for secret in forms(token) {
            assert!(!text.contains(&secret), "{what} has {secret}:\n{text}");
        }
    }
}

#[tokio::test]
async fn nothing_of_the_memory_is_dumped() {
    let host = Setup::new().start().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", host.process())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{limits}");
}
