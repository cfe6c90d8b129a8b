use super::*;

fn request(method: &str, path: &str, body: &Value) -> Request {
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    Request { method: method.into(), path: path.into(), key: None, body }
}

fn book() -> Book {
    Book::new(NotifyOn::Request)
}

fn get(book: &mut Book, path: &str) -> Answer {
    book.answer(&request("GET", path, &Value::Null))
}

#[test]
fn what_is_posted_is_found_in_its_list_and_by_any_identifier() {
    let mut book = book();
    let parcel = json!({"shipment_id": "shp 1", "tracking_number": "1Z9", "carrier": "UPS"});
    let created = book.answer(&request("POST", "/orders/SO-1/shipments", &parcel));
    assert_eq!((created.status, &created.body["id"]), (201, &json!(1)));
    for name in ["1", "shp%201", "1Z9"] {
        let found = get(&mut book, &format!("/orders/SO-1/shipments/{name}"));
        assert_eq!((found.status, &found.body), (200, &created.body), "{name}");
    }
    assert_eq!(get(&mut book, "/orders/SO-1/shipments").body, json!({"data": [created.body]}));
    assert_eq!(get(&mut book, "/orders/SO-1").body, json!({"shipments": [created.body]}));
    assert_eq!(get(&mut book, "/orders/SO-1/shipments/UPS").status, 404, "a carrier is no identifier");
    assert_eq!(get(&mut book, "/orders/SO-10").status, 404);
}

#[test]
fn put_sets_patch_merges_delete_removes() {
    let mut book = book();
    let mut write = |method, body| book.answer(&request(method, "/orders/SO-1", &body));
    assert_eq!(write("PUT", json!({"status": "open", "note": "x"})).status, 201);
    assert_eq!(write("PATCH", json!({"status": "packed", "note": null})).body, json!({"status": "packed"}));
    assert_eq!(write("PUT", json!({"status": "shipped"})).status, 200);
    assert_eq!(write("DELETE", Value::Null).status, 204);
    assert_eq!(write("DELETE", Value::Null).status, 404);
    assert_eq!(write("BREW", Value::Null).status, 405);
    assert_eq!(book.ledger().writes.len(), 4, "what was refused was not applied");
}

#[test]
fn a_member_of_a_list_is_changed_where_it_is() {
    let mut book = book();
    book.answer(&request("POST", "/returns", &json!({"number": "RMA-1", "status": "tendered"})));
    book.answer(&request("PATCH", "/returns/RMA-1", &json!({"status": "received"})));
    let only = json!({"data": [{"id": 1, "number": "RMA-1", "status": "received"}]});
    assert_eq!(get(&mut book, "/returns").body, only);
}

#[test]
fn a_key_makes_a_write_happen_once() {
    let mut book = book();
    let keyed = |body: Value| Request { key: Some("k".into()), ..request("POST", "/orders/SO-1/shipments", &body) };
    let first = book.answer(&keyed(json!({"tracking_number": "1Z9"})));
    let again = book.answer(&keyed(json!({"tracking_number": "1Z9"})));
    assert_eq!((again.status, &again.body, again.repeated), (201, &first.body, true));
    assert_eq!(book.answer(&keyed(json!({"tracking_number": "other"}))).status, 422);
    let ledger = book.ledger();
    assert_eq!(ledger.applied("POST", "/orders/SO-1/shipments"), 1);
    assert_eq!(ledger.repeated["k"], 1);
}

#[test]
fn without_a_key_the_same_write_happens_twice() {
    let mut book = book();
    for _ in 0..2 {
        book.answer(&request("POST", "/orders/SO-1/notifications", &json!({"tracking_number": "1Z9"})));
    }
    assert_eq!(book.ledger().applied("POST", "/orders/SO-1/notifications"), 2);
    assert_eq!(book.ledger().notifications.len(), 2);
}

#[test]
fn customers_are_told_on_request_or_of_every_new_parcel() {
    let told = |notify_on| {
        let mut book = Book::new(notify_on);
        let put = |book: &mut Book, path: &str, body: &Value| book.answer(&request("PUT", path, body));
        put(&mut book, "/orders/SO-1/shipments/shp_1", &json!({"tracking_number": "1Z9"}));
        put(&mut book, "/orders/SO-1/shipments/shp_1", &json!({"tracking_number": "1Z9", "carrier": "UPS"}));
        put(&mut book, "/orders/SO-1/notifications/shp_2", &json!({"parcels": [{"tracking_number": "2Z9"}]}));
        put(&mut book, "/inbound-shipments/ASN-1", &json!({"tracking_number": "3Z9"}));
        book.ledger().notifications.into_iter().map(|n| (n.order, n.tracking_number)).collect::<Vec<_>>()
    };
    assert_eq!(told(NotifyOn::Shipment), [("SO-1".to_owned(), "1Z9".to_owned())]);
    assert_eq!(told(NotifyOn::Request), [("SO-1".to_owned(), "2Z9".to_owned())]);
}

#[test]
fn what_is_not_json_is_kept_as_text() {
    let mut book = book();
    book.answer(&Request { body: "<order/>".into(), ..request("PUT", "/orders/SO-1", &Value::Null) });
    assert_eq!(get(&mut book, "/orders/SO-1").body, json!("<order/>"));
}
