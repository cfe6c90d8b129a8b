//! Callbacks that are set aside for the operator.

use bytes::Bytes;
use mortar_core::ports::{JournalError, RejectedCallback};

use super::{HOUR, Scene, Store};

pub async fn quarantined_callbacks_are_kept_until_released(store: &dyn Store) {
    let scene = Scene::new(store).await;
    let mut callback = scene.callback(&[]);
    callback.unreadable = Some("not JSON".into());
    scene.accept(callback.clone()).await;
    let id = scene.journal.quarantined(false, None, 10).await.unwrap()[0].id;
    scene.advance(1000 * HOUR);
    scene.purge().await;
    let scene = scene.restart();
    let (about, read) = scene.journal.quarantined_callback(id).await.unwrap().unwrap();
    assert_eq!(about.body.as_deref(), Some("{\"data\":[]}"));
    assert_eq!((&read.body, &read.source, read.received_at), (&callback.body, &callback.source, callback.received_at));
    assert_eq!((read.remote, read.delivery_header, read.secret), (callback.remote, callback.delivery_header, callback.secret));
    assert_eq!(read.unreadable.as_deref(), Some("not JSON"));

    scene.journal.release(id, scene.now()).await.unwrap();
    scene.journal.release(id, scene.after(HOUR)).await.unwrap();
    assert!(scene.journal.quarantined(false, None, 10).await.unwrap().is_empty());
    assert_eq!(scene.journal.quarantined(true, None, 10).await.unwrap()[0].released_at, Some(scene.now()));
    assert_eq!(scene.journal.counts().await.unwrap().quarantined, 0);
    scene.advance(1000 * HOUR);
    scene.purge().await;
    assert!(scene.journal.quarantined(true, None, 10).await.unwrap().is_empty());
    assert!(matches!(scene.journal.release(id, scene.now()).await, Err(JournalError::NotFound(_))));
    assert!(scene.journal.quarantined_callback(id).await.unwrap().is_none());
}

fn rejected(scene: &Scene<'_>, n: u8) -> RejectedCallback {
    RejectedCallback {
        source: "masonhub".into(),
        received_at: scene.now(),
        remote: Some([192, 0, 2, n].into()),
        reason: format!("signature {n}"),
        delivery_header: None,
        body: Bytes::from(vec![n; 5]),
    }
}

pub async fn rejected_callbacks_are_a_bounded_sample(store: &dyn Store) {
    let scene = Scene::new(store).await;
    for n in 0..5 {
        scene.journal.reject(rejected(&scene, n)).await.unwrap();
    }
    let scene = scene.restart();
    scene.journal.reject(rejected(&scene, 5)).await.unwrap();
    let list = scene.journal.rejected(None, 10).await.unwrap();
    assert_eq!(list.iter().map(|r| r.reason.as_str()).collect::<Vec<_>>(), ["signature 5", "signature 4", "signature 3"]);
    assert_eq!((list[0].bytes, list[0].remote.as_deref()), (5, Some("192.0.2.5")));
    assert_eq!(scene.journal.rejected(None, 1).await.unwrap().len(), 1);
    assert_eq!(scene.journal.counts().await.unwrap().rejected, 3);
}

pub async fn rejected_callbacks_are_admitted_once(store: &dyn Store) {
    let scene = Scene::new(store).await;
    scene.journal.reject(rejected(&scene, 1)).await.unwrap();
    let id = scene.journal.rejected(None, 1).await.unwrap()[0].id;
    let (about, callback) = scene.journal.rejected_callback(id).await.unwrap().unwrap();
    assert_eq!(about.reason, "signature 1");
    assert_eq!((&callback.body[..], callback.remote, callback.unreadable), (&[1; 5][..], Some([192, 0, 2, 1].into()), None));
    scene.journal.admit(id, scene.now()).await.unwrap();
    scene.journal.admit(id, scene.after(HOUR)).await.unwrap();
    assert_eq!(scene.journal.rejected(None, 1).await.unwrap()[0].admitted_at, Some(scene.now()));
    assert!(matches!(scene.journal.admit(id + 1, scene.now()).await, Err(JournalError::NotFound(_))));
}
