//! Operators are told when something is wrong, once, and when it is over.

use std::time::Duration;

use jiff::Timestamp;
use mortar_core::config::SourceConfig;
use mortar_core::delivery::State;
use mortar_core::round_trip::RoundTripState;
use mortar_core::verify::Verifier;
use mortar_simulator::erp::{Fault, What};
use mortar_tests::catcher::Catcher;
use mortar_tests::mail::MailServer;
use mortar_tests::{Setup, fixtures, http};
use serde_json::Value;

use super::{AT_ONCE, QUICK, erp, rest_settings};

const KEY: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn setup(erp: &str, mail: &MailServer, webhook: &Catcher) -> Setup {
    setup_with("", erp, mail, webhook)
}

fn setup_with(more: &str, erp: &str, mail: &MailServer, webhook: &Catcher) -> Setup {
    let alerts = format!(
        "[alerts]\n{more}look = \"20ms\"\npause = \"20ms\"\nmail = {{ connection = \"mail\", to = [\"ops@example.com\"] }}\n\
         webhook = {{ url = \"http://{}\", secret = {{ file = \"alerts\" }}, private_addresses = true }}\n",
        webhook.address
    );
    let setup = Setup::new().config(QUICK).config(&alerts).config(&mail.connection()).file("alerts", KEY);
    setup.connection("erp", erp, "").plugin("rest", "rest", &(rest_settings() + AT_ONCE))
}

/// Every alert that the webhook was told of, as `what kind`.
fn told(webhook: &Catcher) -> Vec<String> {
    let bodies = webhook.caught().into_iter().map(|caught| serde_json::from_slice::<Value>(&caught.body).unwrap());
    let alerts = bodies.flat_map(|body| body["data"]["alerts"].as_array().unwrap().clone());
    alerts.map(|alert| format!("{} {}", alert["what"].as_str().unwrap(), alert["kind"].as_str().unwrap())).collect()
}

