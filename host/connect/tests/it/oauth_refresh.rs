//! OAuth 2 with a refresh token.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Log, Server, World, answer, answering, connect};

/// A server that is both ERP and token endpoint, and gives this refresh token with the n-th access token.
async fn with_refresh(client_secret: &str, next: fn(usize) -> Option<String>) -> (Server, Log, World) {
    let fetches = AtomicUsize::new(0);
    let (server, log) = answering(move |seen| match seen.line.as_str() {
        "POST /token HTTP/1.1" => {
            let n = fetches.fetch_add(1, Ordering::SeqCst) + 1;
            let refresh = next(n).map(|token| format!(",\"refresh_token\":\"{token}\"")).unwrap_or_default();
            answer(200, "", &format!("{{\"access_token\":\"t{n}\",\"expires_in\":3600{refresh}}}"))
        }
        _ => answer(200, "", ""),
    })
    .await;
    let auth = format!(
        "auth = {{ kind = \"oauth2-refresh-token\", token_url = \"http://{}/token\", client_id = \"me\", {client_secret} refresh_token = {{ env = \"R\" }} }}",
        server.address
    );
    let world = connect(server.address, &auth);
    (server, log, world)
}

fn forms(log: &Log) -> Vec<String> {
    log.lock().unwrap().iter().filter(|seen| seen.line.contains("/token")).map(|seen| seen.body.clone()).collect()
}

async fn two_tokens(world: &World) {
    world.get("/x").await.unwrap();
    world.clock.advance(3600);
    world.get("/x").await.unwrap();
}

#[tokio::test]
async fn the_same_refresh_token_serves_again() {
    let (_server, log, world) = with_refresh("", |_| None).await;
    two_tokens(&world).await;
    let form = "grant_type=refresh_token&refresh_token=R-s3cret&client_id=me";
    assert_eq!(forms(&log), [form, form]);
    assert!(world.kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn another_refresh_token_takes_its_place_and_is_kept() {
    let (_server, log, world) = with_refresh("client_secret = { env = \"S\" },", |n| Some(format!("r{n}"))).await;
    two_tokens(&world).await;
    let form = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    assert_eq!(forms(&log), [form("R-s3cret"), form("r1")]);
    assert_eq!(*world.kept.lock().unwrap(), ["r1", "r2"]);
    let log = log.lock().unwrap();
    let asked = log.iter().find(|seen| seen.line.contains("/token")).unwrap();
    assert_eq!(asked.header("authorization"), Some("Basic bWU6Uy1zM2NyZXQ="));
}

#[tokio::test]
async fn the_token_that_was_given_back_is_not_kept_again() {
    let (_server, _, world) = with_refresh("", |_| Some("R-s3cret".into())).await;
    two_tokens(&world).await;
    assert!(world.kept.lock().unwrap().is_empty());
}
