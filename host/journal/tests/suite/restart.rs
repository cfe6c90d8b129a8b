//! A host that is killed takes up where it stopped.

use mortar_core::delivery::Verdict;
use mortar_core::ports::{Filter, JournalError};

use super::{HOUR, Scene, Settings, Store, payload, waiting};

pub async fn everything_is_as_before(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for n in 0..25 {
        scene.event(&format!("m{n}:0"), &format!("{}", n % 7)).await;
    }
    for claim in scene.claim(5).await {
        scene.put(&claim, &scene.lost_call(0, "ship")).await.unwrap();
        let verdict = if claim.event.id == "m3:0" { waiting(scene.after(HOUR)) } else { Verdict::Done };
        scene.finish(&claim, verdict).await;
    }
    scene.die().await;
    let all = || Filter { limit: 100, ..Filter::default() };
    let before = (scene.journal.events(all()).await, scene.story("m3:0").await, scene.journal.counts().await);
    let scene = scene.restart();
    let after = (scene.journal.events(all()).await, scene.story("m3:0").await, scene.journal.counts().await);
    assert_eq!(before, after);
    let number = |id: &str| id.trim_start_matches('m').trim_end_matches(":0").parse::<u32>().unwrap();
    let mut order: Vec<Vec<u32>> = vec![Vec::new(); 7];
    scene.advance(HOUR);
    loop {
        let claims = scene.claim(3).await;
        if claims.is_empty() {
            break;
        }
        for claim in claims {
            assert_eq!(claim.event.payload, payload(&claim.event.id));
            let n = number(&claim.event.id);
            order[n as usize % 7].push(n);
            scene.finish(&claim, Verdict::Done).await;
        }
    }
    assert_eq!(order.iter().map(Vec::len).sum::<usize>(), 25 - 4 - 1, "all that was open, and nothing else");
    assert!(order.iter().all(|of_subject| of_subject.is_sorted()), "{order:?}");
}

pub async fn open_deliveries_run_again(store: &dyn Store) {
    let scene = Scene::with(store, Settings { cached: false, ..Settings::default() }).await;
    scene.event("running", "1").await;
    scene.event("next", "1").await;
    let before = scene.claim_one().await;
    // Purging notes where open deliveries begin.
    scene.purge().await;
    let scene = scene.restart();
    scene.journal.claimable().await;
    let claim = scene.claim_one().await;
    assert_eq!((claim.event.clone(), claim.attempt), (before.event, 1));
    assert!(scene.claim_ids().await.is_empty());
}

pub async fn plugins_keep_their_numbers(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let before = scene.journal.register_plugins(vec!["b".into(), "a".into(), "b".into()]).await.unwrap();
    assert_eq!(before[0], before[2]);
    assert_ne!(before[0], before[1]);
    let scene = scene.restart();
    assert_eq!(scene.journal.register_plugins(vec!["a".into(), "b".into()]).await.unwrap(), [before[1], before[0]]);
    let most: Vec<_> = (0..1024).map(|n| format!("plugin {n}")).collect();
    assert!(matches!(scene.journal.register_plugins(most).await, Err(JournalError::Refused(_))));
    assert_eq!(scene.journal.register_plugins(vec!["erp".into()]).await.unwrap(), [scene.plugin]);
}

pub async fn a_closed_journal_takes_nothing(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let before = scene.journal.accept(scene.callback(&[("a", "1")]));
    let close = scene.journal.close();
    let after = scene.journal.accept(scene.callback(&[("b", "1")]));
    assert!(before.await.is_ok());
    assert!(close.await.is_ok());
    assert!(matches!(after.await, Err(JournalError::Storage(_))));
    let scene = scene.restart();
    assert_eq!(scene.claim_ids().await, ["a"]);
}
