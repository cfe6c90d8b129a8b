use clap::Parser;
use mortar_core::ports::Clock;
use mortar_simulator::erp::{Erp, ErpOptions};
use mortar_simulator::masonhub::Scenario;
use mortar_simulator::masonhub::api::{Api as Played, ApiOptions, Tell};

use super::*;
use crate::cli::masonhub_setup::configuration;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    command: Masonhub,
}

/// MasonHub, played, with somebody who takes callbacks.
struct World {
    folder: tempfile::TempDir,
    receiver: mortar_simulator::erp::Handle,
    /// Where callbacks are to go.
    to: String,
}

impl World {
    async fn start(options: ApiOptions) -> Self {
        let played = Played::bind(options).await.unwrap();
        played.handle().tell(&Scenario::default().plan().callbacks, Tell::Nobody);
        let folder = configuration(&played.url(), "open sesame");
        let erp = Erp::bind(ErpOptions::default()).await.unwrap();
        let (receiver, to) = (erp.handle(), format!("{}/webhooks/masonhub", erp.url()));
        tokio::spawn(played.run(std::future::pending()));
        tokio::spawn(erp.run(std::future::pending()));
        Self { folder, receiver, to }
    }

    async fn run(&self, line: &str) -> Result<String, Failure> {
        let line = line.replace("TO", &self.to);
        let words = ["masonhub"].into_iter().chain(line.split_whitespace());
        let command = Line::try_parse_from(words).map_err(|error| Failure::Usage(error.to_string()))?.command;
        let mut buffer = Vec::new();
        run(&command, &self.folder.path().join("mortar.toml"), &mut Output::plain(&mut buffer, false)).await?;
        Ok(String::from_utf8(buffer).unwrap())
    }
}

fn options() -> ApiOptions {
    ApiOptions::new("open sesame", "s3cret", || SystemClock.now())
}

fn last(printed: &str) -> &str {
    printed.lines().last().unwrap()
}

#[tokio::test]
async fn registering_twice_changes_nothing_the_second_time() {
    let world = World::start(options()).await;
    let shown = world.run("register --to TO --dry-run").await.unwrap();
    assert_eq!(last(&shown), "7 message types would be registered");
    assert!(world.run("list").await.unwrap().starts_with("no callback is registered"), "a dry run changes nothing");

    assert_eq!(last(&world.run("register --to TO --type orderEvent --type rmaEvent").await.unwrap()), "2 message types registered");
    let rest = world.run("register --to TO").await.unwrap();
    assert!(rest.contains("registered already") && last(&rest) == "5 message types registered", "{rest}");
    assert_eq!(last(&world.run("register --to TO").await.unwrap()), "nothing to change");
    let other = world.run("register --to TO --type orderEvent --api-version 2.0").await.unwrap();
    assert!(other.contains("to be replaced"), "{other}");
    let listed = world.run("list").await.unwrap();
    assert_eq!((listed.matches("2.0").count(), listed.matches(&world.to).count()), (1, 7), "{listed}");

    let elsewhere = world.run("register --to https://other.example.com/in --type rmaEvent").await.unwrap();
    assert!(elsewhere.contains(&format!("rmaEvent goes to {} as well", world.to)), "{elsewhere}");
    assert_eq!(
        last(&world.run("unregister --to https://other.example.com/in --dry-run").await.unwrap()),
        "1 message type would be unregistered"
    );
    assert_eq!(last(&world.run("unregister --to https://other.example.com/in").await.unwrap()), "1 message type unregistered");
    assert_eq!(last(&world.run("unregister --to https://other.example.com/in").await.unwrap()), "nothing to change");
}

#[tokio::test]
async fn holds_are_shown_and_released() {
    let world = World::start(options()).await;
    assert_eq!(last(&world.run("hold orderEvent rmaEvent --dry-run").await.unwrap()), "2 message types would be held");
    let held = world.run("hold orderEvent rmaEvent").await.unwrap();
    assert!(held.contains("never sent") && last(&held) == "2 message types held", "{held}");
    assert_eq!(last(&world.run("hold orderEvent").await.unwrap()), "nothing to change");
    let shown = world.run("register --to TO").await.unwrap();
    assert!(shown.contains("orderEvent is held: `mortar masonhub release orderEvent`"), "{shown}");
    assert_eq!(world.run("list").await.unwrap().matches("held").count(), 2);
    assert_eq!(last(&world.run("release --all").await.unwrap()), "2 message types released");
}

#[tokio::test]
async fn triggers_make_callbacks() {
    let world = World::start(options()).await;
    world.run("register --to TO").await.unwrap();
    let shown = world.run("trigger create-available TEE-BLU-M 5 --dry-run").await.unwrap();
    assert!(shown.starts_with("would ask for createAvailable: {"), "{shown}");
    for trigger in [
        "create-available TEE-BLU-M 5",
        "lose-inventory TEE-BLU-M 2",
        "inbound-shipment-event ASN-0001-0001 onDock",
        "rma-event RMA-0001-0001 delivered",
    ] {
        assert!(world.run(&format!("trigger {trigger}")).await.unwrap().contains("done"), "{trigger}");
    }
    let arrived = async {
        while world.receiver.ledger().writes.len() < 4 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), arrived).await.expect("four callbacks come");
    let refused = world.run("trigger ship-order SO-none").await.unwrap_err();
    assert!(matches!(&refused, Failure::Refused(text) if text.contains("there is no order SO-none")), "{refused}");
    let none = world.run("trigger resolve-order-cancel SO-0001-0001").await.unwrap_err();
    assert_eq!((none.exit(), none.to_string().as_str()), (Exit::NotFound, "nothing is pending for the order SO-0001-0001"));

    let production = World::start(ApiOptions { sandbox: false, ..options() }).await;
    let refused = production.run("trigger ship-order SO-0001-0001").await.unwrap_err().to_string();
    assert!(refused.contains("only a sandbox has a data factory"), "{refused}");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let world = World::start(options()).await;
    let unknown = world.run("hold orderEvents").await.unwrap_err();
    assert!(unknown.exit() == Exit::Usage && unknown.to_string().contains("similar value exists: 'orderEvent'"), "{unknown}");

    std::fs::write(world.folder.path().join("phrase"), "open barley").unwrap();
    let refused = world.run("list").await.unwrap_err().to_string();
    assert!(
        refused.contains("no access token") && refused.contains("401") && refused.contains("look at sources.masonhub.api"),
        "{refused}"
    );
    assert!(!refused.contains("barley"), "{refused}");

    let busy = World::start(ApiOptions { rate: 0, ..options() }).await;
    let later = busy.run("list").await.unwrap_err().to_string();
    assert!(later.contains("429") && later.contains("try again in"), "{later}");

    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("mortar.toml");
    std::fs::write(&config, "[sources.masonhub]\nverify = \"none\"\n").unwrap();
    let command = Line::try_parse_from(["masonhub", "list"]).unwrap().command;
    let missing = run(&command, &config, &mut Output::plain(&mut Vec::new(), false)).await.unwrap_err();
    assert!(missing.to_string().contains("has no [sources.masonhub.api]"), "{missing}");
}
