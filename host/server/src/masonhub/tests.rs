use jiff::Timestamp;
use mortar_simulator::erp::{Fault, What};
use mortar_simulator::masonhub::Scenario;
use mortar_simulator::masonhub::api::{Api as Played, ApiHandle, ApiOptions, Tell};

use super::*;
use crate::cli::masonhub_setup::{api, configuration};
use crate::wire::SystemClock;

async fn played(options: ApiOptions) -> (ApiHandle, tempfile::TempDir, Api) {
    let played = Played::bind(options).await.unwrap();
    let (handle, url) = (played.handle(), played.url());
    tokio::spawn(played.run(std::future::pending()));
    let folder = configuration(&url, "open sesame");
    let api = api(folder.path());
    (handle, folder, api)
}

fn options() -> ApiOptions {
    ApiOptions::new("open sesame", "s3cret", || SystemClock.now())
}

#[tokio::test]
async fn a_list_is_read_to_its_end_in_either_shape() {
    for wrapped in [true, false] {
        let (handle, _folder, api) = played(ApiOptions { wrapped, ..options() }).await;
        let plan = Scenario { orders: 230, skus: 2, inbound_shipments: 0, returns: 0, ..Scenario::default() }.plan();
        handle.tell(&plan.callbacks, Tell::Nobody);
        let listed = api.list("orders", &[("sdt", "2026-01-01T00:00:00+00:00")]).await.unwrap();
        assert_eq!(listed.len(), 230);
    }
    assert_eq!(records(json!({"total_count": 1, "orders": [{"id": 1}]}), "orders"), Some(vec![json!({"id": 1})]));
    assert_eq!(records(json!({"data": 7}), "orders"), None);
}

#[tokio::test]
async fn a_token_that_ended_is_made_anew() {
    let (_handle, _folder, api) = played(ApiOptions { clock: || Timestamp::UNIX_EPOCH, ..options() }).await;
    // To the host's clock the token is in force; to MasonHub's too, until it says otherwise.
    api.list("orders", &[]).await.unwrap();
    let (_handle, _folder, api) = played(ApiOptions { token_lifetime: Duration::ZERO, ..options() }).await;
    let refused = api.list("orders", &[]).await.unwrap_err();
    assert!(matches!(refused, ApiError::Credentials { .. }), "a second one is refused as well: {refused}");
}

#[tokio::test]
async fn what_goes_wrong_says_what_to_do() {
    let (handle, _folder, api) = played(ApiOptions { rate: 1, ..options() }).await;
    handle.fault(Fault::new(What::Garbage).next(1).on("/orders"));
    let strange = api.list("orders", &[]).await.unwrap_err().to_string();
    assert!(strange.contains("is `url` in sources.masonhub.api the right one?"), "{strange}");
    api.holds().await.unwrap();
    let later = api.holds().await.unwrap_err();
    assert!(later.to_string().contains("429") && later.to_string().contains("try again in 3"), "{later}");

    let (_handle, folder, _) = played(options()).await;
    let text = std::fs::read_to_string(folder.path().join("mortar.toml")).unwrap();
    std::fs::write(folder.path().join("mortar.toml"), text.replace("/acme/api/v1\"", "/other/api/v1\"")).unwrap();
    let refused = super::super::cli::masonhub_setup::api(folder.path()).holds().await.unwrap_err();
    assert!(matches!(refused, ApiError::Refused { status: 404, .. }), "{refused}");
}
