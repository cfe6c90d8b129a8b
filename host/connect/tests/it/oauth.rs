//! OAuth 2 client credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use mortar_core::ports::SendError;

use crate::support::{Log, Seen, Server, World, answer, answering, connect, kind, request, try_connect};

const BASIC: &str = "Basic bWUlM0ExOlMtczNjcmV0"; // me%3A1:S-s3cret

/// A server that is both ERP and token endpoint: `token` answers the n-th fetch, from 1, and
/// `erp` everything else.
async fn with_tokens<T, E>(settings: &str, token: T, erp: E) -> (Server, Log, World)
where
    T: Fn(usize, &Seen) -> String + Send + Sync + 'static,
    E: Fn(&Seen) -> String + Send + Sync + 'static,
{
    let fetches = AtomicUsize::new(0);
    let (server, log) = answering(move |seen| match seen.line.as_str() {
        "POST /token HTTP/1.1" => token(fetches.fetch_add(1, Ordering::SeqCst) + 1, seen),
        _ => erp(seen),
    })
    .await;
    let auth = format!(
        "{settings}auth = {{ kind = \"oauth2-client-credentials\", token_url = \"http://{}/token\", client_id = \"me:1\", client_secret = {{ env = \"S\" }}, scope = \"a b\" }}",
        server.address
    );
    let world = connect(server.address, &auth);
    (server, log, world)
}

fn granted(n: usize) -> String {
    answer(200, "", &format!("{{\"access_token\":\"t{n}\",\"token_type\":\"bearer\",\"expires_in\":3600}}"))
}

fn fetches(log: &Log) -> usize {
    log.lock().unwrap().iter().filter(|seen| seen.line.contains("/token")).count()
}

