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

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let host = Setup::new().start().await;
    for _ in 0..3 {
        host.send(&fixtures::fresh("order.created")).await;
    }
    let mut seen = Vec::new();
    let mut page = "/api/events?limit=2".to_owned();
    loop {
        let answer = host.ask(&page).await.json();
        seen.push(answer["items"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect::<Vec<_>>());
        let Some(next) = answer["next"].as_str() else { break };
        page = format!("/api/events?limit=2&cursor={next}");
    }
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    assert!(seen.concat().is_sorted_by(|one, next| one > next), "{seen:?}");
}

#[tokio::test]
async fn what_makes_no_sense_is_answered_with_a_code() {
    let host = Setup::new().start().await;
    for (path, status, code) in [
        ("/api/events?cursor=x", 400, "admin.bad_request"),
        ("/api/events?limit=many", 400, "admin.bad_request"),
        ("/api/events?colour=red", 400, "admin.bad_request"),
        ("/api/quarantine/x", 400, "admin.bad_request"),
        ("/api/nothing", 404, "admin.not_found"),
        ("/api/reload", 405, "admin.method"),
    ] {
        let answer = host.ask(path).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{path}");
        assert!(answer.json()["error"].as_str().is_some_and(|error| !error.is_empty()), "{path}");
    }
}
