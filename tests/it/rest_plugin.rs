//! Every sample callback through the plugin `rest` as it is shipped.

use mortar_core::delivery::State;
use mortar_simulator::erp::tracking_numbers;
use mortar_tests::{Setup, fixtures};

use super::{erp, rest_settings};

#[tokio::test]
async fn every_sample_reaches_the_erp() {
    let (url, handle) = erp(None).await;
    let host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    let folder = mortar_tests::paths::root().join("tests/fixtures/masonhub");
    let mut types: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    types.sort();
    assert!(types.len() > 15);
    for event_type in &types {
        let callback = fixtures::fresh(event_type);
        assert_eq!(host.send(&callback).await.status, 200);
        let story = host.until(&fixtures::event_id(&callback), State::Done).await;
        assert_eq!(&story.event.event_type, event_type);
        assert!(!story.deliveries[0].calls.is_empty(), "{event_type} made a call");
    }
    let ledger = handle.ledger();
    let found: Vec<_> = ledger.documents.values().flat_map(tracking_numbers).collect();
    for tracking in ["1Z999AA10123456784", "9400111899223100001234"] {
        assert!(found.iter().any(|t| t == tracking), "{tracking} is not among {found:?}");
    }
}
