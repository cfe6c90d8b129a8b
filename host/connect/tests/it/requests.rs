//! What leaves the host, and what is not allowed to.

use mortar_core::call::Request;
use mortar_core::ports::{Connector, Manners};

use crate::support::{World, answer, answering, connect, kind, request};

fn with_header(name: &str, value: &str) -> Request {
    Request { headers: vec![(name.into(), value.into())], ..request("POST", "/x") }
}

#[tokio::test]
async fn a_request_arrives_below_the_base_with_everything_the_host_adds() {
    let (erp, seen) = answering(|_| answer(201, "X-Id: 7\r\nx-bytes: \u{fc}\r\n", "made")).await;
    let world = connect(
        erp.address,
        "auth = { kind = \"bearer\", token = { env = \"TOKEN\" } }\nidempotency_header = \"Idempotency-Key\"\nheaders = { X-Tenant = \"7\" }",
    );
    let mut sent = Request { body: Some(b"{\"a\":1}".to_vec()), ..request("POST", "/orders/SO%2F1?f=a&f=b") };
    sent.headers = vec![("Content-Type".into(), "application/json".into()), ("x-many".into(), "1".into()), ("x-many".into(), "2".into())];

    let response = world.send(&sent).await.unwrap();

    assert_eq!((response.status, response.body.as_slice()), (201, &b"made"[..]));
    assert!(response.headers.contains(&("x-id".into(), "7".into())));
    let seen = seen.lock().unwrap()[0].clone();
    assert_eq!((seen.line.as_str(), seen.body.as_str()), ("POST /api/orders/SO%2F1?f=a&f=b HTTP/1.1", "{\"a\":1}"));
    assert_eq!(seen.header("host"), Some(erp.address.to_string().as_str()));
    assert_eq!(seen.header("authorization"), Some("Bearer TOKEN-s3cret"));
    assert_eq!(seen.header("idempotency-key"), Some("key1"));
    assert_eq!(seen.header("x-tenant"), Some("7"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("user-agent"), Some(concat!("mortar/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(seen.headers.iter().filter(|(name, _)| name == "x-many").count(), 2);
    assert_eq!(seen.header("accept-encoding"), None, "decompression could turn a small answer into a huge one");
    assert_eq!(*world.observed.0.lock().unwrap(), [("erp".to_owned(), Some(201))]);
}

#[tokio::test]
async fn a_write_without_a_body_says_that_it_has_none() {
    let (erp, seen) = answering(|_| answer(200, "", "")).await;
    connect(erp.address, "").send(&request("POST", "/do")).await.unwrap();
    assert_eq!(seen.lock().unwrap()[0].header("content-length"), Some("0"));
}

#[tokio::test]
async fn every_static_kind_of_credentials_is_sent() {
    for (auth, name, value) in [
        ("{ kind = \"basic\", user = \"u\", password = { env = \"P\" } }", "authorization", "Basic dTpQLXMzY3JldA=="),
        ("{ kind = \"header\", name = \"X-Api-Key\", value = { env = \"K\" } }", "x-api-key", "K-s3cret"),
        ("{ kind = \"header\", name = \"Authorization\", value = { env = \"K\" } }", "authorization", "K-s3cret"),
    ] {
        let (erp, seen) = answering(|_| answer(200, "", "")).await;
        connect(erp.address, &format!("auth = {auth}")).get("/").await.unwrap();
        assert_eq!(seen.lock().unwrap()[0].header(name), Some(value));
    }
}

#[tokio::test]
async fn reads_carry_no_idempotency_key_and_manners_say_who_dedupes() {
    let (erp, seen) = answering(|_| answer(200, "", "")).await;
    let world = connect(erp.address, "idempotency_header = \"Idempotency-Key\"\nsafe_methods = [\"GET\", \"REPORT\"]");
    for method in ["GET", "REPORT", "HEAD", "PUT"] {
        world.send(&request(method, "/x")).await.unwrap();
    }
    let keys: Vec<bool> = seen.lock().unwrap().iter().map(|seen| seen.header("idempotency-key").is_some()).collect();
    assert_eq!(keys, [false, false, true, true]);
    assert_eq!(world.connections.manners("erp", "REPORT"), Some(Manners { idempotent: true, safe: true }));
    assert_eq!(world.connections.manners("erp", "HEAD"), Some(Manners { idempotent: true, safe: false }));
    assert_eq!(world.connections.manners("other", "GET"), None);
    let world = connect(erp.address, "");
    assert_eq!(world.connections.manners("erp", "POST"), Some(Manners { idempotent: false, safe: false }));
}

#[tokio::test]
async fn what_is_not_allowed_never_leaves() {
    let (erp, seen) = answering(|_| answer(200, "", "")).await;
    let settings = "methods = [\"GET\", \"POST\", \"TRACE\"]\npaths = [\"/orders/*\", \"/x\"]\nrequest_limit = \"8 B\"\nidempotency_header = \"X-Key\"\nheaders = { X-Tenant = \"7\" }\nauth = { kind = \"header\", name = \"X-Api-Key\", value = { env = \"K\" } }";
    let world = connect(erp.address, settings);
    let body = |bytes: usize| Request { body: Some(vec![b'x'; bytes]), ..request("POST", "/x") };
    let other = Request { connection: "crm".into(), ..request("GET", "/x") };
    for (request, expected, words) in [
        (request("DELETE", "/x"), "denied", "`methods`"),
        (request("TRACE", "/x"), "denied", "TRACE"),
        (request("CONNECT", "/x"), "denied", "CONNECT"),
        (request("get", "/x"), "denied", "capitals"),
        (request("GE T", "/x"), "denied", "GE T"),
        (request("MAIL", ""), "denied", "mail server"),
        (request("GET", "/admin"), "denied", "`paths`"),
        (request("GET", "/orders/../admin"), "denied", "dot segment"),
        (request("GET", "/orders/..%2fadmin"), "denied", "dot segment"),
        (request("GET", "//evil.example/x"), "denied", "`//`"),
        (request("GET", "http://evil.example/x"), "denied", "does not start with `/`"),
        (request("GET", "/x\r\nHost: evil.example"), "denied", "control character"),
        (with_header("Host", "evil.example"), "denied", "Host"),
        (with_header("Authorization", "x"), "denied", "Authorization"),
        (with_header("Transfer-Encoding", "chunked"), "denied", "Transfer-Encoding"),
        (with_header("x-api-key", "x"), "denied", "x-api-key"),
        (with_header("x-key", "x"), "denied", "x-key"),
        (with_header("x-tenant", "8"), "denied", "x-tenant"),
        (with_header("X-A", "a\r\nHost: evil.example"), "denied", "X-A"),
        (with_header("X-A", &"a".repeat(70_000)), "request too large", "headers"),
        (body(9), "request too large", "`request_limit`"),
        (other, "denied", "`crm`"),
    ] {
        let result = world.send(&request).await;
        assert_eq!(kind(&result), expected, "{request:?}");
        let error = result.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(world.connections.check(&request), Err(error), "check and send agree");
    }
    assert!(seen.lock().unwrap().is_empty() && world.observed.0.lock().unwrap().is_empty());
    for allowed in [body(8), request("GET", "/orders/1?x=../"), request("GET", "/x")] {
        assert_eq!(kind(&world.send(&allowed).await), "answered", "{allowed:?}");
    }
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let (erp, seen) = answering(|_| answer(200, "", "x")).await;
    let world = connect(erp.address, "");
    for _ in 0..5 {
        world.post("/x", "y").await.unwrap();
    }
    assert!(seen.lock().unwrap().iter().all(|seen| seen.peer == 0));
}

#[tokio::test]
async fn a_probe_asks_for_the_head_of_the_base_and_knows_bad_credentials() {
    let probe = async |status| {
        let (erp, seen) = answering(move |_| format!("HTTP/1.1 {status} X\r\n\r\n")).await;
        let World { connections, .. } =
            connect(erp.address, "methods = [\"POST\"]\nauth = { kind = \"bearer\", token = { env = \"TOKEN\" } }");
        let result = connections.probe("erp").await;
        let seen = seen.lock().unwrap()[0].clone();
        assert_eq!((seen.line.as_str(), seen.header("authorization")), ("HEAD /api HTTP/1.1", Some("Bearer TOKEN-s3cret")));
        result
    };
    for status in [200, 204, 302, 404, 405, 500, 503] {
        assert!(probe(status).await.is_ok_and(|words| words.contains(&status.to_string())), "{status}");
    }
    for status in [401, 403] {
        assert!(probe(status).await.is_err_and(|words| words.contains("credentials")), "{status}");
    }
    let world = crate::support::try_connect("").unwrap();
    assert!(world.connections.probe("erp").await.is_err());
}
