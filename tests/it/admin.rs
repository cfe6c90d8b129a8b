//! The admin API.

use mortar_tests::{Setup, fixtures};

#[tokio::test]
async fn it_needs_the_token() {
    let host = Setup::new().start().await;
    assert_eq!(host.ask("/api/status").await.status, 200);
    for path in ["/api/status", "/api/events", "/metrics"] {
        let answer = host.ask_without_token(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.json()["code"], "admin.token");
    }
    assert_eq!(host.ask_without_token("/livez").await.status, 200);
    assert_eq!(host.ask_without_token("/readyz").await.status, 200);
}

#[tokio::test]
async fn metrics_count_what_came() {
    let host = Setup::new().start().await;
    host.send(&fixtures::fresh("order.created")).await;
    let page = String::from_utf8(host.ask("/metrics").await.body.to_vec()).unwrap();
    assert!(page.contains("mortar_events_stored_total{source=\"masonhub\"} 1"), "{page}");
    assert!(page.ends_with("# EOF\n"));
}

#[tokio::test]
async fn secrets_are_nowhere_to_be_seen() {
    let mut host = Setup::new().start().await;
    host.send(&fixtures::fresh("order.created")).await;
    let status = String::from_utf8(host.ask("/api/status").await.body.to_vec()).unwrap();
    assert!(!status.contains(mortar_tests::SECRET));
    assert!(!host.logged("serving").await.contains(mortar_tests::SECRET));
}
