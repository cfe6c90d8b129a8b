//! A plugin's state is written with its delivery.

use mortar_core::delivery::{State, Verdict};
use mortar_core::ports::{Claim, Finish, Finished, StateEntry, StateWrite};

use super::{Scene, Store, dead, waiting};

fn end(scene: &Scene<'_>, claim: &Claim, verdict: Verdict, expected: u64, value: Option<&str>) -> Finish {
    let write = StateWrite { key: "cursor".into(), expected, value: value.map(|v| v.as_bytes().to_vec()) };
    Finish { state: vec![write], ..scene.end(claim, verdict) }
}

async fn cursor(scene: &Scene<'_>) -> Option<StateEntry> {
    scene.journal.state(scene.plugin, "cursor".into()).await.unwrap()
}

/// Runs a delivery that writes the cursor; answers its version.
async fn write(scene: &Scene<'_>, id: &str, expected: u64, value: Option<&str>) -> u64 {
    scene.event(id, id).await;
    let claim = scene.claim_one().await;
    let finished = scene.journal.finish(end(scene, &claim, Verdict::Done, expected, value)).await;
    assert_eq!(finished, Ok(Finished::Recorded));
    cursor(scene).await.map_or(0, |entry| entry.version)
}

pub async fn is_written_with_the_delivery(store: &dyn Store) {
    let scene = Scene::new(store).await;
    assert_eq!(cursor(&scene).await, None);
    let first = write(&scene, "a", 0, Some("1")).await;
    assert_ne!(first, 0);
    let second = write(&scene, "b", first, Some("2")).await;
    assert!(second > first);
    let other = scene.journal.register_plugins(vec!["other".into()]).await.unwrap()[0];
    assert_eq!(scene.journal.state(other, "cursor".into()).await.unwrap(), None);
    let scene = scene.restart();
    assert_eq!(cursor(&scene).await, Some(StateEntry { value: b"2".to_vec(), version: second }));
    assert_eq!(write(&scene, "c", second, None).await, 0);
}

pub async fn has_a_size(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let size = || scene.journal.state_size(scene.plugin);
    assert_eq!(size().await, Ok(0));
    let first = write(&scene, "a", 0, Some("ü12")).await;
    assert_eq!(size().await, Ok("cursor".len() as u64 + 4));
    write(&scene, "b", first, None).await;
    assert_eq!(size().await, Ok(0));
}

pub async fn is_not_written_unless_the_delivery_is_over(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    for verdict in [waiting(scene.now()), dead()] {
        let claim = scene.claim_one().await;
        scene.journal.finish(end(&scene, &claim, verdict, 0, Some("1"))).await.unwrap();
        assert_eq!(cursor(&scene).await, None);
    }
}

pub async fn a_conflict_records_nothing(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    scene.event("b", "2").await;
    let claims = scene.claim(2).await;
    // Both stand in line together and expect the same version.
    let first = scene.journal.finish(end(&scene, &claims[0], Verdict::Done, 0, Some("first")));
    let second = scene.journal.finish(end(&scene, &claims[1], Verdict::Done, 0, Some("second")));
    assert_eq!((first.await, second.await), (Ok(Finished::Recorded), Ok(Finished::StateConflict)));
    assert_eq!(cursor(&scene).await.unwrap().value, b"first");
    assert_eq!(scene.state_of("b").await, State::Running, "the lease still holds");
    assert!(scene.story("b").await.deliveries[0].attempts.is_empty());
    assert_eq!(scene.finish(&claims[1], waiting(scene.now())).await, Finished::Recorded);
}

pub async fn versions_never_return(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let first = write(&scene, "a", 0, Some("1")).await;
    write(&scene, "b", first, None).await;
    let again = write(&scene, "c", 0, Some("1")).await;
    assert!(again > first, "who saw the first value must not overwrite the second");
}
