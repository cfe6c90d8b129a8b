//! What an operator does: logs in, watches an event arrive, finds it, reads its story, replays a dead
//! letter, rolls a plugin back.

use mortar_tests::fixtures;

use super::browser::Browser;
use super::{happened, host};

#[tokio::test]
#[ignore = "needs a browser: cargo xtask browser"]
async fn an_operator_sees_finds_and_mends() {
    let (host, _erp) = host().await;
    let base = format!("http://{}", host.admin());
    let browser = Browser::start().await;

    browser.go(&format!("{base}/events")).await;
    browser.client.wait().for_element(fantoccini::Locator::Id("token")).await.unwrap().send_keys(host.token()).await.unwrap();
    browser.click("button.main").await;
    browser.sees("No event has come yet").await;

    // An event arrives, and the page shows it without being loaded again.
    browser.sees("live").await;
    browser.run("window.stayed = true").await;
    let event = happened(&host, "order.fulfilled").await;
    browser.sees("order.fulfilled").await;
    assert_eq!(browser.run("return window.stayed").await, true);

    // It is found by one of its parcels, and tells its story.
    browser.client.find(fantoccini::Locator::Id("find")).await.unwrap().send_keys("1z999aa10123456784").await.unwrap();
    browser.press("Search").await;
    browser.press("order.fulfilled").await;
    browser.sees("fits secret 1").await;
    browser.click(".steps summary").await;
    browser.sees("Request").await;
    assert!(browser.client.current_url().await.unwrap().path().starts_with("/events/"));

    // The dead letter runs again, with all that died of the same.
    let attempts = async || host.story(&event).await.unwrap().deliveries.iter().map(|d| d.delivery.attempts).sum::<u32>();
    assert_eq!(attempts().await, 2);
    browser.press("Dead letters").await;
    browser.sees("plugin.rejected").await;
    browser.press("Replay all").await;
    browser.press("Replay 1").await;
    browser.sees("1 run again, 0 refused; all were gone through").await;
    host.when(&event, |story| story.deliveries.iter().map(|d| d.delivery.attempts).sum::<u32>() == 3).await;

    // A plugin goes back to the generation before.
    let before = host.plugin("misbehave").await["digest"].as_str().unwrap().to_owned();
    host.replace("plugins/misbehave/plugin.toml", "connections = [\"erp\"]\n[config]\nbehaviour = \"trap\"\n");
    let after = host.swapped("misbehave", &before).await;
    browser.go(&format!("{base}/plugins/misbehave")).await;
    browser.sees(&after).await;
    browser.press("Put in force").await;
    browser.sees(&format!("Generation {} of misbehave is in force", &before[..12])).await;
    assert_eq!(host.swapped("misbehave", &after).await, before);

    browser.press("Log out").await;
    browser.sees("Token").await;
    assert_eq!(browser.complaints(&base).await, Vec::<String>::new());
    browser.end().await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask browser"]
async fn it_is_used_by_keys_alone() {
    let (host, _erp) = host().await;
    host.send(&fixtures::fresh("order.created")).await;
    let browser = Browser::start().await;
    browser.go(&format!("http://{}/", host.admin())).await;
    // The field has the focus already.
    let keys = format!("{}\u{e007}", host.token());
    browser.client.active_element().await.unwrap().send_keys(&keys).await.unwrap();
    browser.sees("Overview").await;
    // The first stop is the way past the menu.
    browser.client.find(fantoccini::Locator::Css("body")).await.unwrap().send_keys("\u{e004}").await.unwrap();
    assert_eq!(browser.run("return document.activeElement.className").await, "skip");
    browser.client.active_element().await.unwrap().send_keys("\u{e007}").await.unwrap();
    assert_eq!(browser.run("return document.activeElement.id").await, "main");
    browser.end().await;
}
