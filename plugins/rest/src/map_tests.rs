#![allow(clippy::unwrap_used)]

use mortar_sdk::inbound_shipment_events::{InboundLine, InboundShipment};
use mortar_sdk::inventory_events::{Snapshot, StatusCount, Stock};
use mortar_sdk::order_events::{LineItem, Order, Parcel, Short};
use mortar_sdk::order_resolutions::{RequestKind, Resolution};
use mortar_sdk::return_events::{ReturnLine, ReturnShipment};

use super::*;

fn settings(toml: &str) -> Settings {
    toml::from_str(toml).unwrap()
}

/// The settings that the plugin is shipped with.
fn shipped() -> Settings {
    of_file(include_str!("../plugin.toml"))
}

fn of_file(text: &str) -> Settings {
    #[derive(Deserialize)]
    struct File {
        config: Settings,
    }
    toml::from_str::<File>(text).unwrap().config
}

fn delivery(event_type: &str) -> Delivery {
    let payload = r#"{"details":{"dock":"D 7"}}"#.into();
    Delivery { event_id: "m-1:0".into(), event_type: event_type.into(), payload, ..Delivery::default() }
}

fn order() -> Order {
    let line_items = vec![LineItem { sku: "TEE-BLU-M".into(), quantity: 3 }];
    let parcel = |shipment_id: &str, tracking_number: Option<&str>| Parcel {
        shipment_id: shipment_id.into(),
        tracking_number: tracking_number.map(Into::into),
        line_items: line_items.clone(),
        ..Parcel::default()
    };
    Order {
        number: "SO 1/2".into(),
        status: "fulfilled".into(),
        parcels: vec![parcel("shp_001", Some("1Z999")), parcel("shp_002", None), parcel("shp_003", Some("9400"))],
        shorts: vec![Short { sku: "PANT".into(), quantity: 1, reason: Some("damage".into()) }],
        partial: true,
        ..Order::default()
    }
}

fn plan(settings: &Settings, event_type: &str, record: &impl Serialize) -> Plan {
    settings.plan(&delivery(event_type), "order", record).unwrap().unwrap()
}

/// Calls in short: `step: METHOD path body`.
fn lines(plan: &Plan) -> Vec<String> {
    let line = |Call { step, rule, body }: &Call| {
        let body = body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
        format!("{step}: {} {}{body}", rule.method, rule.path)
    };
    plan.calls.iter().map(line).collect()
}

fn refusal(toml: &str, record: &impl Serialize) -> String {
    settings(toml).plan(&delivery("order.fulfilled"), "order", record).err().unwrap()
}

#[test]
fn each_parcel_is_a_step_of_its_own_and_one_without_tracking_waits() {
    let plan = plan(&shipped(), "order.fulfilled", &order());
    assert_eq!(
        lines(&plan),
        [
            r#"parcels/shp_001: PUT /orders/SO%201%2F2/shipments/shp_001 {"lines":[{"quantity":3,"sku":"TEE-BLU-M"}],"tracking_number":"1Z999"}"#,
            r#"parcels/shp_003: PUT /orders/SO%201%2F2/shipments/shp_003 {"lines":[{"quantity":3,"sku":"TEE-BLU-M"}],"tracking_number":"9400"}"#,
            r#"shorts/PANT: PUT /orders/SO%201%2F2/shorts/PANT {"quantity":1,"reason":"damage"}"#,
            r#"notify/shp_001: POST /orders/SO%201%2F2/notifications {"kind":"shipped","reference":"shp_001","tracking_number":"1Z999"}"#,
            r#"notify/shp_003: POST /orders/SO%201%2F2/notifications {"kind":"shipped","reference":"shp_003","tracking_number":"9400"}"#,
            r#"order: PATCH /orders/SO%201%2F2 {"partial":true,"status":"fulfilled"}"#,
        ]
    );
    assert_eq!(plan.calls[3].rule.find.as_deref(), Some("/orders/SO%201%2F2/notifications/shp_001"));
    assert_eq!(plan.skipped, ["parcels/shp_002 has no parcel.tracking_number", "notify/shp_002 has no parcel.tracking_number"]);
}

