//! The dashboard over HTTP: who may see it, what keeps others out, and that what others write is text.
//! What a browser makes of it is in `tests/browser`.

use mortar_core::delivery::State;
use mortar_tests::dashboard::Visitor;
use mortar_tests::{Host, SECRET, Setup, fixtures};
use serde_json::json;

use super::{erp, rest_settings};

const PAGES: [&str; 8] = ["/", "/events", "/dead", "/plugins", "/connections", "/set-aside", "/round-trips", "/setup"];

#[tokio::test]
async fn every_page_needs_a_login_and_leads_back_from_it() {
    let host = Setup::new().start().await;
    for page in PAGES {
        let answer = Visitor::new(&host).get(page).await;
        assert_eq!(answer.status, 303, "{page}");
        assert!(answer.header("location").starts_with("/login?next="), "{page}");
    }
    assert_eq!(Visitor::new(&host).get("/live").await.status, 303);
    let mut visitor = Visitor::new(&host);
    let answer = visitor.log_in_from("/login?next=%2Fevents%3Ffind%3DSO-1", host.token()).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/events?find=SO-1"));
    for page in PAGES {
        assert_eq!(visitor.get(page).await.status, 200, "{page}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_a_session_ends() {
    let host = Setup::new().start().await;
    let mut visitor = Visitor::new(&host);
    let refused = visitor.log_in("wrong").await;
    assert_eq!(refused.status, 401);
    assert!(refused.text().contains("This token is not known"), "{}", refused.text());
    let answer = visitor.log_in(host.token()).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(host.token()), "the token is not in the cookie: {cookie}");
    assert_eq!(visitor.post("/logout", "/", &[]).await.status, 303);
    assert_eq!(visitor.get("/").await.status, 303);
}

#[tokio::test]
async fn a_login_leads_nowhere_else() {
    let host = Setup::new().start().await;
    let answer = Visitor::new(&host).log_in_from("/login?next=https%3A%2F%2Fevil.example%2F", host.token()).await;
    assert_eq!(answer.header("location"), "/");
}

#[tokio::test]
async fn a_form_without_the_key_of_the_session_does_nothing() {
    let (host, event) = with_a_dead_letter().await;
    let mut visitor = Visitor::new(&host);
    visitor.log_in(host.token()).await;
    let path = format!("/deliveries/{}/replay", host.story(&event).await.unwrap().deliveries[0].delivery.id);
    for (fields, headers) in [
        (vec![], vec![]),
        (vec![("key", "0".repeat(64))], vec![]),
        (vec![("key", visitor.key().await)], vec![("origin", "http://evil.example")]),
    ] {
        let answer = visitor.post_as_is(&path, &fields, &headers).await;
        assert_eq!(answer.status, 403, "{fields:?} {headers:?}");
    }
    assert_eq!(host.story(&event).await.unwrap().deliveries[0].delivery.attempts, 1);
    // The login has a key of its own, in a cookie.
    let answer = Visitor::new(&host).post_as_is("/login", &[("key", "0".repeat(64)), ("token", host.token().to_owned())], &[]).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn nothing_from_elsewhere_is_loaded_or_run() {
    let host = Setup::new().start().await;
    let mut visitor = Visitor::new(&host);
    visitor.log_in(host.token()).await;
    for page in PAGES {
        let answer = visitor.get(page).await;
        let policy = answer.header("content-security-policy").to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("cache-control"), "no-store");
        let text = answer.text();
        // The policy would stop these; that there are none is what makes the pages work with it.
        for inline in ["<style", " style=", "<script>", " onclick=", "javascript:", "https://cdn", "http://cdn"] {
            assert!(!text.contains(inline), "{page} has {inline}");
        }
    }
    for (file, kind) in [("mortar.css", "text/css"), ("mortar.js", "text/javascript"), ("mortar.svg", "image/svg")] {
        assert!(visitor.get(&format!("/assets/{file}")).await.header("content-type").starts_with(kind));
    }
    assert_eq!(visitor.get("/assets/..%2fmod.rs").await.status, 404);
}

#[tokio::test]
async fn what_others_write_is_text() {
    let host = Setup::new().start().await;
    let evil = "<script>alert(1)</script>";
    let callback = json!({ "message_type": "orderEvent", "message_id": "evil", "data": [{ "id": "1", "customer_identifier": evil, "status": "packed" }] });
    assert_eq!(host.send(&callback).await.status, 200);
    let mut visitor = Visitor::new(&host);
    visitor.log_in(host.token()).await;
    let found = visitor.get("/events?find=%3Cscript%3Ealert(1)%3C%2Fscript%3E").await.text();
    assert!(found.contains("&lt;script&gt;alert(1)"), "{found}");
    for page in ["/events", "/events/evil:0", "/", "/events?find=%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/events?since=%3Cscript%3Ealert(1)"]
    {
        let text = visitor.get(page).await.text();
        assert!(!text.contains("<script>"), "{page}: {text}");
    }
}

#[tokio::test]
async fn a_reader_sees_and_changes_nothing() {
    let (host, event) = with_a_dead_letter().await;
    let made = host.create_token("looker", "read").await;
    let mut visitor = Visitor::new(&host);
    assert_eq!(visitor.log_in(&made).await.status, 303);
    let page = visitor.get(&format!("/events/{event}")).await.text();
    assert!(page.contains("looker") && !page.contains("Replay") && !page.contains("Discard"), "{page}");
    let path = format!("/deliveries/{}/replay", host.story(&event).await.unwrap().deliveries[0].delivery.id);
    assert_eq!(visitor.post(&path, "/", &[("back", "/dead")]).await.status, 303);
    assert!(visitor.get("/dead").await.text().contains("this needs the role operate"));
    assert_eq!(host.story(&event).await.unwrap().deliveries[0].delivery.state, State::Dead);
}

#[tokio::test]
async fn events_are_found_by_what_they_name() {
    let host = Setup::new().start().await;
    host.send(&fixtures::fresh("order.fulfilled")).await;
    host.send(&fixtures::fresh("inventory.updated")).await;
    let mut visitor = Visitor::new(&host);
    visitor.log_in(host.token()).await;
    for (find, found) in [("so-100482", "order.fulfilled"), ("1Z999AA10123456784", "order.fulfilled"), ("TEE-BLU-M", "inventory.updated")] {
        let text = visitor.get(&format!("/events?find={find}")).await.text();
        assert!(text.contains(&format!(">{found}</a>")), "{find}: {text}");
    }
    assert!(visitor.get("/events?find=SO-999").await.text().contains("Nothing fits"));
    assert_eq!(visitor.get("/events?since=yesterday").await.status, 400);
}

#[tokio::test]
async fn a_story_has_no_secret_and_its_case_can_be_taken_home() {
    let (url, _erp) = erp(Some("idempotency-key")).await;
    let host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    let callback = fixtures::fresh("order.fulfilled");
    host.send(&callback).await;
    let event = format!("{}:0", callback["message_id"].as_str().unwrap());
    let story = host.until(&event, State::Done).await;
    let mut visitor = Visitor::new(&host);
    visitor.log_in(host.token()).await;
    let page = visitor.get(&format!("/events/{event}")).await.text();
    for told in ["fits secret 1", "Attempt 1", "1Z999AA10123456784", "Download as a test case"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains(SECRET));
    let case = visitor.get(&format!("/deliveries/{}/case", story.deliveries[0].delivery.id)).await;
    assert!(case.header("content-disposition").starts_with("attachment"));
    assert!(case.text().contains("[expect]"), "{}", case.text());
}

#[tokio::test]
async fn dead_letters_are_grouped_and_run_again_together() {
    let (host, event) = with_a_dead_letter().await;
    let mut visitor = Visitor::new(&host);
    visitor.log_in(host.token()).await;
    assert!(visitor.get("/dead").await.text().contains("plugin.rejected"));
    let preview = visitor.get("/dead/replay?plugin=misbehave&code=plugin.rejected").await.text();
    assert!(preview.contains("Replay 1"), "{preview}");
    let begun = visitor.post("/dead/replay", "/dead", &[("back", "/dead"), ("plugin", "misbehave"), ("code", "plugin.rejected")]).await;
    assert_eq!((begun.status, begun.header("location")), (303, "/dead"));
    host.when(&event, |story| story.deliveries[0].delivery.attempts == 2).await;
}

#[tokio::test]
async fn setup_shows_the_checklist_that_validate_judges_by() {
    let host = Setup::new().start().await;
    let mut visitor = Visitor::new(&host);
    visitor.log_in(host.token()).await;
    let page = visitor.get("/setup").await.text();
    for told in ["&#x2f;webhooks&#x2f;masonhub", "Customer notifications are triggered", "no event came in a callback", "not looked at"] {
        assert!(page.contains(told), "{told}: {page}");
    }
}

/// A host with one dead letter, and its event.
async fn with_a_dead_letter() -> (Host, String) {
    let host = Setup::new().misbehaving("reject", "").start().await;
    let callback = fixtures::fresh("order.created");
    host.send(&callback).await;
    let event = format!("{}:0", callback["message_id"].as_str().unwrap());
    host.until(&event, State::Dead).await;
    (host, event)
}
