//! What operators read.

use mortar_core::delivery::{State, Verdict};
use mortar_core::event::SubjectKind;
use mortar_core::ports::Filter;

use super::{HOUR, Scene, Store, callback, dead, payload, subject, waiting};

async fn list(scene: &Scene<'_>, filter: Filter) -> Vec<String> {
    let filter = Filter { limit: if filter.limit == 0 { 100 } else { filter.limit }, ..filter };
    scene.journal.events(filter).await.unwrap().into_iter().map(|event| event.id).collect()
}

pub async fn lists_newest_first_in_pages(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for n in 0..5 {
        scene.event(&format!("{n}"), "1").await;
    }
    let page = scene.journal.events(Filter { limit: 2, ..Filter::default() }).await.unwrap();
    assert_eq!(page.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["4", "3"]);
    assert_eq!(list(&scene, Filter { before: Some(page[1].seq), ..Filter::default() }).await, ["2", "1", "0"]);
    assert_eq!((page[0].subject.as_str(), page[0].source.as_str(), page[0].received_at), ("order:1", "masonhub", scene.now()));
    assert_eq!(page[0].deliveries[0].plugin, "erp");
}

pub async fn filters_events(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.event("done", "SO-1").await;
    scene.drain().await;
    scene.event("dead", "SO-2").await;
    scene.die().await;
    scene.advance(HOUR);
    let later = scene.now();
    scene.event("waiting", "SO-10").await;
    let claim = scene.claim_one().await;
    scene.finish(&claim, waiting(scene.after(HOUR))).await;
    scene.event("running", "SO-11").await;
    scene.claim_one().await;
    scene.accept(callback(scene.now(), vec![("unhandled", subject(SubjectKind::Sku, "A:B"), "inventory.updated", None, vec![])])).await;
    scene.event("pending", "SO-12").await;

    for (state, id) in [
        (State::Done, "done"),
        (State::Dead, "dead"),
        (State::Waiting, "waiting"),
        (State::Running, "running"),
        (State::Pending, "pending"),
    ] {
        assert_eq!(list(&scene, Filter { state: Some(state), ..Filter::default() }).await, [id]);
    }
    assert!(list(&scene, Filter { state: Some(State::Superseded), ..Filter::default() }).await.is_empty());
    let of_type = |t: &str| Filter { event_type: Some(t.into()), ..Filter::default() };
    assert_eq!(list(&scene, of_type("inventory.updated")).await, ["unhandled"]);
    assert_eq!(list(&scene, of_type("inv*")).await, ["unhandled"]);
    assert!(list(&scene, of_type("inv")).await.is_empty());
    let about = |s: &str| Filter { subject: Some(s.into()), ..Filter::default() };
    assert_eq!(list(&scene, about("SO-1")).await, ["done"]);
    assert_eq!(list(&scene, about("order:SO-1")).await, ["done"]);
    assert_eq!(list(&scene, about("A:B")).await, ["unhandled"]);
    assert!(list(&scene, about("1")).await.is_empty());
    assert_eq!(list(&scene, Filter { plugin: Some("erp".into()), ..Filter::default() }).await.len(), 5);
    assert!(list(&scene, Filter { plugin: Some("other".into()), ..Filter::default() }).await.is_empty());
    assert_eq!(list(&scene, Filter { since: Some(later), ..Filter::default() }).await, ["pending", "unhandled", "running", "waiting"]);
    assert_eq!(list(&scene, Filter { until: Some(later), ..Filter::default() }).await, ["dead", "done"]);
    let of_code = |code: &str| Filter { code: Some(code.into()), ..Filter::default() };
    assert_eq!(list(&scene, of_code("plugin.rejected")).await, ["dead"]);
    assert_eq!(list(&scene, of_code("erp.unavailable")).await, ["waiting"]);
    assert!(list(&scene, Filter { plugin: Some("other".into()), ..of_code("plugin.rejected") }).await.is_empty());
}

