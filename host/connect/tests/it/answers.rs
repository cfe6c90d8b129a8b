//! What answers mean, and which redirects are followed.

use std::time::Duration;

use mortar_core::ports::SendError;

use crate::support::{answer, answering, connect, kind, request};

#[tokio::test]
async fn a_status_says_whether_it_was_applied_or_leaves_that_to_the_plugin() {
    let (erp, _) = answering(|seen| {
        let status = seen.line.split(['/', ' ']).find_map(|part| part.parse::<u16>().ok()).unwrap();
        answer(status, "", "said")
    })
    .await;
    let world = connect(erp.address, "");
    for (status, expected) in [
        (200, "answered"),
        (204, "answered"),
        (304, "answered"),
        (400, "answered"),
        (401, "answered"),
        (404, "answered"),
        (409, "answered"),
        (421, "answered"),
        (500, "answered"),
        (501, "answered"),
        (408, "not sent"),
        (425, "not sent"),
        (429, "not sent"),
        (503, "not sent"),
        (502, "lost"),
        (504, "lost"),
    ] {
        let result = world.post(&format!("/{status}"), "x").await;
        assert_eq!(kind(&result), expected, "{status}");
        if let Err(error) = result {
            assert!(error.to_string().starts_with(&format!("connection `erp`: it answered {status} ")), "{error}");
            assert!(error.to_string().ends_with(": said"), "{error}");
        }
    }
    assert!(world.observed.0.lock().unwrap().contains(&("erp".to_owned(), Some(503))));
}

#[tokio::test]
async fn the_wait_that_the_erp_asks_for_is_passed_on() {
    let (erp, _) = answering(|seen| {
        let wait = if seen.line.contains("seconds") { "7" } else { "Wed, 01 Jan 2025 00:01:30 GMT" };
        answer(503, &format!("Retry-After: {wait}\r\n"), "")
    })
    .await;
    let world = connect(erp.address, "");
    for (path, expected) in [("/seconds", 7), ("/date", 90)] {
        match world.post(path, "x").await {
            Err(SendError::NotSent { after, spent: true, .. }) => assert_eq!(after, Some(Duration::from_secs(expected))),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_redirect_is_followed_only_for_reads_and_only_within_the_connection() {
    let (elsewhere, seen_elsewhere) = answering(|_| answer(200, "", "stolen")).await;
    let away = elsewhere.address;
    let (erp, seen) = answering(move |seen| {
        let to = |location: &str| answer(302, &format!("Location: {location}\r\n"), "");
        match seen.line.split([' ', '?']).nth(1).unwrap() {
            "/api/away" => to(&format!("http://{away}/api/x")),
            "/api/schemeless" => to(&format!("//{away}/api/x")),
            "/api/above" => to("/admin"),
            "/api/dots" => to("/api/..%2fadmin"),
            "/api/unlisted" => to("/api/secret"),
            "/api/loop" => to("/api/loop"),
            "/api/near" => to("here?a=b"),
            "/api/nowhere" => answer(302, "", ""),
            _ => answer(200, "", "here"),
        }
    })
    .await;
    let world = connect(
        erp.address,
        "paths = [\"/away\", \"/schemeless\", \"/above\", \"/dots\", \"/unlisted\", \"/loop\", \"/near\", \"/nowhere\", \"/here\"]\nauth = { kind = \"bearer\", token = { env = \"TOKEN\" } }",
    );

    let near = world.get("/near").await.unwrap();
    assert_eq!((near.status, near.body.as_slice()), (200, &b"here"[..]));
    assert!(seen.lock().unwrap().iter().any(|seen| seen.line == "GET /api/here?a=b HTTP/1.1" && seen.header("authorization").is_some()));

    for path in ["/away", "/schemeless", "/above", "/dots", "/unlisted", "/nowhere"] {
        let before = seen.lock().unwrap().len();
        assert_eq!(world.get(path).await.unwrap().status, 302, "{path}");
        assert_eq!(seen.lock().unwrap().len(), before + 1, "{path}");
    }
    assert!(seen_elsewhere.lock().unwrap().is_empty());

    let before = seen.lock().unwrap().len();
    assert_eq!(world.get("/loop").await.unwrap().status, 302);
    assert_eq!(seen.lock().unwrap().len(), before + 4, "a request and three redirects");
    assert_eq!(world.post("/near", "x").await.unwrap().status, 302, "a write is never sent elsewhere");
    let unsafe_read = connect(erp.address, "safe_methods = []");
    assert_eq!(unsafe_read.send(&request("GET", "/near")).await.unwrap().status, 302);
}
