//! Logins: a bearer token that is kept until an answer says that it is not valid.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use mortar_core::ports::SendError;

use crate::support::{Log, Seen, Server, World, answer, answering, connect, kind, try_connect};

const BODY: &str = r#"body = { query = "mutation ($p: String!) { login(password: $p) { id } }", variables = { p = "{password}" } }"#;
const FORBIDDEN: &str = r#"{"errors":[{"message":"no","extensions":{"code":"FORBIDDEN"}}],"data":null}"#;

/// A server where one logs in at `/login`: `login` answers the n-th one, from 1, and `erp` everything else.
async fn with_login<L, E>(settings: &str, login: L, erp: E) -> (Server, Log, World)
where
    L: Fn(usize) -> String + Send + Sync + 'static,
    E: Fn(&Seen) -> String + Send + Sync + 'static,
{
    let logins = AtomicUsize::new(0);
    let (server, log) = answering(move |seen| match seen.line.as_str() {
        "POST /login HTTP/1.1" => login(logins.fetch_add(1, Ordering::SeqCst) + 1),
        _ => erp(seen),
    })
    .await;
    let url = format!("http://{}/login", server.address);
    let auth = format!("[erp.auth]\nkind = \"login\"\ntoken_url = \"{url}\"\n{BODY}\npassword = {{ env = \"P\" }}\n{settings}\n");
    let world = connect(server.address, &auth);
    (server, log, world)
}

const HEADER: &str = "token = \"Vendure-Auth-Token\"\nrefused = { at = \"/errors/0/extensions/code\", is = \"FORBIDDEN\" }";

fn in_header(n: usize) -> String {
    answer(200, &format!("vendure-auth-token: t{n}\r\n"), "{}")
}

/// Lets nobody in with one of the first tokens.
fn lets_in_from(first: usize) -> impl Fn(&Seen) -> String + Send + Sync + 'static {
    move |seen| {
        let token: usize = seen.header("authorization").unwrap().strip_prefix("Bearer t").unwrap().parse().unwrap();
        answer(200, "", if token < first { FORBIDDEN } else { r#"{"data":{"done":true}}"# })
    }
}

fn logins(log: &Log) -> Vec<String> {
    log.lock().unwrap().iter().filter(|seen| seen.line.contains("/login")).map(|seen| seen.body.clone()).collect()
}

#[tokio::test]
async fn one_login_serves_all_and_is_kept_until_it_is_refused() {
    let (_server, log, world) = with_login(HEADER, in_header, lets_in_from(1)).await;
    assert!(logins(&log).is_empty(), "nobody logs in before there is something to send");
    let results = join_all((0..8).map(|_| world.post("/x", "{}"))).await;
    assert!(results.iter().all(Result::is_ok));
    let sent = r#"{"query":"mutation ($p: String!) { login(password: $p) { id } }","variables":{"p":"P-s3cret"}}"#;
    assert_eq!(logins(&log), [sent]);
    world.clock.advance(30 * 24 * 3600);
    world.post("/x", "{}").await.unwrap();
    assert_eq!(logins(&log).len(), 1);
}

#[tokio::test]
async fn an_answer_that_refuses_the_token_leads_to_one_login_for_all_who_got_it() {
    let (_server, log, world) = with_login(HEADER, in_header, lets_in_from(2)).await;
    let results = join_all((0..8).map(|_| world.post("/x", "{}"))).await;
    assert!(results.iter().all(|result| result.as_ref().is_ok_and(|answer| !answer.body.starts_with(b"{\"errors"))), "{results:?}");
    assert_eq!(logins(&log).len(), 2);
}

#[tokio::test]
async fn who_is_refused_after_another_login_is_answered_so() {
    let (_server, log, world) = with_login(HEADER, in_header, lets_in_from(9)).await;
    assert_eq!(world.post("/x", "{}").await.unwrap().body, FORBIDDEN.as_bytes());
    assert_eq!(logins(&log).len(), 2, "it may be a right that is missing, so there is one try only");
}

#[tokio::test]
async fn another_error_inside_an_answer_is_no_refusal_of_the_token() {
    let other = |_: &Seen| answer(200, "", r#"{"errors":[{"extensions":{"code":"BAD_USER_INPUT"}}]}"#);
    let (_server, log, world) = with_login(HEADER, in_header, other).await;
    world.post("/x", "{}").await.unwrap();
    assert_eq!(logins(&log).len(), 1);
}

#[tokio::test]
async fn a_token_may_be_in_the_body_and_be_refused_by_a_status() {
    let token = |n| answer(201, "", &format!("{{\"data\":{{\"tokens\":[\"t{n}\"]}}}}"));
    let refuse_first = |seen: &Seen| answer(if seen.header("authorization") == Some("Bearer t1") { 401 } else { 200 }, "", "");
    let (_server, log, world) = with_login("token = \"/data/tokens/0\"", token, refuse_first).await;
    assert_eq!(world.post("/x", "{}").await.unwrap().status, 200);
    assert_eq!(logins(&log).len(), 2);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_password_is_not_told() {
    let wrong = r#"{"data":{"login":{"errorCode":"INVALID_CREDENTIALS_ERROR","echo":"P-s3cret"}}}"#;
    let (_server, log, world) = with_login(HEADER, |_| answer(200, "vendure-auth-token: \r\n", wrong), lets_in_from(1)).await;
    let result = world.post("/x", "{}").await;
    assert_eq!(kind(&result), "not sent");
    let Err(SendError::NotSent { reason, .. }) = result else { unreachable!() };
    assert!(reason.contains("are user and password right?") && !reason.contains("s3cret"), "{reason}");
    assert_eq!(logins(&log).len(), log.lock().unwrap().len(), "nothing but the login was sent");
}

#[test]
fn a_login_that_cannot_work_is_told() {
    let keys = |settings: &str| {
        let login = "url = \"https://shop.example\"\n[erp.auth]\nkind = \"login\"\ntoken_url = \"https://shop.example/login\"\n";
        let problems = try_connect(&format!("[erp]\n{login}{settings}")).err().unwrap_or_default();
        problems.iter().map(|problem| problem.key.clone()).collect::<Vec<_>>()
    };
    let password = "password = { env = \"P\" }";
    assert_eq!(keys(&format!("{BODY}\n{password}\ntoken = \"/token\"")), [""; 0]);
    assert_eq!(keys(&format!("body = {{ p = \"x {{password}}\" }}\n{password}\ntoken = \"/token\"")), ["auth.body"]);
    assert_eq!(keys(&format!("{BODY}\n{password}\ntoken = \"a b\"")), ["auth.token"]);
    assert_eq!(keys(&format!("{BODY}\npassword = {{ env = \"MISSING\" }}\ntoken = \"x\"")), ["auth.password"]);
    assert_eq!(keys(&format!("{BODY}\n{password}\ntoken = \"x\"\nrefused = {{ at = \"code\", is = \"x\" }}")), ["auth.refused.at"]);
}
