use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::join_all;

use super::*;
use crate::classify::Health::{Busy, Down, Up};

/// Keeps what the breaker became.
#[derive(Default)]
struct Observed(Mutex<Vec<&'static str>>);

impl Observer for Observed {
    fn observe(&self, observation: &Observation<'_>) {
        if let Observation::Breaker { connection: "erp", state } = observation {
            self.0.lock().expect("a lock").push(state);
        }
    }
}

fn gate(settings: &str) -> (Gate, Arc<Observed>) {
    let config = toml::from_str(&format!("url = \"https://erp.example.com\"\n{settings}")).expect("settings");
    let observed = Arc::new(Observed::default());
    (Gate::new("erp", &config, observed.clone(), || 0.5), observed)
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// What is told to who is turned away.
fn turned_away(result: Result<Pass<'_>, SendError>) -> (String, Option<Duration>) {
    match result.map(drop) {
        Err(SendError::NotSent { reason, after, spent: false }) => (reason, after),
        other => panic!("{other:?}"),
    }
}

async fn run(gate: &Gate, health: Health) {
    gate.enter().await.expect("a pass").end(health);
}

/// Twenty requests that take a second each; when each of them started, in milliseconds.
async fn starts(gate: &Gate) -> Vec<u128> {
    let start = Instant::now();
    let request = |_| async {
        let pass = gate.enter().await.expect("a pass");
        let started = start.elapsed().as_millis();
        tokio::time::sleep(seconds(1)).await;
        pass.end(Up);
        started
    };
    join_all((0..20).map(request)).await
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_starts_first_whatever_there_is_to_wait_for() {
    let (by_place, _) = gate("concurrency = 4");
    assert_eq!(starts(&by_place).await, (0..20).map(|n| n / 4 * 1000).collect::<Vec<_>>());

    let (by_rate, _) = gate("rate = 2.0\nburst = 3");
    assert_eq!(starts(&by_rate).await, (0..20_u128).map(|n| n.saturating_sub(2) * 500).collect::<Vec<_>>());

    let (ramping, observed) = gate("concurrency = 8\nbreaker = { failures = 1 }");
    run(&ramping, Down).await;
    tokio::time::advance(seconds(5)).await;
    run(&ramping, Up).await;
    let started = starts(&ramping).await;
    assert!(started.is_sorted(), "{started:?}");
    assert_eq!(started[..7], [0, 1000, 1000, 2000, 2000, 2000, 2000], "one, two, four");
    assert_eq!(started[7..15], [3000; 8]);
    assert_eq!(*observed.0.lock().expect("a lock"), ["open", "half-open", "ramping", "closed"]);
}

#[tokio::test(start_paused = true)]
async fn patience_ends_in_line_and_at_its_head() {
    let (gate, _) = gate("concurrency = 1\ntimeout = \"3s\"");
    let pass = gate.enter().await.expect("a pass");
    let start = Instant::now();
    for (reason, after) in join_all((0..3).map(|_| gate.enter())).await.into_iter().map(turned_away) {
        assert!(reason.contains("all 1 requests at once were in use for 3s; raise `concurrency`"), "{reason}");
        assert_eq!(after, None);
    }
    assert_eq!(start.elapsed(), seconds(3));
    drop(pass);
    assert_eq!((gate.load().in_flight, gate.load().waiting), (0, 0));
    assert!(gate.enter().now_or_never().expect("at once").is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_the_line() {
    let (gate, _) = gate("concurrency = 1");
    let pass = gate.enter().await.expect("a pass");
    let (mut first, mut second) = (Box::pin(gate.enter()), Box::pin(gate.enter()));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    assert_eq!(gate.load().waiting, 2);
    drop(first);
    drop(pass);
    assert!(second.now_or_never().expect("it is its turn").is_ok());
    assert_eq!((gate.load().in_flight, gate.load().waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_patience_is_told_at_once() {
    let (gate, _) = gate("rate = 0.5\ntimeout = \"5s\"");
    let start = Instant::now();
    let results = join_all((0..5).map(|_| async {
        let result = gate.enter().await;
        (start.elapsed(), result)
    }))
    .await;
    for (index, (at, result)) in results.into_iter().enumerate() {
        if index < 3 {
            assert!(result.is_ok());
            assert_eq!(at, seconds(2) * u32::try_from(index).expect("few"));
        } else {
            let (reason, after) = turned_away(result);
            assert!(reason.contains("`rate` is used up for 6.0s"), "{reason}");
            assert_eq!((at, after), (Duration::ZERO, Some(seconds(6).mul_f64(1.25))), "told before waiting, with jitter");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_kept_without_counting_as_a_failure() {
    let (gate, observed) = gate("timeout = \"10s\"\nbreaker = { failures = 1 }");
    run(&gate, Busy(Some(seconds(8)))).await;
    let start = Instant::now();
    run(&gate, Up).await;
    assert_eq!(start.elapsed(), seconds(8), "a short one is waited for");

    run(&gate, Busy(Some(seconds(40)))).await;
    assert_eq!(gate.load().paused_for, Some(seconds(40)));
    let (reason, after) = turned_away(gate.enter().await);
    assert!(reason.contains("asked for a pause, of which 40.0s are left"), "{reason}");
    assert_eq!(after, Some(seconds(50)));

    tokio::time::advance(seconds(40)).await;
    run(&gate, Busy(Some(seconds(86_400)))).await;
    assert_eq!(gate.load().paused_for, Some(LONGEST_PAUSE), "one answer stops it for an hour at most");
    assert!(observed.0.lock().expect("a lock").is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_turned_away_when_the_breaker_opens() {
    let (gate, _) = gate("concurrency = 2\nbreaker = { failures = 2 }");
    let (first, second) = (gate.enter().await.expect("a pass"), gate.enter().await.expect("a pass"));
    let start = Instant::now();
    let failing = async {
        tokio::time::sleep(seconds(1)).await;
        first.end(Down);
        second.end(Down);
    };
    let (results, ()) = tokio::join!(join_all((0..6).map(|_| gate.enter())), failing);
    for (reason, after) in results.into_iter().map(turned_away) {
        assert!(reason.contains("opened after 2 failures in a row: look after the server; it is tried again in 5.0s"), "{reason}");
        assert_eq!(after, Some(seconds(5).mul_f64(1.25)));
    }
    assert_eq!(start.elapsed(), seconds(1));
}

#[tokio::test(start_paused = true)]
async fn half_open_sends_the_probes_and_turns_the_rest_away() {
    let (gate, _) = gate("breaker = { failures = 1, probes = 2 }");
    run(&gate, Down).await;
    tokio::time::advance(seconds(5)).await;
    let sent = AtomicUsize::new(0);
    let results = join_all((0..20).map(|_| async {
        let pass = gate.enter().await?;
        sent.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(seconds(1)).await;
        pass.end(Down);
        Ok::<_, SendError>(())
    }))
    .await;
    assert_eq!((sent.into_inner(), results.iter().filter(|result| result.is_err()).count()), (2, 18));
    assert_eq!(gate.load().phase, Phase::Open(seconds(10)));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_was_given_up_makes_room_for_another() {
    let (gate, _) = gate("breaker = { failures = 1 }");
    run(&gate, Down).await;
    tokio::time::advance(seconds(5)).await;
    let probe = gate.enter().await.expect("a pass");
    assert!(gate.enter().await.is_err());
    drop(probe);
    run(&gate, Up).await;
    assert_eq!((gate.load().phase, gate.load().allowed), (Phase::Ramping, 1));
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_the_probes_only_until_the_breaker_is_closed() {
    let (gate, _) = gate("breaker = { failures = 1, probes = 2 }");
    assert_eq!(gate.room(), Ok(usize::MAX), "closed, the line is long enough for everybody");
    run(&gate, Down).await;
    assert_eq!(gate.room(), Err(seconds(5)));
    tokio::time::advance(seconds(5)).await;
    assert_eq!(gate.room(), Ok(2));
    let probes = [gate.enter().await.expect("a pass"), gate.enter().await.expect("a pass")];
    assert_eq!(gate.room(), Err(seconds(5)), "the probes decide");
    probes.into_iter().for_each(|probe| probe.end(Up));
    assert_eq!(gate.room(), Ok(usize::MAX));
}

#[tokio::test(start_paused = true)]
async fn there_is_no_room_during_a_pause_that_nobody_waits_for() {
    let (gate, _) = gate("timeout = \"30s\"");
    run(&gate, Busy(Some(seconds(100)))).await;
    assert_eq!(gate.room(), Err(seconds(100)));
    tokio::time::advance(seconds(70)).await;
    assert_eq!(gate.room(), Ok(usize::MAX), "the rest is waited for in line");
}
