//! What the edge answers to what it should not take.

use mortar_tests::http::{raw, send, signature};
use mortar_tests::{SECRET, Setup, fixtures};

#[tokio::test]
async fn every_answer_has_its_status() {
    let host = Setup::new().start().await;
    let body = serde_json::to_vec(&fixtures::fresh("order.created")).unwrap();
    let (name, good) = signature(SECRET, &body);
    let (_, bad) = signature("another secret of the right length", &body);
    let base = format!("http://{}", host.edge());
    let url = host.url();
    let post = async |url: &str, headers: &[(&str, &str)]| send("POST", url, headers, body.clone()).await.unwrap();

    let answer = post(&url, &[(name, &good)]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["status"], "accepted");
    assert_eq!(answer.json()["duplicates"], 0);
    assert_eq!(answer.json()["events"].as_array().unwrap().len(), 1);
    assert_eq!(post(&format!("{url}/orders/deep"), &[(name, &good)]).await.json()["duplicates"], 1, "below the source's path");
    assert_eq!(post(&url, &[(name, &bad)]).await.status, 401);
    assert_eq!(post(&url, &[]).await.status, 401);
    assert_eq!(post(&url, &[(name, &good), (name, &good)]).await.status, 401, "two signatures are none");
    assert_eq!(post(&url, &[(name, &"a".repeat(8000))]).await.status, 401);
    assert_eq!(post(&url, &[(name, "sha256=xyz")]).await.status, 401);
    assert_eq!(post(&format!("{base}/webhooks/masonhubs"), &[(name, &good)]).await.status, 404);
    assert_eq!(post(&format!("{base}/"), &[(name, &good)]).await.status, 404);
    let get = send("GET", &url, &[], "").await.unwrap();
    assert_eq!((get.status, get.headers["allow"].to_str().unwrap()), (405, "POST"));
}

#[tokio::test]
async fn the_bare_form_of_the_signature_is_taken_too() {
    let host = Setup::new().start().await;
    let body = serde_json::to_vec(&fixtures::fresh("order.created")).unwrap();
    let (name, good) = signature(SECRET, &body);
    let bare = good.strip_prefix("sha256=").unwrap();
    assert_eq!(send("POST", &host.url(), &[(name, bare)], body).await.unwrap().status, 200);
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_chunked_or_not() {
    let host = Setup::new().edge("body_limit = \"4 KiB\"").start().await;
    let body = vec![b'x'; 5000];
    let (name, value) = signature(SECRET, &body);
    assert_eq!(send("POST", &host.url(), &[(name, &value)], body.clone()).await.unwrap().status, 413);
    let chunk = format!("{:x}\r\n{}\r\n", body.len(), String::from_utf8(body).unwrap());
    let request = format!("POST /webhooks/masonhub HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    assert!(raw(host.edge(), request.as_bytes()).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn slow_clients_are_let_go() {
    let host = Setup::new().edge("header_timeout = \"200ms\"\nbody_timeout = \"200ms\"").start().await;
    let stuck_head = raw(host.edge(), b"POST /webhooks/masonhub HTTP/1.1\r\nHost: x\r\n").await;
    assert!(stuck_head.is_empty() || stuck_head.starts_with("HTTP/1.1 408"), "{stuck_head}");
    let stuck_body = raw(host.edge(), b"POST /webhooks/masonhub HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").await;
    assert!(stuck_body.starts_with("HTTP/1.1 408"), "{stuck_body}");
}

#[tokio::test]
async fn oversized_heads_are_refused() {
    let host = Setup::new().start().await;
    let request = format!("POST /webhooks/masonhub HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(100_000));
    let answer = raw(host.edge(), request.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many: String = (0..500).map(|n| format!("X-{n}: a\r\n")).collect();
    let request = format!("POST /webhooks/masonhub HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    assert!(raw(host.edge(), request.as_bytes()).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn connections_over_the_cap_wait_for_a_place() {
    let host = Setup::new().edge("connections = 1\nheader_timeout = \"300ms\"").start().await;
    // This one holds the only place until its head is overdue.
    let holder = tokio::net::TcpStream::connect(host.edge()).await.unwrap();
    let callback = fixtures::fresh("order.created");
    assert_eq!(host.send(&callback).await.status, 200);
    drop(holder);
}

#[tokio::test]
async fn addresses_that_are_not_allowed_are_turned_away() {
    let source = "[sources.closed]\nverify = \"masonhub\"\nsecrets = [{ env = \"MASONHUB_SECRET\" }]\nallow = [\"203.0.113.0/24\", \"2001:db8::/32\"]";
    let host = Setup::new().edge("trusted_proxies = [\"127.0.0.1/32\"]").config(source).start().await;
    let url = format!("http://{}/webhooks/closed", host.edge());
    let body = serde_json::to_vec(&fixtures::fresh("order.created")).unwrap();
    let (name, value) = signature(SECRET, &body);
    let from =
        async |forwarded: &str| send("POST", &url, &[(name, &value), ("x-forwarded-for", forwarded)], body.clone()).await.unwrap().status;
    assert_eq!(from("203.0.113.7").await, 200);
    assert_eq!(from("2001:db8::7").await, 200);
    assert_eq!(from("198.51.100.1").await, 403);
    assert_eq!(from("203.0.113.7, 198.51.100.1").await, 403, "what stands left of the proxy's hop is the client's own word");
}

#[tokio::test]
async fn what_was_rejected_can_be_looked_at_and_admitted() {
    let host = Setup::new().start().await;
    let callback = fixtures::fresh("order.created");
    let body = serde_json::to_vec(&callback).unwrap();
    let (name, bad) = signature("the secret before it was rotated", &body);
    assert_eq!(send("POST", &host.url(), &[(name, &bad)], body).await.unwrap().status, 401);
    // The sender does not wait for the sample.
    let rejected = loop {
        let listed = host.ask("/api/rejected").await.json();
        if let Some(first) = listed["items"].as_array().unwrap().first() {
            break first.clone();
        }
        tokio::task::yield_now().await;
    };
    assert!(rejected["reason"].as_str().unwrap().contains("signature"), "{rejected}");
    assert!(host.story(&fixtures::event_id(&callback)).await.is_none(), "it was not handled");
    let admitted = host.mortar(&["rejected", "admit", &rejected["id"].to_string()]).await;
    assert!(admitted.status.success(), "{admitted:?}");
    assert!(host.story(&fixtures::event_id(&callback)).await.is_some());
}
