//! Mails to customers and buyers: each once.

use mortar_core::delivery::State;
use mortar_tests::mail::MailServer;
use mortar_tests::{Host, Setup, fixtures, http, paths};
use serde_json::json;

use super::{QUICK, erp};

fn settings(example: &str) -> String {
    std::fs::read_to_string(paths::root().join("examples").join(example).join("plugin.toml")).unwrap()
}

#[tokio::test]
async fn each_parcel_is_told_to_the_customer_once() {
    let (url, _handle) = erp(None).await;
    let mail = MailServer::start().await;
    let setup = Setup::new().config(QUICK).config(&mail.connection()).connection("erp", &url, "");
    let mut host = setup.plugin("tracking-mail", "tracking-mail", &settings("tracking-mail")).start().await;
    let callback = fixtures::about("order.fulfilled", "SO-7");
    let id = fixtures::event_id(&callback);

    host.send(&callback).await;
    let story = host.when(&id, |story| story.deliveries[0].delivery.state == State::Dead).await;
    let why = story.deliveries[0].delivery.reason.clone().unwrap();
    assert!(why.contains("404"), "the ERP does not know the order yet: {why}");
    assert!(mail.letters().is_empty());

    let order = json!({ "customer": { "email": "ann@example.com", "name": "Ann" } }).to_string();
    http::send("PUT", &format!("{url}/orders/SO-7"), &[], order).await.unwrap();
    mail.put_off(1);
    host.mortar(&["dead", "replay", &story.deliveries[0].delivery.id.to_string()]).await;
    host.until(&id, State::Done).await;
    host.send(&callback).await;
    host.kill().await;
    host.restart().await;
    host.send(&callback).await;
    let letters = mail.letters();
    assert_eq!(letters.len(), 2, "{letters:?}");
    for (letter, tracking) in letters.iter().zip(["1Z999AA10123456784", "9400111899223100001234"]) {
        assert_eq!(letter.to, ["ann@example.com"]);
        assert!(letter.data.contains("Subject: Your order SO-7 is on its way\n") && letter.data.contains("Hello Ann,"), "{letter:?}");
        assert!(letter.data.contains(tracking), "{letter:?}");
    }
}

/// Delivers a count of this many units that can be sold.
async fn count(host: &Host, nth: u32, available: i64) -> State {
    let mut callback = fixtures::fresh("inventory.updated");
    let record = &mut callback["data"][0];
    record["total_available_to_sell"] = available.into();
    record["as_of"] = format!("2026-01-05T18:{nth:02}:00Z").into();
    host.send(&callback).await;
    let over = |state: State| !state.is_open();
    let story = host.when(&fixtures::event_id(&callback), |story| over(story.deliveries[0].delivery.state)).await;
    story.deliveries[0].delivery.state
}

#[tokio::test]
async fn a_buyer_is_alerted_once_for_each_fall() {
    let mail = MailServer::start().await;
    let setup = Setup::new().config(QUICK).config(&mail.connection());
    let mut host = setup.plugin("reorder-alert", "reorder-alert", &settings("reorder-alert")).start().await;
    assert_eq!(count(&host, 1, 200).await, State::Ignored);
    assert_eq!(count(&host, 2, 50).await, State::Done);
    assert_eq!(count(&host, 3, 40).await, State::Ignored);
    host.kill().await;
    host.restart().await;
    assert_eq!(count(&host, 4, 30).await, State::Ignored, "it is remembered");
    assert_eq!(count(&host, 5, 90).await, State::Done);
    assert_eq!(count(&host, 6, 49).await, State::Done);
    let letters = mail.letters();
    assert_eq!(letters.len(), 2, "{letters:?}");
    assert!(letters[0].data.contains("Subject: TEE-BLU-M: 50 left, time to reorder\n"), "{letters:?}");
    assert!(letters[1].data.contains("has 49 units of TEE-BLU-M to sell. Its reorder point is 50."), "{letters:?}");
}
