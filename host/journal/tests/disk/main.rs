//! What the journal makes of a disk that fails.
//!
//! | module | what is in it |
//! |---|---|
//! | `platter` | the disk: what of the writes that were not synced survives a power cut |
//! | `vfs` | how SQLite comes to it |
//! | `world` | callbacks, attempts and calls, and what was promised about them |

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs, dead_code, unused_macros)]

mod platter;
#[path = "../suite/mod.rs"]
mod suite;
mod vfs;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use mortar_core::event::SubjectKind;
use mortar_core::ports::{Clock, Filter, Journal, JournalError, NewCallback};
use mortar_journal::{OpenError, Options, SqliteJournal, check};
use platter::{Disk, Kind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use world::World;

/// Worlds in the ordinary test run.
const SEEDS: u64 = 40;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        world::NOW
    }
}

fn open(disk: &Disk, options: Options) -> Result<SqliteJournal, OpenError> {
    SqliteJournal::open(&disk.journal(), options, Arc::new(Still))
}

/// Small pages, caches, logs and runs of ids, so that all that copies or reads them happens often.
fn options(chance: &mut ChaCha8Rng) -> Options {
    Options {
        free_space: 0,
        page_size: 512 << chance.random_range(0..4),
        page_cache: 16 << 10,
        event_cache: 16 << 10,
        wal_bytes: 1 << chance.random_range(15..19),
        ids_per_run: chance.random_range(8..100),
        ..Options::default()
    }
}

/// The lives of a journal, most of which end by a power cut: what the world saw, or what it was
/// promised and did not get.
async fn run(seed: u64, lie: Option<Kind>) -> Result<(World, u64), String> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let disk = Disk::new(seed);
    if let Some(kind) = lie {
        disk.lie_about(kind);
    }
    let options = options(&mut chance);
    let mut world = World::default();
    for _ in 0..3 {
        disk.cut_power_after(chance.random_range(1..800));
        if let Ok(journal) = open(&disk, options.clone()) {
            world.live(&journal, &disk, &mut chance).await?;
            if chance.random_range(0..4) == 0 {
                // A clean end may be torn too.
                let _ = journal.close().await;
            }
        }
        if disk.is_off() || chance.random_range(0..2) == 0 {
            disk.cut_power();
            disk.power_on();
        }
        disk.mend();
        let journal = open(&disk, options.clone()).map_err(|error| error.to_string())?;
        world.audit(&journal).await?;
        drop(journal);
        check(&disk.journal()).map_err(|error| error.to_string())?;
    }
    Ok((world, disk.failed_syncs()))
}

#[tokio::test]
async fn what_was_promised_survives_power_cuts() {
    let only = std::env::var("DISK_SEED").ok().map(|seed| seed.parse().expect("DISK_SEED is a number"));
    let (mut acked, mut open, mut answered, mut ended, mut failed) = (0, 0, 0, 0, 0);
    for seed in only.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let (world, failed_syncs) = run(seed, None).await.unwrap_or_else(|broken| {
            panic!("seed {seed}: {broken}; again: DISK_SEED={seed} cargo test -p mortar-journal --test disk what_was_promised")
        });
        acked += world.acked.len();
        answered += world.answered.len();
        open += world.sent.len() - world.answered.len();
        ended += world.ended.len();
        failed += failed_syncs;
    }
    let seen = format!("{acked} callbacks acked, {answered} calls answered, {open} not, {ended} deliveries over, {failed} syncs failed");
    let enough = acked > 1000 && answered > 400 && open > 3 && ended > 150 && failed > 20;
    assert!(only.is_some() || enough, "it was too quiet to show anything: {seen}");
}

/// If this did not notice a disk whose syncs do nothing, it could not notice a journal that does not sync.
#[tokio::test]
async fn a_log_that_is_not_synced_is_noticed() {
    assert!(noticed(Kind::Log).await, "no promise was broken, though nothing of the log was synced");
}

#[tokio::test]
async fn a_database_file_that_is_not_synced_is_noticed() {
    assert!(noticed(Kind::Database).await, "no promise was broken, though nothing of the file was synced");
}

async fn noticed(lie: Kind) -> bool {
    for seed in 0..SEEDS {
        if run(seed, Some(lie)).await.is_err() {
            return true;
        }
    }
    false
}

fn callback(id: &str) -> NewCallback {
    suite::callback(world::NOW, vec![(id, suite::subject(SubjectKind::Order, id), "order.shipped", None, Vec::new())])
}

