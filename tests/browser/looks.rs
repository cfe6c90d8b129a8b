//! Every page in light, in dark and on a phone: a picture for people to look at, axe-core for what they
//! would not see, and nothing wider than the screen.

use mortar_tests::paths;
use serde_json::Value;

use super::browser::{Browser, Look};
use super::{happened, host};

#[tokio::test]
#[ignore = "needs a browser: cargo xtask browser"]
async fn every_page_can_be_seen_and_used_by_everybody() {
    let (host, _erp) = host().await;
    let event = happened(&host, "order.fulfilled").await;
    for sample in ["inventory.updated", "order.created", "return.received"] {
        happened(&host, sample).await;
    }
    host.send_bytes(b"{\"message_type\": \"orderEvent\", \"data\": 7}".to_vec()).await;
    let forged = mortar_tests::http::send("POST", &host.url(), &[("x-masonhub-signature", "sha256=00")], "{}").await;
    assert_eq!(forged.unwrap().status, 401);
    let axe = std::fs::read_to_string(std::env::var("MORTAR_AXE").expect("MORTAR_AXE names the file of axe-core")).unwrap();
    let pictures = paths::root().join("target/screenshots");
    std::fs::create_dir_all(&pictures).unwrap();

    let base = format!("http://{}", host.admin());
    let pages = [
        ("overview", "/".to_owned()),
        ("events", "/events".to_owned()),
        ("search", "/events?find=TEE-BLU-M&state=done".to_owned()),
        ("event", format!("/events/{event}")),
        ("dead", "/dead".to_owned()),
        ("replay", "/dead/replay?plugin=misbehave&code=plugin.rejected".to_owned()),
        ("plugins", "/plugins".to_owned()),
        ("plugin", "/plugins/rest".to_owned()),
        ("connections", "/connections".to_owned()),
        ("set-aside", "/set-aside".to_owned()),
        ("quarantined", "/set-aside/quarantined/1".to_owned()),
        ("round-trips", "/round-trips?state=confirmed".to_owned()),
        ("setup", "/setup".to_owned()),
        ("fault", "/events/no-such-event".to_owned()),
    ];
    let browser = Browser::start().await;
    let mut faults = Vec::new();
    for look in [Look::Light, Look::Dark, Look::Phone] {
        browser.look(look).await;
        browser.go(&format!("{base}/login")).await;
        examine(&browser, &axe, &pictures.join(format!("login-{look:?}.png")), &mut faults).await;
        browser.log_in(host.token()).await;
        for (name, page) in &pages {
            browser.go(&format!("{base}{page}")).await;
            if *name == "event" {
                browser.run("for (const d of document.querySelectorAll('.steps details')) d.open = true").await;
            }
            examine(&browser, &axe, &pictures.join(format!("{name}-{look:?}.png")), &mut faults).await;
        }
    }
    // The page that there is not was asked for on purpose.
    let complaints = browser.complaints(&base).await;
    faults.extend(complaints.into_iter().filter(|complaint| !complaint.contains("no-such-event")));
    assert_eq!(faults, Vec::<String>::new());
    browser.end().await;
}

async fn examine(browser: &Browser, axe: &str, picture: &std::path::Path, faults: &mut Vec<String>) {
    let name = picture.file_stem().unwrap().to_string_lossy().into_owned();
    std::fs::write(picture, browser.picture().await).unwrap();
    if browser.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth").await == true {
        faults.push(format!("{name}: wider than the screen"));
    }
    browser.run(axe).await;
    let script = "const done = arguments[arguments.length - 1]; axe.run().then((found) => done(found.violations));";
    let found = browser.client.execute_async(script, Vec::new()).await.unwrap();
    let serious = |violation: &&Value| matches!(violation["impact"].as_str(), Some("serious" | "critical"));
    for violation in found.as_array().unwrap().iter().filter(serious) {
        let places: Vec<_> = violation["nodes"].as_array().unwrap().iter().take(3).map(|node| node["html"].to_string()).collect();
        faults.push(format!("{name}: {}: {}", violation["help"].as_str().unwrap_or_default(), places.join(" ")));
    }
}
