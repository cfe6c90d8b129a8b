//! A component that was built when version 0.1 of the contract was all there was. It imports all that a
//! plugin could import and exports all that it could export, so that it holds every type of 0.1 as it
//! was: if one of them changes, or is no longer served, it cannot be loaded any more.
//!
//! `WRITE_FIXTURE=1 cargo test -p mortar-sandbox --test it frozen` made it, where there was none.
//! It is never made again.

use std::path::{Path, PathBuf};

use mortar_core::delivery::Ending;
use mortar_core::event::{Family, TypedEvent};
use mortar_core::masonhub;
use mortar_core::round_trip::Confirmation;

use crate::guest::Guest;
use crate::host::{Directory, TestHost, attempt, run_on};

const EXPORTS: [&str; 6] =
    ["any-event", "order-events", "order-resolutions", "inbound-shipment-events", "inventory-events", "return-events"];

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/contract-0.1.wasm")
}

/// Each handler logs, reads its configuration, reads and writes its state, makes a call, and is done if
/// that was answered.
fn build() -> Vec<u8> {
    let guest = Guest {
        exports: &EXPORTS,
        imports: r#"
            (import "mortar:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
            (import "mortar:plugin/config@0.1.0" "get" (func $config (param i32 i32 i32)))
            (import "mortar:plugin/config@0.1.0" "json" (func $json (param i32)))
            (import "mortar:plugin/state@0.1.0" "get" (func $get (param i32 i32 i32)))
            (import "mortar:plugin/state@0.1.0" "put" (func $put (param i32 i32 i32 i32 i64 i32)))
            (import "mortar:plugin/state@0.1.0" "delete" (func $delete (param i32 i32 i64 i32)))
            (import "mortar:plugin/connection@0.1.0" "call"
                (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
            (import "mortar:plugin/connection@0.1.0" "settle" (func $settle (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
            (import "mortar:plugin/mail@0.1.0" "send"
                (func $mail (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
        also: r#"
            (data (i32.const 0) "erpPOST/orderswrite")
            (func $work (result i32)
                (call $log (i32.const 1) (i32.const 14) (i32.const 5))
                (call $json (i32.const 2048))
                (call $get (i32.const 0) (i32.const 3) (i32.const 2048))
                (call $put (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 2048))
                (call $call (i32.const 14) (i32.const 5) (i32.const 0) (i32.const 3) (i32.const 3) (i32.const 4) (i32.const 7) (i32.const 7)
                    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3072))
                (if (i32.load8_u (i32.const 3072)) (then (return (call $reject (i32.const 14) (i32.const 5)))))
                (call $done))
            (func (export "mortar:events/round-trip@0.1.0#confirm")
                (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                (i64.store (i32.const 1024) (i64.const 0)) (i64.store (i32.const 1032) (i64.const 0))
                (i32.store (i32.const 1036) (i32.const 7)) (i32.store (i32.const 1040) (i32.const 7)) (i32.const 1024))"#,
        world: "export mortar:events/round-trip@0.1.0;",
        ..Guest::default()
    };
    guest.build("(call $work)")
}

#[tokio::test]
async fn a_component_of_the_first_version_still_runs() {
    if std::env::var_os("WRITE_FIXTURE").is_some() && !file().exists() {
        std::fs::write(file(), build()).unwrap();
    }
    let component = std::fs::read(file()).unwrap();
    let plugin = Directory::with(&component, "connections = [\"erp\"]").plugin().await;
    assert_eq!((plugin.families.as_slice(), plugin.any_event, plugin.round_trip), (&Family::ALL[..], true, true));
    assert_eq!(plugin.provenance.imports, ["mortar:events@0.1.0", "mortar:plugin@0.1.0"]);
    assert_eq!(plugin.provenance.exports, ["mortar:events@0.1.0"]);
    let mut handled = Vec::new();
    for event_type in ["order.fulfilled", "order.cancel_resolved", "inbound_shipment.received", "inventory.updated", "return.received"] {
        let typed = sample(event_type);
        handled.push(std::mem::discriminant(&typed));
        let ran = run_on(&plugin, "m1:0", Some(typed)).await;
        assert_eq!((ran.ending, ran.log[0].message.as_str()), (Ending::Done, "write"), "{event_type}");
    }
    handled.dedup();
    assert_eq!(handled.len(), Family::ALL.len(), "one event of each family");
    assert_eq!(run_on(&plugin, "m1:0", None).await.ending, Ending::Done);
    let confirmed = plugin.handler.confirm(attempt("m1:0"), std::sync::Arc::new(TestHost::default())).await;
    assert_eq!(confirmed.answer, Ok(Confirmation::Confirmed { evidence: "/orders".into() }));
}

/// The first event of the sample of a type.
fn sample(event_type: &str) -> TypedEvent {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/fixtures/masonhub/{event_type}.json"));
    let body = std::fs::read(file).unwrap();
    let event = &masonhub::read(&body).events[0];
    masonhub::typed(event_type, &body[event.record.clone()]).unwrap().unwrap()
}