async fn ids(journal: &SqliteJournal) -> Vec<String> {
    let events = journal.events(Filter { limit: 10_000, after: Some(0), ..Filter::default() }).await.unwrap();
    events.into_iter().map(|event| event.id).collect()
}

#[tokio::test]
async fn while_the_log_cannot_be_synced_nothing_is_acked_and_then_it_goes_on() {
    for (seed, times) in [(1, 1), (2, 3), (3, 10)] {
        let disk = Disk::new(seed);
        let journal = open(&disk, Options::default()).unwrap();
        journal.accept(callback("before")).await.unwrap();
        disk.fail_syncs(Kind::Log, times);
        for n in 0..times {
            let refused = journal.accept(callback(&format!("refused {n}"))).await.unwrap_err();
            let JournalError::Storage(text) = &refused else { panic!("{refused:?}") };
            assert!(text.contains("disk I/O error"), "{text}");
            assert_eq!(journal.health(), Err(refused), "health says it");
        }
        assert_eq!(journal.accept(callback("after")).await.unwrap().stored, 1);
        assert_eq!(journal.health(), Ok(()));
        let again = journal.accept(callback("refused 0")).await.unwrap();
        assert_eq!((again.stored, again.duplicates), (1, 0), "what was not acked is not known");
        assert_eq!(ids(&journal).await, ["before", "after", "refused 0"]);
        disk.cut_power();
        drop(journal);
        disk.power_on();
        assert_eq!(ids(&open(&disk, Options::default()).unwrap()).await, ["before", "after", "refused 0"]);
    }
}

/// Accepts callbacks until something holds.
async fn accept_until(journal: &SqliteJournal, acked: &mut Vec<String>, holds: impl Fn() -> bool) -> Result<(), JournalError> {
    for _ in 0..5000 {
        if holds() {
            return Ok(());
        }
        let id = acked.len().to_string();
        journal.accept(callback(&id)).await?;
        acked.push(id);
    }
    panic!("{} callbacks were accepted, and still it does not hold", acked.len());
}

/// While a reader holds it up, the log is copied in part, and SQLite takes that part for copied. It is
/// synced with the rest; if that fails, no later sync writes what was lost.
#[tokio::test]
async fn when_the_file_cannot_be_synced_the_log_is_kept_and_the_next_start_copies_it() {
    for (seed, cut) in (0..10).flat_map(|seed| [(seed, false), (seed, true)]) {
        let disk = Disk::new(seed);
        let options = Options { wal_bytes: 512 << 10, ..Options::default() };
        let journal = open(&disk, options.clone()).unwrap();
        let mut acked = Vec::new();
        let reader = rusqlite::Connection::open(disk.journal()).unwrap();
        // Not yet enough to be copied.
        let few = AtomicUsize::new(0);
        accept_until(&journal, &mut acked, || few.fetch_add(1, Ordering::Relaxed) == 5).await.unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM events").unwrap();
        accept_until(&journal, &mut acked, || disk.has_pending(Kind::Database)).await.unwrap();
        disk.fail_syncs(Kind::Database, 1);
        reader.execute_batch("ROLLBACK").unwrap();
        let refused = accept_until(&journal, &mut acked, || false).await.unwrap_err();
        let JournalError::Damaged(text) = &refused else { panic!("{refused:?}") };
        assert!(text.contains("start the host again"), "{text}");
        assert_eq!(journal.health(), Err(refused), "health says it");
        drop(reader);
        // A connection that is opened only now is not told that a sync has failed.
        disk.fail_syncs(Kind::Log, 1);
        assert!(journal.register_plugins(vec!["a".into()]).await.is_err());
        journal.register_plugins(vec!["b".into()]).await.unwrap();
        if cut {
            disk.cut_power();
        }
        drop(journal);
        disk.cut_power();
        disk.power_on();
        let journal = open(&disk, options.clone()).unwrap();
        assert_eq!(journal.health(), Ok(()));
        assert_eq!(ids(&journal).await, acked, "seed {seed}: the log has what the file lacks");
        journal.accept(callback("after")).await.unwrap();
        drop(journal);
        disk.cut_power();
        disk.power_on();
        acked.push("after".into());
        assert_eq!(ids(&open(&disk, options).unwrap()).await, acked, "seed {seed}: the whole log was copied");
    }
}
