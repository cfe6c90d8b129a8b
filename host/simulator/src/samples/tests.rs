use std::collections::BTreeSet;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

fn body(name: &str, overrides: &Overrides) -> Value {
    serde_json::from_slice(&sample(name, overrides, &mut ChaCha8Rng::seed_from_u64(7)).unwrap()).unwrap()
}

#[test]
fn every_file_is_a_sample() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/samples")).unwrap();
    let files: BTreeSet<String> =
        folder.map(|f| f.unwrap().file_name().into_string().unwrap().trim_end_matches(".json").to_owned()).collect();
    assert_eq!(files, names().map(str::to_owned).collect());
}

#[test]
fn message_ids_are_fresh_each_time() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut ids = BTreeSet::new();
    let mut expected = 0;
    for name in names().chain(names()) {
        let body: Value = serde_json::from_slice(&sample(name, &Overrides::default(), &mut rng).unwrap()).unwrap();
        let found = found(&body, &|_, key| key == "message_id");
        expected += found.len();
        ids.extend(found);
    }
    assert_eq!(ids.len(), expected);
    assert!(expected > names().count());
}

#[test]
fn overrides_reach_every_place() {
    let overrides = Overrides { number: Some("SO-9".into()), tracking_number: Some("T".into()), sku: Some("CAP".into()) };
    let body = body("order.fulfilled", &overrides);
    let order = &body["data"][0];
    assert_eq!(order["customer_identifier"], "SO-9");
    assert_eq!(order["shipments"][1]["customer_order_id"], "SO-9");
    assert_eq!(order["shipments"][0]["tracking_number"], "T");
    assert_eq!(order["shipments"][0]["tracking_url"], "https://track.example.com/T");
    assert_eq!(order["shipments"][1]["tracking_number"], "T-2");
    let skus: BTreeSet<String> = found(order, &is_sku).into_iter().collect();
    assert!(skus.contains("CAP") && skus.len() == 2, "{skus:?}");
}

#[test]
fn a_stock_count_is_known_by_its_sku_and_a_flat_order_by_its_own_number() {
    let sku = Overrides { sku: Some("CAP".into()), ..Overrides::default() };
    assert_eq!(body("inventory.updated", &sku)["data"][0]["customer_identifier"], "CAP");
    let number = Overrides { number: Some("SO-9".into()), ..Overrides::default() };
    assert_eq!(body("order.shipped.flat", &number)["external_id"], "SO-9");
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let tracking = Overrides { tracking_number: Some("T".into()), ..Overrides::default() };
    let error = sample("order.created", &tracking, &mut rng).unwrap_err();
    assert_eq!(error.to_string(), "the sample `order.created` has no tracking number to override");
    let error = sample("return.lost", &Overrides::default(), &mut rng).unwrap_err();
    assert!(error.to_string().contains("near it are: return.arrived, return.delivered"), "{error}");
}
