//! The configuration is read again while the host serves, and the service manager is told of it.

use mortar_tests::http::{self, Answer};
use mortar_tests::{Host, SECRET, Setup, fixtures};
use serde_json::Value;
use tokio::net::UnixDatagram;

const NEXT: &str = "mh_next_secret_0123456789abcdef";

async fn reloaded(host: &Host) -> Value {
    let answer = host.mortar(&["--json", "reload"]).await;
    assert!(answer.status.success(), "{answer:?}");
    serde_json::from_slice(&answer.stdout).unwrap()
}

/// Sends a callback that is signed with a secret.
async fn send(host: &Host, secret: &str, connection: &mut http::Connection) -> Answer {
    let body = serde_json::to_vec(&fixtures::fresh("order.created")).unwrap();
    let (name, value) = http::signature(secret, &body);
    connection.send("POST", &host.url(), &[(name, &value)], body).await
}

#[tokio::test]
async fn a_secret_is_rotated_without_dropping_a_connection() {
    let setup =
        Setup::new().file("old", SECRET).file("new", NEXT).config("[sources.shop]\nverify = \"masonhub\"\nsecrets = [{ file = \"old\" }]");
    let mut host = setup.start().await;
    let mut connection = http::Connection::to(host.edge()).await;
    assert_eq!(send(&host, SECRET, &mut connection).await.status, 200);
    assert_eq!(send(&host, NEXT, &mut connection).await.status, 401);

    let old = "secrets = [{ env = \"MASONHUB_SECRET\" }]";
    host.setup.reconfigure(old, "secrets = [{ env = \"MASONHUB_SECRET\" }, { file = \"new\" }]");
    assert_eq!(reloaded(&host).await, serde_json::json!({ "changed": ["sources.masonhub.secrets"], "needs_restart": [] }));
    assert_eq!(send(&host, NEXT, &mut connection).await.status, 200, "on the connection that was open before");
    assert_eq!(send(&host, SECRET, &mut connection).await.status, 200);

    let status = host.ask("/api/status").await.json();
    let used: Vec<_> = status["secrets"].as_array().unwrap().iter().filter(|one| one["source"] == "masonhub").collect();
    let told: Vec<_> = used.iter().map(|one| (one["place"].as_str().unwrap(), one["callbacks"].as_u64().unwrap())).collect();
    assert_eq!(told, [("env MASONHUB_SECRET", 2), ("file new", 1)], "what was counted before goes on");
}

#[tokio::test]
async fn a_file_with_problems_changes_nothing_and_is_told_everywhere() {
    let mut host = Setup::new().edge("body_limit = \"1 MiB\"").start().await;
    host.setup.reconfigure("body_limit = \"1 MiB\"", "body_limit = \"10 B\"\nbody_limt = 3");
    let refused = host.mortar(&["reload"]).await;
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(6), "{said}");
    assert!(said.contains("the one before goes on") && said.contains("unknown key `body_limt`"), "{said}");
    assert_eq!(host.send(&fixtures::fresh("order.created")).await.status, 200, "the limit of before counts");
    let status = String::from_utf8(host.mortar(&["status"]).await.stdout).unwrap();
    assert!(status.contains("unknown key `body_limt`"), "{status}");

    host.setup.reconfigure("\nbody_limt = 3", "");
    host.hang_up().await;
    host.logged("the configuration was read again").await;
    assert_eq!(host.send(&fixtures::fresh("order.created")).await.status, 413);
    assert!(host.ask("/api/status").await.json()["configuration"]["failed_at"].is_null());
}

#[tokio::test]
async fn what_counts_after_a_restart_only_is_named() {
    let mut host = Setup::new().edge("connections = 100\nretry_after = \"5s\"").config("[delivery]\nconcurrency = 4").start().await;
    host.setup.reconfigure("connections = 100", "connections = 200");
    host.setup.reconfigure("retry_after = \"5s\"", "retry_after = \"6s\"");
    host.setup.reconfigure("concurrency = 4", "concurrency = 8");
    let told = reloaded(&host).await;
    assert_eq!(told, serde_json::json!({ "changed": ["edge.retry_after"], "needs_restart": ["delivery.concurrency", "edge.connections"] }));
    let again = reloaded(&host).await;
    assert_eq!(again["needs_restart"], told["needs_restart"], "as long as it is so");
    let status = String::from_utf8(host.mortar(&["status"]).await.stdout).unwrap();
    assert!(status.contains("after a restart: delivery.concurrency, edge.connections"), "{status}");
}

#[tokio::test]
async fn the_service_manager_is_told_what_the_host_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let mut host = Setup::new().start_with(&environment).await;
    heard(&socket, "READY=1").await;
    heard(&socket, "WATCHDOG=1").await;
    host.hang_up().await;
    let reloading = heard(&socket, "RELOADING=1").await;
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    heard(&socket, "READY=1").await;
    let ended = host.terminate();
    let (_, ended) = tokio::join!(heard(&socket, "STOPPING=1"), ended);
    assert!(ended.success());
}

/// Waits for a notice that contains this.
async fn heard(socket: &UnixDatagram, text: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let heard = tokio::time::timeout(mortar_tests::PATIENCE, socket.recv(&mut buffer)).await;
        let length = heard.unwrap_or_else(|_| panic!("`{text}` was never told")).unwrap();
        let told = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if told.contains(text) {
            return told;
        }
    }
}
