//! What polls bring, and the callbacks that come before, meanwhile and after.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use mortar_core::delivery::PluginNo;
use mortar_core::masonhub::read;
use mortar_core::ports::{Accepted, Clock, Journal, KnownEvents, NewCallback, NewDelivery, NewEvent, Order, Polls};
use mortar_core::story::Origin;
use mortar_journal::{Options, SqliteJournal};

const STORED: Accepted = Accepted { stored: 1, duplicates: 0 };
const KNOWN: Accepted = Accepted { stored: 0, duplicates: 1 };

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

struct World {
    journal: Arc<SqliteJournal>,
    plugin: PluginNo,
    directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = open(&directory);
        let plugin = journal.register_plugins(vec!["erp".into()]).await.unwrap()[0];
        Self { journal, plugin, directory }
    }

    fn restart(self) -> Self {
        let Self { journal, plugin, directory } = self;
        drop(journal);
        Self { journal: open(&directory), plugin, directory }
    }

    /// An order's `order.fulfilled`, as a callback or a poll has it.
    fn order(&self, id: &str, number: &str, tracking: &[&str]) -> NewCallback {
        let parcels: Vec<_> = tracking.iter().map(|number| format!(r#"{{"tracking_number":"{number}"}}"#)).collect();
        let body = format!(
            r#"{{"message_type":"orderEvent","message_id":"{id}","data":[{{"customer_identifier":"{number}","status":"fulfilled","shipments":[{}]}}]}}"#,
            parcels.join(",")
        );
        let deliveries = vec![NewDelivery { plugin: self.plugin, order: Order::Fifo }];
        let events = read(body.as_bytes()).events.into_iter();
        NewCallback {
            source: "masonhub".into(),
            received_at: Timestamp::UNIX_EPOCH,
            remote: None,
            delivery_header: None,
            secret: None,
            events: events.map(|event| NewEvent { event, deliveries: deliveries.clone() }).collect(),
            body: body.into(),
            unreadable: None,
        }
    }

    async fn known(&self, numbers: &[&str]) -> KnownEvents {
        let subjects: BTreeSet<_> = numbers.iter().map(|number| format!("order:{number}")).collect();
        self.journal.known("masonhub".into(), subjects).await.unwrap()
    }
}

fn open(directory: &tempfile::TempDir) -> Arc<SqliteJournal> {
    Arc::new(SqliteJournal::open(&directory.path().join("journal.db"), Options::default(), Arc::new(Epoch)).unwrap())
}

#[tokio::test]
async fn what_is_known_of_a_subject_is_told_oldest_first() {
    let world = World::new().await;
    assert_eq!(world.known(&["SO-1"]).await.next, 0);
    for (id, number) in [("a", "SO-1"), ("b", "SO-2"), ("c", "SO-1")] {
        world.journal.accept(world.order(id, number, &[id])).await.unwrap();
    }
    let known = world.known(&["SO-1", "SO-3"]).await;
    assert_eq!(known.by_subject.keys().collect::<Vec<_>>(), ["order:SO-1"]);
    let told: Vec<_> = known.by_subject["order:SO-1"].iter().map(|known| String::from_utf8_lossy(&known.payload).into_owned()).collect();
    assert!(told.len() == 2 && told[0].contains(r#""tracking_number":"a""#) && told[1].contains(r#""tracking_number":"c""#), "{told:?}");
    assert_eq!(world.journal.known("other".into(), ["order:SO-1".to_owned()].into()).await.unwrap().by_subject.len(), 0);
}

#[tokio::test]
async fn a_callback_that_comes_after_the_poll_is_a_duplicate() {
    let world = World::new().await;
    let looked = world.known(&["SO-1"]).await.next;
    assert_eq!(world.journal.accept_polled(world.order("poll-1", "SO-1", &["A", "B"]), looked).await.unwrap(), STORED);
    let story = world.journal.story("poll-1:0".into()).await.unwrap().unwrap();
    assert_eq!(story.callback.origin, Origin::Poll);

    let world = world.restart();
    assert_eq!(world.journal.accept(world.order("late", "SO-1", &["B"])).await.unwrap(), KNOWN);
    assert_eq!(world.journal.accept(world.order("new", "SO-1", &["B", "C"])).await.unwrap(), STORED);
    assert_eq!(world.journal.accept(world.order("other", "SO-2", &["A"])).await.unwrap(), STORED);
    assert_eq!(world.journal.story("new:0".into()).await.unwrap().unwrap().callback.origin, Origin::Callback);
}

#[tokio::test]
async fn a_callback_that_comes_while_the_poll_looks_is_not_told_twice() {
    let world = World::new().await;
    let looked = world.known(&["SO-1"]).await.next;
    let callback = world.journal.accept(world.order("meanwhile", "SO-1", &["A"]));
    let polled = world.journal.accept_polled(world.order("poll-1", "SO-1", &["A"]), looked);
    // In one batch or in two.
    assert_eq!((callback.await.unwrap(), polled.await.unwrap()), (STORED, KNOWN));

    let looked = world.known(&["SO-2"]).await.next;
    let polled = world.journal.accept_polled(world.order("poll-2", "SO-2", &["A"]), looked);
    let callback = world.journal.accept(world.order("after", "SO-2", &["A"]));
    assert_eq!((polled.await.unwrap(), callback.await.unwrap()), (STORED, KNOWN));
}

#[tokio::test]
async fn a_poll_that_finds_the_same_again_stores_it_once() {
    let world = World::new().await;
    for expected in [STORED, KNOWN] {
        let looked = world.known(&["SO-1"]).await.next;
        assert_eq!(world.journal.accept_polled(world.order("poll-1", "SO-1", &["A"]), looked).await.unwrap(), expected);
    }
}