pub async fn finds_events_by_what_they_name(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for n in 0..3 {
        scene.event(&format!("event-{n}"), &format!("SO-{n}")).await;
        scene.event(&format!("again-{n}"), &format!("SO-{n}")).await;
    }
    scene.drain().await;
    let find = |text: &str| Filter { find: Some(text.into()), ..Filter::default() };
    assert_eq!(list(&scene, find(" so-1 ")).await, ["again-1", "event-1"]);
    assert_eq!(list(&scene, Filter { after: Some(0), ..find("SO-1") }).await, ["event-1", "again-1"]);
    assert_eq!(list(&scene, Filter { limit: 1, ..find("SO-1") }).await, ["again-1"]);
    assert_eq!(list(&scene, find("event-2")).await, ["event-2"]);
    assert_eq!(list(&scene, Filter { state: Some(State::Dead), ..find("SO-1") }).await, Vec::<String>::new());
    assert!(list(&scene, find("SO")).await.is_empty());
}

pub async fn a_page_says_where_to_go_on(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for n in 0..5 {
        scene.event(&format!("{n}"), "1").await;
    }
    let page = scene.journal.page(Filter { limit: 3, ..Filter::default() }).await.unwrap();
    assert_eq!((page.events.len(), page.next), (3, page.events.last().map(|event| event.seq)));
    let rest = scene.journal.page(Filter { limit: 3, before: page.next, ..Filter::default() }).await.unwrap();
    assert_eq!((rest.events.len(), rest.next), (2, None));
}

pub async fn lists_oldest_first_after_a_place(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for n in 0..5 {
        scene.event(&format!("{n}"), &format!("{n}")).await;
        scene.advance(HOUR);
    }
    for claim in scene.claim(4).await {
        scene.finish(&claim, dead()).await;
    }
    for state in [None, Some(State::Dead)] {
        let page = scene.journal.events(Filter { after: Some(0), limit: 2, state, ..Filter::default() }).await.unwrap();
        assert_eq!(page.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["0", "1"]);
        let rest = Filter { after: Some(page[1].seq), state, ..Filter::default() };
        assert_eq!(list(&scene, rest.clone()).await, if state.is_some() { vec!["2", "3"] } else { vec!["2", "3", "4"] });
        let (before, since) = (Some(page[1].seq + 2), Some(page[1].received_at));
        assert_eq!(list(&scene, Filter { before, ..rest }).await, ["2"]);
        assert_eq!(list(&scene, Filter { after: Some(0), since, before, state, ..Filter::default() }).await, ["1", "2"]);
    }
}

pub async fn dead_letters_say_what_a_replay_would_meet(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for (id, hours) in [("old", 1), ("new", 2)] {
        scene.accept(scene.count(id, "SKU", Some(scene.after(hours * HOUR)))).await;
        let claim = scene.claim_one().await;
        scene.put(&claim, &scene.lost_call(0, "set")).await.unwrap();
        scene.finish(&claim, dead()).await;
    }
    let told = async |id: &str| scene.delivery(id).await;
    assert_eq!((told("old").await.outdated, told("old").await.in_doubt), (true, 1));
    assert_eq!((told("new").await.outdated, told("new").await.in_doubt), (false, 1));
    scene.accept(scene.count("newest", "SKU", Some(scene.after(3 * HOUR)))).await;
    assert!(told("new").await.outdated, "while a newer one is open, a replay is refused");
    assert!(!told("newest").await.outdated);
}