/// Waits until this holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn a_mismatch_is_told_once_by_mail_and_by_webhook_and_so_is_its_end() {
    let (url, _erp) = erp(None).await;
    let (mail, webhook) = (MailServer::start().await, Catcher::start().await);
    let host = setup(&url, &mail, &webhook).start().await;
    let callback = fixtures::fresh("order.fulfilled");
    host.send(&callback).await;
    let confirmed = |wanted| {
        move |story: &mortar_core::story::EventStory| story.deliveries[0].round_trip.as_ref().is_some_and(|known| known.state == wanted)
    };
    let story = host.when(&fixtures::event_id(&callback), confirmed(RoundTripState::Confirmed)).await;
    assert_eq!(told(&webhook), [""; 0]);

    let order = story.event.subject.strip_prefix("order:").unwrap();
    let shipment = format!("{url}/orders/{order}/shipments/shp_001");
    http::send("PUT", &shipment, &[], r#"{"tracking_number":"wrong"}"#).await.unwrap();
    // The webhook's server is away at first.
    webhook.put_off(1);
    let delivery = story.deliveries[0].delivery.id.to_string();
    host.mortar(&["roundtrip", "check", &delivery]).await;
    until("the mismatch is told", || !mail.letters().is_empty() && !webhook.caught().is_empty()).await;
    http::send("PUT", &shipment, &[], r#"{"tracking_number":"1Z999AA10123456784"}"#).await.unwrap();
    host.mortar(&["roundtrip", "check", &delivery]).await;
    until("its end is told", || mail.letters().len() == 2 && webhook.caught().len() == 2).await;
    assert_eq!(told(&webhook), ["raised round-trip-mismatch", "over round-trip-mismatch"]);
    let letters = mail.letters();
    assert_eq!(letters[0].to, ["ops@example.com"]);
    assert!(letters[0].data.contains(&format!("Subject: Mortar: 1 new: round-trip mismatch ({delivery})\n")), "{letters:#?}");
    assert!(letters[0].data.contains("expected /orders/") && letters[0].data.contains("mortar roundtrip check"), "{letters:#?}");
    assert!(letters[1].data.contains("Subject: Mortar: 1 over: round-trip mismatch"), "{letters:#?}");
}

#[tokio::test]
async fn a_dead_letter_is_told_until_it_is_replayed() {
    let (url, erp) = erp(None).await;
    let (mail, webhook) = (MailServer::start().await, Catcher::start().await);
    let host = setup(&url, &mail, &webhook).start().await;
    erp.fault(Fault::new(What::Status(422)).next(1));
    let callback = fixtures::fresh("order.fulfilled");
    host.send(&callback).await;
    let story = host.until(&fixtures::event_id(&callback), State::Dead).await;
    until("the dead letter is told", || told(&webhook) == ["raised dead-letter"]).await;
    host.mortar(&["dead", "replay", &story.deliveries[0].delivery.id.to_string()]).await;
    until("its end is told", || told(&webhook) == ["raised dead-letter", "over dead-letter"]).await;
}

#[tokio::test]
async fn a_test_says_by_which_way_operators_are_reached() {
    let (url, _erp) = erp(None).await;
    let (mail, webhook) = (MailServer::start().await, Catcher::start().await);
    let host = setup(&url, &mail, &webhook).start().await;
    mail.put_off(1);
    let tested = host.mortar(&["alerts", "test"]).await;
    let said = String::from_utf8(tested.stdout).unwrap();
    assert_eq!(tested.status.code(), Some(1), "{said}");
    assert!(said.starts_with("mail to ops@example.com: not sent: ") && said.ends_with("webhook: sent\n"), "{said}");
    assert_eq!(host.mortar(&["alerts", "test"]).await.status.code(), Some(0));
    assert_eq!(mail.letters().len(), 1);

    // Whoever receives it proves it with what Standard Webhooks gives them.
    let caught = webhook.caught().remove(0);
    let receiver: SourceConfig = toml::from_str("verify = [{ scheme = \"standard-webhooks\", secrets = [{ env = \"KEY\" }] }]").unwrap();
    let verifier = Verifier::new(&receiver.verify, &[], &|_| Ok(KEY.to_owned())).unwrap();
    let now = caught.headers["webhook-timestamp"].to_str().unwrap().parse().unwrap();
    verifier.verify(&caught.headers, &caught.body, Timestamp::from_second(now).unwrap()).unwrap();
}

#[tokio::test]
async fn nobody_is_told_where_nobody_is_named() {
    let host = Setup::new().start().await;
    let tested = host.mortar(&["alerts", "test"]).await;
    assert_eq!(tested.status.code(), Some(1));
    assert!(String::from_utf8(tested.stderr).unwrap().contains("write [alerts.mail] or [alerts.webhook]"));
}

#[tokio::test]
async fn an_open_breaker_is_told_until_the_erp_is_back() {
    let (url, erp) = erp(None).await;
    let (mail, webhook) = (MailServer::start().await, Catcher::start().await);
    let breaker = "[connections.erp.breaker]\nfailures = 2\nfirst_open = \"200ms\"\nlongest_open = \"200ms\"\n";
    let host = setup(&url, &mail, &webhook).config(breaker).start().await;
    erp.fault(Fault::new(What::Status(503)));
    let callback = fixtures::fresh("order.fulfilled");
    host.send(&callback).await;
    until("the open breaker is told", || told(&webhook).contains(&"raised breaker-open".to_owned())).await;
    erp.clear_faults();
    until("its end is told", || told(&webhook).contains(&"over breaker-open".to_owned())).await;
}

#[tokio::test]
async fn a_rollback_is_told() {
    let (url, _erp) = erp(None).await;
    let (mail, webhook) = (MailServer::start().await, Catcher::start().await);
    let host = setup(&url, &mail, &webhook).misbehaving("ok", "").start().await;
    let good = host.plugin("misbehave").await["digest"].as_str().unwrap().to_owned();
    let settings = |behaviour| format!("connections = [\"erp\"]\n[config]\nbehaviour = \"{behaviour}\"\n");
    host.replace("plugins/misbehave/plugin.toml", settings("reject"));
    host.swapped("misbehave", &good).await;
    for order in ["SO-1", "SO-2", "SO-3"] {
        host.send(&fixtures::about("order.created", order)).await;
    }
    until("the rollback is told", || told(&webhook).contains(&"raised plugin-rolled-back".to_owned())).await;
    host.replace("plugins/misbehave/plugin.toml", settings("ignored"));
    until("a mended version ends it", || told(&webhook).contains(&"over plugin-rolled-back".to_owned())).await;
}

#[tokio::test]
async fn a_disk_without_room_is_told() {
    let (url, _erp) = erp(None).await;
    let (mail, webhook) = (MailServer::start().await, Catcher::start().await);
    let _host = setup(&url, &mail, &webhook).config("[journal]\nfree_space = \"1 EiB\"").start().await;
    until("it is told", || told(&webhook) == ["raised storage"]).await;
    until("it is mailed", || mail.letters().iter().any(|letter| letter.data.contains("journal.free_space"))).await;
}

#[tokio::test]
async fn a_silent_source_is_told_until_it_is_heard() {
    let (url, _erp) = erp(None).await;
    let (mail, webhook) = (MailServer::start().await, Catcher::start().await);
    let host = setup_with("silence = \"500ms\"\n", &url, &mail, &webhook).start().await;
    until("the silence is told", || told(&webhook) == ["raised silent-source"]).await;
    host.send(&fixtures::fresh("order.fulfilled")).await;
    until("its end is told", || told(&webhook).starts_with(&["raised silent-source".into(), "over silent-source".into()])).await;
}

#[tokio::test]
async fn callbacks_that_a_poll_missed_are_told() {
    let (url, _erp) = erp(None).await;
    let (mail, webhook) = (MailServer::start().await, Catcher::start().await);
    let (api, _handle, _plan) = super::poll::masonhub().await;
    let _host = super::poll::polled(setup(&url, &mail, &webhook), &api).start().await;
    until("what was missed is told", || told(&webhook).contains(&"raised missed-callbacks".to_owned())).await;
}