#[test]
fn the_shipped_settings_map_every_event_type() {
    let settings = shipped();
    let types = "created acknowledged processing packed fulfilled partially_shipped shipped partially_in_transit in_transit \
                 partially_delivered delivered undeliverable cancelled updated";
    for event_type in types.split_whitespace() {
        assert!(!plan(&settings, &format!("order.{event_type}"), &order()).calls.is_empty(), "{event_type}");
    }
    let resolution = Resolution { order: "SO-1".into(), request: RequestKind::Cancel, ..Resolution::default() };
    for event_type in ["order.update_resolved", "order.cancel_resolved"] {
        let calls = lines(&plan(&settings, event_type, &resolution));
        assert_eq!(calls, [r#"order: PUT /orders/SO-1/change-requests/cancel {"accepted":false}"#]);
    }
    let shipment = InboundShipment {
        number: "ASN-1".into(),
        lines: vec![InboundLine { sku: "TEE".into(), expected: 100, received: 90, ..InboundLine::default() }],
        ..InboundShipment::default()
    };
    for event_type in ["inbound_shipment.arrived", "inbound_shipment.receiving_started", "inbound_shipment.received"] {
        let plan = plan(&settings, event_type, &shipment);
        assert_eq!(plan.calls[0].rule.path, "/inbound-shipments/ASN-1");
        assert_eq!(plan.calls[0].body.as_ref().unwrap()["lines"][0]["received"], 90);
    }
    let count = StatusCount { status: "available".into(), quantity: 200, ..StatusCount::default() };
    let stock = Stock { sku: "TEE".into(), total: Some(305), counts: vec![count], ..Stock::default() };
    assert_eq!(
        lines(&plan(&settings, "inventory.updated", &stock)),
        [r#"order: PUT /stock/TEE {"by_status":[{"quantity":200,"status":"available"}],"on_hand":305}"#]
    );
    let snapshot = Snapshot { id: "s-1".into(), ..Snapshot::default() };
    assert_eq!(lines(&plan(&settings, "inventory.snapshot_ready", &snapshot)), ["order: PUT /stock-snapshots/s-1 {}"]);
    let line = ReturnLine { sku: "TEE".into(), received: 1, ..ReturnLine::default() };
    let shipment = ReturnShipment { number: "RMA-31".into(), lines: vec![line], ..ReturnShipment::default() };
    for event_type in ["return.tendered", "return.received"] {
        let plan = plan(&settings, event_type, &shipment);
        assert_eq!(plan.calls[0].rule.path, "/returns/RMA-31");
        assert_eq!(plan.calls[0].body.as_ref().unwrap()["lines"]["received"][0]["quantity"], 1);
    }
}

#[test]
fn the_rules_of_the_quickstart_are_right() {
    let settings = of_file(include_str!("../../../examples/quickstart/plugins/rest/plugin.toml"));
    for (event_type, calls) in [("order.fulfilled", 2), ("order.packed", 1)] {
        assert_eq!(plan(&settings, event_type, &order()).calls.len(), calls, "{event_type}");
    }
    assert_eq!(plan(&settings, "inventory.updated", &Stock { sku: "TEE".into(), ..Stock::default() }).calls.len(), 1);
    let shipment = InboundShipment { number: "ASN-1".into(), ..InboundShipment::default() };
    assert_eq!(plan(&settings, "inbound_shipment.received", &shipment).calls.len(), 1);
}

#[test]
fn the_most_specific_rule_wins() {
    let settings = settings(
        r#"rules = { "*" = { method = "PUT", path = "/any" }, "order.*" = { method = "PUT", path = "/order" },
           "order.ship*" = { method = "PUT", path = "/ship" }, "order.shipped" = { method = "DELETE", path = "/shipped" }, "order.created" = [] }"#,
    );
    for (event_type, path) in
        [("order.shipped", "/shipped"), ("order.shipping", "/ship"), ("order.packed", "/order"), ("return.received", "/any")]
    {
        assert_eq!(plan(&settings, event_type, &order()).calls[0].rule.path, path, "{event_type}");
    }
    assert!(plan(&settings, "order.created", &order()).calls.is_empty());
    let none = self::settings(r#"rules = { "return.*" = [] }"#).plan(&delivery("order.packed"), "order", &order());
    assert!(none.unwrap().is_none());
}

#[test]
fn elements_of_one_name_stay_apart() {
    let line = |order: &str| ReturnLine { order: Some(order.into()), sku: "TEE".into(), ..ReturnLine::default() };
    let shipment = ReturnShipment { number: "RMA".into(), lines: vec![line("SO-1"), line("SO-2")], ..ReturnShipment::default() };
    let settings = settings(r#"rules = { "*" = { each = "lines", step = "receive", method = "DELETE", path = "/returns/{line.order}" } }"#);
    let lines = lines(&plan(&settings, "return.received", &shipment));
    assert_eq!(lines, ["receive/TEE: DELETE /returns/SO-1", "receive/TEE/2: DELETE /returns/SO-2"]);
}

#[test]
fn without_fields_the_whole_element_or_record_is_sent_and_nothing_that_the_event_does_not_say() {
    let settings = settings(r#"rules = { "*" = [{ each = "shorts", method = "PUT", path = "/" }, { method = "PUT", path = "/" }] }"#);
    let order = Order { parcels: Vec::new(), ..order() };
    assert_eq!(
        lines(&plan(&settings, "order.packed", &order)),
        [
            r#"shorts/PANT: PUT / {"quantity":1,"reason":"damage","sku":"PANT"}"#,
            r#"order: PUT / {"line_items":[],"number":"SO 1/2","parcels":[],"partial":true,"shorts":[{"quantity":1,"reason":"damage","sku":"PANT"}],"status":"fulfilled"}"#,
        ]
    );
}

#[test]
fn fields_take_values_nested_fields_the_delivery_and_the_raw_record() {
    let settings = settings(
        r#"
        [rules."*"]
        method = "PUT"
        path = "/docks/{raw.details.dock}"
        fields = { from = { value = "masonhub", tier = { value = 2 } }, ref = "delivery.event_id", new = "raw.details.newer.field", kind = { value = ["a"] } }
        "#,
    );
    let error = settings.plan(&delivery("order.packed"), "order", &order()).err().unwrap();
    assert!(error.contains("there is no `masonhub`"), "a table with more than `value` is a table of fields: {error}");
    let settings = self::settings(
        r#"
        [rules."*"]
        method = "PUT"
        path = "/docks/{raw.details.dock}"
        fields = { nested.kind = { value = ["a"] }, nested.ref = "delivery.event_id", new = "raw.details.newer.field" }
        "#,
    );
    assert_eq!(lines(&plan(&settings, "order.packed", &order())), [r#"order: PUT /docks/D%207 {"nested":{"kind":["a"],"ref":"m-1:0"}}"#]);
}

#[test]
fn a_wrong_rule_is_refused_in_words_that_name_event_and_field() {
    let cases = [
        (r#"{ method = "PUT", path = "/{nubmer}" }"#, "there is no `nubmer`; known here: delivery, line_items, masonhub_id, number"),
        (r#"{ method = "PUT", path = "/{number" }"#, "`/{number` has a { without a }"),
        (r#"{ method = "PUT", path = "/{parcels}" }"#, "`parcels` is not a single value"),
        (r#"{ method = "PUT", path = "/", fields = { t = "parcels.tracking_number" } }"#, "taken by each"),
        (r#"{ method = "PUT", path = "/", fields = { t = 1 } }"#, "a field is \"a.source.field\""),
        (r#"{ method = "PUT", path = "/", each = "number" }"#, "`number` is not a list"),
        (r#"{ method = "PUT", path = "/", each = "parcels", needs = ["parcel.traking"] }"#, "there is no `parcel.traking`"),
        (r#"{ method = "PUT", pth = "/" }"#, "unknown field `pth`"),
        (r#"[{ method = "PUT", path = "/" }, { method = "POST", path = "/" }]"#, "two rules share the step `order`"),
    ];
    for (rule, words) in cases {
        let refusal = refusal(&format!(r#"rules = {{ "order.*" = {rule} }}"#), &order());
        assert!(refusal.starts_with("the rule for order.fulfilled in plugin.toml: ") && refusal.contains(words), "{rule}: {refusal}");
    }
}

#[test]
fn a_value_cannot_lead_to_another_path() {
    let settings = r#"rules = { "*" = { method = "PUT", path = "/orders/{number}" } }"#;
    let order = |number: &str| Order { number: number.into(), ..Order::default() };
    assert!(refusal(settings, &order("..")).contains("another path"));
    assert_eq!(plan(&self::settings(settings), "order.packed", &order("")).skipped, ["order has no number"]);
    assert_eq!(plan(&self::settings(settings), "order.packed", &order("../x?y")).calls[0].rule.path, "/orders/..%2Fx%3Fy");
}

#[test]
fn a_fault_in_one_rule_holds_up_only_its_own_events() {
    let settings = settings(r#"rules = { "order.*" = { method = "PUT", path = "/o" }, "return.*" = { nonsense = 1 } }"#);
    assert_eq!(plan(&settings, "order.packed", &order()).calls.len(), 1);
}

#[test]
fn what_is_read_back_starts_at_the_record_as_it_was_sent() {
    let settings = shipped();
    let sent = json!({ "customer_identifier": "SO 1", "shipments": [{ "shipment_id": "shp_1", "tracking_number": "1Z" }, { "shipment_id": "shp_2" }] });
    let delivery = Delivery { event_type: "order.fulfilled".into(), payload: sent.to_string(), ..Delivery::default() };
    let plan = settings.checks(&delivery).unwrap().unwrap();
    assert_eq!(lines(&plan), [r#"0/shp_1: GET /orders/SO%201/shipments/shp_1 {"tracking_number":"1Z"}"#]);
    assert_eq!(plan.skipped, ["0/shp_2 has no shipment.tracking_number"]);
    let other = Delivery { event_type: "order.created".into(), ..delivery };
    assert!(settings.checks(&other).unwrap().is_none());
}
