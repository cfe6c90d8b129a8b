//! Servers that misbehave, and addresses that must not be reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::support::{Peer, answer, answering, connect, kind, serve, serve_raw, try_connect};

const SOON: &str = "timeout = \"300ms\"\nconnect_timeout = \"300ms\"\n";

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let result = connect(address, SOON).post("/x", "{}").await;
    assert_eq!(kind(&result), "not sent");
    assert!(result.unwrap_err().to_string().contains(&format!("cannot connect to {address}: Connection refused")));

    let world = try_connect(&format!("[erp]\nurl = \"http://nowhere.invalid\"\n{SOON}")).unwrap();
    assert_eq!(kind(&world.post("/x", "{}").await), "not sent");
    assert_eq!(*world.observed.0.lock().unwrap(), [("erp".to_owned(), None)]);
}

#[tokio::test]
async fn without_tls_nothing_was_sent() {
    let garbage = serve(|mut peer| async move {
        peer.write("SSH-2.0-OpenSSH_9.9\r\n").await;
    })
    .await;
    let silent = serve(|mut peer| async move { peer.until_closed().await }).await;
    for server in [garbage, silent] {
        let url = format!("https://localhost:{}", server.address.port());
        let world = try_connect(&format!("[erp]\nurl = \"{url}\"\nprivate_addresses = true\n{SOON}")).unwrap();
        assert_eq!(kind(&world.post("/x", "{}").await), "not sent");
        assert!(world.connections.probe("erp").await.is_err());
    }
}

#[tokio::test]
async fn once_sent_silence_is_a_loss() {
    let hang = serve(|mut peer| async move {
        peer.request().await;
        peer.until_closed().await;
    });
    let close = serve(|mut peer| async move { drop(peer.request().await) });
    let cut = serve(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    });
    let cut_chunked = serve(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel").await;
    });
    let garbage = serve(|mut peer| async move {
        peer.request().await;
        peer.write([0xff, 0x00, 0x13, 0x37].repeat(1000)).await;
        peer.until_closed().await;
    });
    let reset = serve_raw(|mut stream, _| async move {
        stream.read_u8().await.unwrap();
        // What is unread when a socket is closed makes the close a reset.
        drop(stream);
    });
    let drip = serve(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        while peer.write("x").await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let drip_head = serve(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\n").await;
        while peer.write("x: y\r\n").await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let endless_head = serve(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\nx: ").await;
        while peer.write([b'y'; 4096]).await {}
    });
    // Only what would never end by itself is cut short.
    let cases = [
        ("hang", hang.await, SOON, "no answer within 300ms"),
        ("close", close.await, "", "no answer: "),
        ("cut", cut.await, "", "it answered 200, then the body broke off"),
        ("cut chunked", cut_chunked.await, "", "it answered 200, then the body broke off"),
        ("garbage", garbage.await, "", "no answer: "),
        ("reset", reset.await, "", "no answer: "),
        ("drip", drip.await, SOON, "within 300ms"),
        ("drip in the head", drip_head.await, SOON, "no answer"),
        ("endless head", endless_head.await, "", "no answer: "),
    ];
    let cases = cases.map(async |(name, server, settings, words)| {
        let world = connect(server.address, settings);
        let result = world.post("/x", "{}").await;
        assert_eq!(kind(&result), "lost", "{name}: {result:?}");
        let said = result.unwrap_err().to_string();
        assert!(said.contains(words), "{name}: {said}");
    });
    join_all(cases).await;
}

/// Writes chunks until the client has had enough, and counts the bytes.
async fn flood(mut peer: Peer, written: Arc<AtomicU64>) {
    const GIB: u64 = 1 << 30;
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    peer.request().await;
    peer.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    while written.load(Ordering::Relaxed) < GIB && peer.write(&chunk).await {
        written.fetch_add(0x10000, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn an_answer_of_a_gibibyte_is_not_read() {
    let written = Arc::new(AtomicU64::new(0));
    let counter = written.clone();
    let erp = serve(move |peer| flood(peer, counter.clone())).await;
    let world = connect(erp.address, "response_limit = \"1 MiB\"");
    let result = world.post("/x", "{}").await;
    assert_eq!(kind(&result), "answer too large");
    assert!(result.unwrap_err().to_string().contains("`response_limit`"));
    assert!(written.load(Ordering::Relaxed) < 64 << 20, "no more than the sockets' buffers beyond the limit");

    let (announced, _) = answering(|_| "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\nx".into()).await;
    assert_eq!(kind(&connect(announced.address, "").get("/x").await), "answer too large");
}

#[tokio::test]
async fn an_answer_of_exactly_the_limit_is_an_answer() {
    let (erp, _) = answering(|seen| answer(200, "", &"x".repeat(if seen.line.contains("over") { 9 } else { 8 }))).await;
    let world = connect(erp.address, "response_limit = \"8 B\"");
    assert_eq!(world.get("/at").await.unwrap().body.len(), 8);
    assert_eq!(kind(&world.get("/over").await), "answer too large");
}

#[tokio::test]
async fn private_addresses_are_refused_unless_the_connection_says_so() {
    let (erp, seen) = answering(|_| answer(200, "", "")).await;
    let port = erp.address.port();
    let mut problems = Vec::new();
    for host in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[fe80::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "[64:ff9b::7f00:1]",
    ] {
        problems = try_connect(&format!("[erp]\nurl = \"http://{host}:{port}\"")).err().expect(host);
        assert!(problems[0].reason.contains("`private_addresses = true`"), "{host}: {problems:?}");
    }
    assert_eq!((problems[0].connection.as_str(), problems[0].key.as_str()), ("erp", "url"));

    // A name is looked up at the moment of connecting, so that is where it is refused.
    let named = format!("[erp]\nurl = \"http://localhost:{port}\"\n");
    let result = try_connect(&named).unwrap().get("/x").await;
    assert_eq!(kind(&result), "not sent");
    let words = result.unwrap_err().to_string();
    assert!(words.contains("`localhost` resolves to") && words.contains("`private_addresses = true`"), "{words}");
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(kind(&try_connect(&format!("{named}private_addresses = true")).unwrap().get("/x").await), "answered");
}
