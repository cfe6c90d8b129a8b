//! Deliveries of one subject follow each other; others do not wait.

use mortar_core::delivery::Verdict;
use mortar_core::event::SubjectKind;
use mortar_core::ports::{NewDelivery, Order, Share};

use super::{HOUR, LEASE, Scene, Store, all, callback, dead, subject, waiting};

pub async fn one_subject_runs_in_order(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for id in ["a", "b", "c"] {
        scene.event(id, "1").await;
    }
    for id in ["a", "b", "c"] {
        let claims = scene.claim(10).await;
        assert_eq!(claims.len(), 1, "only the head of a subject can be claimed");
        assert_eq!(claims[0].event.id, id);
        scene.finish(&claims[0], Verdict::Done).await;
    }
}

pub async fn subjects_do_not_wait_for_each_other(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.accept(scene.callback(&[("a", "1"), ("b", "1"), ("c", "2"), ("d", "3")])).await;
    assert_eq!(scene.claim_ids().await, ["a", "c", "d"]);
}

pub async fn plugins_do_not_wait_for_each_other(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let plugins = scene.journal.register_plugins(vec!["erp".into(), "mail".into()]).await.unwrap();
    let both = || plugins.iter().map(|plugin| NewDelivery { plugin: *plugin, order: Order::Fifo }).collect();
    let order = || subject(SubjectKind::Order, "1");
    let rows = vec![("a", order(), "order.created", None, both()), ("b", order(), "order.packed", None, both())];
    scene.accept(callback(scene.now(), rows)).await;
    let first = scene.claim_one().await;
    scene.finish(&first, Verdict::Done).await;
    let claims = scene.journal.claim(scene.now(), 10, LEASE, &all(&plugins)).await.unwrap();
    let mut claimed: Vec<_> = claims.iter().map(|c| (c.lease.delivery.plugin, c.event.id.as_str())).collect();
    claimed.sort_unstable();
    assert_eq!(claimed, [(plugins[0], "b"), (plugins[1], "a")]);
}

pub async fn unloaded_plugins_are_parked(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let plugins = scene.journal.register_plugins(vec!["erp".into(), "mail".into()]).await.unwrap();
    for n in 0..3 {
        scene.event(&format!("a{n}"), &format!("{n}")).await;
    }
    let claim = |plugins| scene.journal.claim(scene.now(), 10, LEASE, &all(plugins));
    assert_eq!(claim(&plugins[1..]).await.unwrap().len(), 0);
    assert_eq!(claim(&plugins).await.unwrap().len(), 3);
}

pub async fn each_plugin_has_its_share(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let plugins = scene.journal.register_plugins(vec!["erp".into(), "mail".into()]).await.unwrap();
    let both = || plugins.iter().map(|plugin| NewDelivery { plugin: *plugin, order: Order::Fifo }).collect();
    for n in ["1", "2", "3", "4"] {
        scene.accept(callback(scene.now(), vec![(n, subject(SubjectKind::Order, n), "order.created", None, both())])).await;
        scene.advance(HOUR);
    }
    let claim = async |max: usize, first: usize, second: usize| {
        let shares = [Share { plugin: plugins[0], max: first }, Share { plugin: plugins[1], max: second }];
        let claims = scene.journal.claim(scene.now(), max, LEASE, &shares).await.unwrap();
        let of = |plugin| claims.iter().filter(|c| c.lease.delivery.plugin == plugin).map(|c| c.event.id.clone()).collect::<Vec<_>>();
        (of(plugins[0]), of(plugins[1]))
    };
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(claim(10, 0, 0).await, (ids(&[]), ids(&[])));
    assert_eq!(claim(10, 1, 2).await, (ids(&["1"]), ids(&["1", "2"])));
    assert_eq!(claim(1, 5, 5).await, (ids(&["2"]), ids(&[])), "the longest due, of whichever plugin");
    assert_eq!(claim(10, 1, 9).await, (ids(&["3"]), ids(&["3", "4"])));
    assert_eq!(claim(10, 9, 9).await, (ids(&["4"]), ids(&[])));
}

pub async fn longest_due_goes_first(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("early", "1").await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, waiting(scene.after(2 * HOUR))).await;
    scene.advance(HOUR);
    scene.event("before", "2").await;
    scene.advance(2 * HOUR);
    scene.event("after", "3").await;
    assert_eq!(scene.claim(2).await.iter().map(|c| c.event.id.clone()).collect::<Vec<_>>(), ["before", "early"]);
    assert_eq!(scene.claim_ids().await, ["after"]);
}

pub async fn a_dead_letter_holds_nobody_up(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    scene.event("b", "1").await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, dead()).await;
    assert_eq!(scene.claim_ids().await, ["b"]);
}

pub async fn a_waiting_head_holds_its_subject_up(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("a", "1").await;
    scene.event("b", "1").await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, waiting(scene.after(HOUR))).await;
    assert!(scene.claim_ids().await.is_empty());
    scene.advance(HOUR);
    assert_eq!(scene.claim_ids().await, ["a"]);
}