/// The `Authorization` of each request to the ERP.
fn used(log: &Log) -> Vec<String> {
    let log = log.lock().unwrap();
    log.iter().filter(|seen| !seen.line.contains("/token")).map(|seen| seen.header("authorization").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_is_fetched_once_kept_and_fetched_again_before_it_expires() {
    let (_server, log, world) = with_tokens("", |n, _| granted(n), |_| answer(200, "", "")).await;
    let results = join_all((0..8).map(|_| world.get("/x"))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(fetches(&log), 1, "all waited for the same fetch");
    let asked = log.lock().unwrap()[0].clone();
    assert_eq!(asked.header("authorization"), Some(BASIC));
    assert_eq!(asked.body, "grant_type=client_credentials&scope=a+b");

    world.clock.advance(3539);
    world.get("/x").await.unwrap();
    assert_eq!(fetches(&log), 1);
    world.clock.advance(2);
    world.get("/x").await.unwrap();
    assert_eq!(fetches(&log), 2);
    let used = used(&log);
    assert_eq!((used.len(), used[0].as_str(), used[9].as_str()), (10, "Bearer t1", "Bearer t2"));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let refuse_first = |seen: &Seen| answer(if seen.header("authorization") == Some("Bearer t1") { 401 } else { 200 }, "", "");
    let (_server, log, world) = with_tokens("", |n, _| granted(n), refuse_first).await;
    assert_eq!(world.post("/x", "body").await.unwrap().status, 200);
    assert_eq!(used(&log), ["Bearer t1", "Bearer t2"]);
    assert!(log.lock().unwrap().iter().filter(|seen| seen.line.contains("/api/x")).all(|seen| seen.body == "body"));
    assert_eq!(*world.observed.0.lock().unwrap(), [("erp".to_owned(), Some(200))], "one call, as the pipeline sees it");

    let (_server, log, world) = with_tokens("", |n, _| granted(n), |_| answer(401, "", "")).await;
    assert_eq!(world.post("/x", "body").await.unwrap().status, 401, "then it is the ERP's answer");
    assert_eq!(used(&log), ["Bearer t1", "Bearer t2"]);
    assert!(world.connections.probe("erp").await.is_err_and(|words| words.contains("credentials")));
}

#[tokio::test]
async fn requests_that_are_refused_together_share_a_new_token() {
    let refuse_first = |seen: &Seen| answer(if seen.header("authorization") == Some("Bearer t1") { 401 } else { 200 }, "", "");
    let (_server, log, world) = with_tokens("", |n, _| granted(n), refuse_first).await;
    let results = join_all((0..8).map(|_| world.post("/x", "body"))).await;
    assert!(results.iter().all(|result| result.as_ref().is_ok_and(|response| response.status == 200)), "{results:?}");
    assert_eq!(fetches(&log), 2);
}

#[tokio::test]
async fn a_refused_token_that_cannot_be_replaced_leaves_the_request_unsent() {
    let refuse_first = |seen: &Seen| answer(if seen.header("authorization") == Some("Bearer t1") { 401 } else { 200 }, "", "");
    let token = |n, _: &Seen| if n == 2 { answer(503, "Retry-After: 9\r\n", "") } else { granted(n) };
    let (_server, log, world) = with_tokens("", token, refuse_first).await;
    match world.post("/x", "body").await {
        Err(SendError::NotSent { reason, after, spent: true }) => {
            assert!(reason.contains("no access token"), "{reason}");
            assert_eq!(after, Some(Duration::from_secs(9)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.post("/x", "body").await.unwrap().status, 200);
    assert_eq!(used(&log), ["Bearer t1", "Bearer t3"]);
}

#[tokio::test]
async fn only_a_credential_that_cannot_be_had_counts_as_a_failure() {
    let breaker = "breaker = { failures = 2, first_open = \"1h\", longest_open = \"1h\" }\n";
    let (_server, log, world) = with_tokens(breaker, |n, _| granted(n), |_| answer(401, "", "")).await;
    for _ in 0..5 {
        assert_eq!(world.get("/x").await.unwrap().status, 401);
    }
    assert_eq!(used(&log).len(), 10, "each is tried with a new token, and the breaker is not touched");

    let (_server, log, world) = with_tokens(breaker, |_, _| answer(503, "", ""), |_| answer(200, "", "")).await;
    let kinds = [world.get("/x").await, world.get("/x").await, world.get("/x").await].each_ref().map(kind);
    assert_eq!(kinds, ["not sent", "not sent", "held back"]);
    assert_eq!((fetches(&log), used(&log).len()), (2, 0), "the token endpoint is left alone too");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let refused = "{\"error\":\"invalid_client\",\"error_description\":\"who\\r\\nare you\",\"echo\":\"S-s3cret\"}";
    for (status, headers, body, words, after) in [
        (401, "", refused, "it answered 401 invalid_client who are you", None),
        (503, "Retry-After: 9\r\n", "", "it answered 503", Some(9)),
        (200, "", "{}", "no access token", None),
        (200, "", "not JSON", "no access token", None),
        (200, "", "{\"access_token\":\"a\",\"token_type\":\"mac\"}", "not a bearer token", None),
        (200, "", "{\"access_token\":\"a\\nb\"}", "no header can carry", None),
        (302, "Location: /token2\r\n", "", "it answered 302", None),
    ] {
        let reply = answer(status, headers, body);
        let (_server, log, world) = with_tokens("", move |_, _| reply.clone(), |_| answer(200, "", "")).await;
        match world.post("/x", "y").await {
            Err(SendError::NotSent { reason, after: wait, spent: true }) => {
                assert!(reason.contains(words) && !reason.contains("s3cret"), "{reason}");
                assert_eq!(wait, after.map(Duration::from_secs));
            }
            other => panic!("{other:?}"),
        }
        assert!(used(&log).is_empty());
    }
}

#[tokio::test]
async fn a_failed_fetch_is_shared_by_those_who_waited_and_tried_again_by_those_who_come_later() {
    let (_server, log, world) =
        with_tokens("", |n, _| if n == 1 { answer(500, "", "") } else { granted(n) }, |_| answer(200, "", "")).await;
    let world = Arc::new(world);
    let results = join_all((0..8).map(|_| world.get("/x"))).await;
    assert!(results.iter().all(|result| kind(result) == "not sent"), "{results:?}");
    assert_eq!(fetches(&log), 1);
    assert_eq!(kind(&world.get("/x").await), "answered");
    assert_eq!(fetches(&log), 2);
}

#[tokio::test]
async fn a_server_that_wants_credentials_in_the_form_gets_them_there() {
    let form_only = |n: usize, seen: &Seen| {
        let expected = "grant_type=client_credentials&scope=a+b&client_id=me%3A1&client_secret=S-s3cret";
        if seen.header("authorization").is_none() && seen.body == expected {
            granted(n)
        } else {
            answer(401, "", "{\"error\":\"invalid_client\"}")
        }
    };
    let (_server, log, world) = with_tokens("", form_only, |_| answer(200, "", "")).await;
    assert_eq!(kind(&world.get("/x").await), "answered");
    assert_eq!(fetches(&log), 2);
    world.clock.advance(3600);
    assert_eq!(kind(&world.get("/x").await), "answered");
    assert_eq!(fetches(&log), 3, "it is remembered");
}

#[tokio::test]
async fn a_token_can_be_carried_by_a_header_of_its_own() {
    let (server, log) = answering(|seen| match seen.line.as_str() {
        "POST /token HTTP/1.1" => answer(200, "", "{\"access_token\":\"t1\",\"scope\":\"a\",\"expires_in\":86399}"),
        _ => answer(200, "", ""),
    })
    .await;
    let credentials = format!("token_url = \"http://{}/token\", client_id = \"me\", client_secret = {{ env = \"S\" }}", server.address);
    let with = |header: &str| format!("auth = {{ kind = \"oauth2-client-credentials\", {credentials}, header = \"{header}\" }}");
    let world = connect(server.address, &with("X-Access-Token"));
    world.get("/x").await.unwrap();
    let seen = log.lock().unwrap().iter().find(|seen| seen.line.contains("/api/x")).cloned().unwrap();
    assert_eq!((seen.header("x-access-token"), seen.header("authorization")), (Some("t1"), None));
    let own = mortar_core::call::Request { headers: vec![("x-access-token".into(), "mine".into())], ..request("GET", "/x") };
    assert_eq!(kind(&world.send(&own).await), "denied", "a plugin cannot set it");
    let wrong = format!("[erp]\nurl = \"http://{}/api\"\nprivate_addresses = true\n{}", server.address, with("host"));
    assert_eq!(try_connect(&wrong).err().unwrap()[0].key, "auth.header");
}

#[tokio::test]
async fn a_secret_phrase_gets_a_token_that_says_itself_how_long_it_is_good() {
    let fetches = AtomicUsize::new(0);
    let (server, log) = answering(move |seen| match seen.line.as_str() {
        "POST /secrets HTTP/1.1" => {
            let number = fetches.fetch_add(1, Ordering::SeqCst) + 1;
            // {"iat":1000,"exp":4600}
            answer(200, "", &format!("{{\"encrypted_token\":\"eyJ{number}.eyJpYXQiOjEwMDAsImV4cCI6NDYwMH0.sig\"}}"))
        }
        _ => answer(200, "", "[]"),
    })
    .await;
    let auth = format!(
        "auth = {{ kind = \"secret-phrase\", token_url = \"http://{}/secrets\", secret_phrase = {{ env = \"S\" }} }}",
        server.address
    );
    let world = connect(server.address, &auth);
    world.get("/orders").await.unwrap();
    let asked = log.lock().unwrap()[0].clone();
    assert_eq!((asked.header("content-type"), asked.body.as_str()), (Some("application/json"), "{\"secret_phrase\":\"S-s3cret\"}"));
    world.clock.advance(3539);
    world.get("/orders").await.unwrap();
    world.clock.advance(2);
    world.get("/orders").await.unwrap();
    let log = log.lock().unwrap();
    let used: Vec<_> = log.iter().filter(|seen| seen.line.starts_with("GET")).map(|seen| seen.header("authorization").unwrap()).collect();
    let bearer = |number| format!("Bearer eyJ{number}.eyJpYXQiOjEwMDAsImV4cCI6NDYwMH0.sig");
    assert_eq!(used, [bearer(1), bearer(1), bearer(2)]);
}