pub async fn tells_the_whole_story(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let callback = scene.callback(&[("a", "1"), ("b", "1")]);
    let bytes = callback.body.len() as u64;
    scene.accept(callback).await;
    let claim = scene.claim_one().await;
    let call = scene.lost_call(0, "ship");
    scene.put(&claim, &call).await.unwrap();
    scene.finish(&claim, dead()).await;
    let story = scene.story("a").await;
    assert_eq!((story.payload.as_str(), story.as_of), (payload("a").as_str(), None));
    assert_eq!(story.callback.events, ["a", "b"]);
    assert_eq!((story.callback.bytes, story.callback.secret, story.callback.remote.as_deref()), (bytes, Some(2), Some("192.0.2.7")));
    let delivery = &story.deliveries[0];
    assert_eq!((delivery.delivery.state, delivery.attempts.len(), &delivery.calls), (State::Dead, 1, &vec![call]));
    assert_eq!(scene.story("b").await.callback, story.callback);
}

pub async fn finds_events_by_id_and_place(store: &dyn Store) {
    let scene = Scene::new(store).await;
    // More than one run of ids, and one id that reads like a place.
    for n in 0..40 {
        scene.event(&format!("m{n}:0"), "1").await;
    }
    scene.event("7", "1").await;
    for n in [0, 20, 39] {
        let story = scene.story(&format!("m{n}:0")).await;
        assert_eq!(story.payload, payload(&format!("m{n}:0")));
        let by_place = scene.story(&story.event.seq.to_string()).await;
        assert!(by_place == story || by_place.event.id == "7", "an id goes before a place");
    }
    assert_eq!(scene.story("7").await.event.id, "7");
    assert!(scene.journal.story("m40:0".into()).await.unwrap().is_none());
    assert!(scene.journal.story("4000".into()).await.unwrap().is_none());
}

pub async fn counts_everything(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for id in ["done", "dead", "waiting", "running", "pending"] {
        scene.event(id, id).await;
    }
    scene.accept(callback(scene.now(), vec![("unhandled", subject(SubjectKind::Sku, "A"), "inventory.updated", None, vec![])])).await;
    let claims = scene.claim(4).await;
    scene.finish(&claims[0], Verdict::Done).await;
    scene.finish(&claims[1], dead()).await;
    scene.finish(&claims[2], waiting(scene.after(HOUR))).await;
    let counts = scene.journal.counts().await.unwrap();
    assert_eq!((counts.events, counts.unhandled), (6, 1));
    let one_each = [State::Done, State::Dead, State::Waiting, State::Running, State::Pending];
    for (state, count) in counts.deliveries {
        assert_eq!(count, u64::from(one_each.contains(&state)), "{state}");
    }
    // After a restart nothing is running.
    let scene = scene.restart();
    let counts = scene.journal.counts().await.unwrap();
    assert_eq!((counts.events, counts.unhandled), (6, 1));
    assert_eq!((scene.count_of(State::Pending).await, scene.count_of(State::Running).await), (2, 0));
    // The same after a close, which leaves a note instead.
    scene.journal.close().await.unwrap();
    let scene = scene.restart();
    assert_eq!(scene.journal.counts().await.unwrap(), counts_again(&scene).await);
    assert_eq!(scene.journal.counts().await.unwrap().events, 6);
}

/// Counts by listing.
async fn counts_again(scene: &Scene<'_>) -> mortar_core::story::Counts {
    let events = scene.journal.events(Filter { limit: 100, ..Filter::default() }).await.unwrap();
    let of = |state| events.iter().flat_map(|event| &event.deliveries).filter(|delivery| delivery.state == state).count() as u64;
    mortar_core::story::Counts {
        events: events.len() as u64,
        deliveries: State::ALL.into_iter().map(|state| (state, of(state))).collect(),
        held: events.iter().flat_map(|event| &event.deliveries).filter(|delivery| delivery.held_by.is_some()).count() as u64,
        unhandled: events.iter().filter(|event| event.deliveries.is_empty()).count() as u64,
        quarantined: 0,
        rejected: 0,
        open: events.iter().flat_map(|event| &event.deliveries).filter(|delivery| delivery.state.is_open()).fold(
            std::collections::BTreeMap::new(),
            |mut open, delivery| {
                *open.entry(delivery.plugin.clone()).or_default() += 1;
                open
            },
        ),
        mismatches: 0,
    }
}
