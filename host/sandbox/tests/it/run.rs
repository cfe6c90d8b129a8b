//! What a handler is given, what it can ask, and what its answers mean.

use std::time::Duration;

use mortar_core::call::{CallError, Request};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::Ending;
use mortar_core::ports::{JournalError, StateEntry};

use crate::guest::{Guest, any_event};
use crate::host::{Directory, TestHost, run, run_on, said};
use crate::typed::order;

/// `connection.call("ship", POST erp:/orders "{}")`, with its result at 2048.
const CALL: Guest<'static> = Guest {
    exports: &["any-event"],
    imports: r#"(import "mortar:plugin/connection@0.1.0" "call"
        (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
    also: r#"(data (i32.const 0) "shiperpPOST/orders{}")
        (func $ship (call $call (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 3) (i32.const 7) (i32.const 4)
            (i32.const 11) (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 18) (i32.const 2) (i32.const 2048)))"#,
    packages: &[],
    world: "",
};

#[tokio::test]
async fn each_answer_has_its_ending() {
    let text = Guest { exports: &["any-event"], also: r#"(data (i32.const 0) "no such order")"#, ..Guest::default() };
    for (component, ending) in [
        (any_event("(call $done)"), Ending::Done),
        (any_event("(call $ignored (local.get 14) (local.get 15))"), Ending::Ignored("{\"n\":1}".into())),
        (
            text.build("(call $reject (i32.const 0) (i32.const 13))"),
            Ending::Refused { code: ErrorCode::PluginRejected, reason: "no such order".into() },
        ),
        (
            text.build("(call $retry (i32.const 0) (i32.const 13) (i64.const 1500))"),
            Ending::Retry {
                code: ErrorCode::PluginRetry,
                reason: "no such order".into(),
                after: Some(Duration::from_millis(1500)),
                spent: true,
            },
        ),
    ] {
        assert_eq!(run(&component, "", TestHost::default()).await.ending, ending);
    }
}

#[tokio::test]
async fn a_handler_is_given_the_delivery() {
    for (field, value) in [(0, "m1:0"), (2, "order.shipped"), (4, "masonhub"), (6, "order:SO-1"), (11, "2024-05-01T10:00:00Z")] {
        let component = any_event(&format!("(call $ignored (local.get {field}) (local.get {}))", field + 1));
        assert_eq!(said(run(&component, "", TestHost::default()).await), value);
    }
    let attempt = any_event("(if (i32.ne (local.get 13) (i32.const 2)) (then unreachable)) (call $done)");
    assert_eq!(run(&attempt, "", TestHost::default()).await.ending, Ending::Done);
}

#[tokio::test]
async fn the_typed_handler_goes_first_and_the_raw_one_takes_the_rest() {
    let order_number = "(call $ignored (i32.load offset=64 (local.get 0)) (i32.load offset=68 (local.get 0)))";
    let typed = Guest { exports: &["order-events"], ..Guest::default() }.build(order_number);
    let raw = any_event("(call $ignored (local.get 2) (local.get 3))");
    let both = Guest { exports: &["any-event", "order-events"], also: r#"(data (i32.const 0) "raw")"#, ..Guest::default() }
        .build("(call $ignored (i32.const 0) (i32.const 3))");

    let plugin = Directory::with(&typed, "").plugin().await;
    assert_eq!(said(run_on(&plugin, "m1:0", Some(order("SO-77"))).await), "SO-77");
    let unread = run_on(&plugin, "m1:0", None).await.ending;
    assert!(matches!(unread, Ending::Retry { code: ErrorCode::PluginMissing, spent: false, .. }), "{unread:?}");
    assert!(plugin.handles("order.shipped") && !plugin.handles("order.update_resolved") && !plugin.handles("new.kind"));

    let plugin = Directory::with(&raw, "").plugin().await;
    assert_eq!(said(run_on(&plugin, "m1:0", Some(order("SO-77"))).await), "order.shipped");
    assert!(plugin.handles("new.kind"));

    let plugin = Directory::with(&both, "events = [\"order.*\"]").plugin().await;
    assert_eq!(said(run_on(&plugin, "m1:0", Some(order("SO-77"))).await), "raw");
    assert!(plugin.handles("order.update_resolved") && !plugin.handles("new.kind"));
}

#[tokio::test]
async fn a_call_reaches_the_host_and_its_answer_the_plugin() {
    let host = TestHost::default();
    let asked = host.asked.clone();
    // Ignored with the body, where the result is a response with status 201.
    let component = CALL.build(
        "(call $ship)
        (if (i32.or (i32.load8_u (i32.const 2048)) (i32.ne (i32.load16_u (i32.const 2056)) (i32.const 201))) (then unreachable))
        (call $ignored (i32.load (i32.const 2068)) (i32.load (i32.const 2072)))",
    );
    assert_eq!(said(run(&component, "", host).await), "created");
    let request = Request {
        connection: "erp".into(),
        method: "POST".into(),
        path: "/orders".into(),
        headers: Vec::new(),
        body: Some(b"{}".to_vec()),
    };
    assert_eq!(*asked.lock().unwrap(), [("ship".to_owned(), request)]);
}

#[tokio::test]
async fn each_error_of_a_call_reaches_the_plugin_as_its_case() {
    let reason = || "because".to_owned();
    for (case, error) in [
        (0, CallError::Denied(reason())),
        (1, CallError::TooLarge(reason())),
        (2, CallError::Diverged(reason())),
        (3, CallError::InDoubt(reason())),
        (4, CallError::Unavailable { reason: reason(), after_ms: Some(9) }),
    ] {
        let component = CALL.build(&format!(
            "(call $ship)
            (if (i32.ne (i32.load8_u (i32.const 2048)) (i32.const 1)) (then unreachable))
            (if (i32.ne (i32.load8_u (i32.const 2056)) (i32.const {case})) (then unreachable))
            (call $ignored (i32.load (i32.const 2064)) (i32.load (i32.const 2068)))"
        ));
        assert_eq!(said(run(&component, "", TestHost { answer: Err(error), ..TestHost::default() }).await), "because");
    }
}

#[tokio::test]
async fn state_is_the_hosts_and_its_faults_are_not_the_plugins() {
    let guest = Guest {
        exports: &["any-event"],
        imports: r#"(import "mortar:plugin/state@0.1.0" "get" (func $get (param i32 i32 i32)))"#,
        ..Guest::default()
    };
    let component = guest.build(
        "(call $get (local.get 0) (local.get 1) (i32.const 2048))
        (call $ignored (i32.load (i32.const 2056)) (i32.load (i32.const 2060)))",
    );
    let state = Ok(Some(StateEntry { value: b"kept".to_vec(), version: 3 }));
    assert_eq!(said(run(&component, "", TestHost { state, ..TestHost::default() }).await), "kept");

    let state = Err(JournalError::Storage("disk full".into()));
    let ending = run(&component, "", TestHost { state, ..TestHost::default() }).await.ending;
    let reason = "the journal cannot store: disk full".to_owned();
    assert_eq!(ending, Ending::Retry { code: ErrorCode::HostFault, reason, after: None, spent: false });
}

#[tokio::test]
async fn a_plugin_reads_its_config() {
    let guest = Guest {
        exports: &["any-event"],
        imports: r#"(import "mortar:plugin/config@0.1.0" "get" (func $get (param i32 i32 i32)))"#,
        also: r#"(data (i32.const 0) "warehouse.code")"#,
        ..Guest::default()
    };
    let component = guest.build(
        "(call $get (i32.const 0) (i32.const 14) (i32.const 2048))
        (call $ignored (i32.load (i32.const 2052)) (i32.load (i32.const 2056)))",
    );
    assert_eq!(said(run(&component, "[config.warehouse]\ncode = \"W1\"", TestHost::default()).await), "W1");
}

#[tokio::test]
async fn no_run_sees_what_an_earlier_one_left() {
    let counting = Guest { exports: &["any-event"], also: "(global $runs (mut i64) (i64.const 0))", ..Guest::default() }.build(
        "(global.set $runs (i64.add (global.get $runs) (i64.const 1)))
        (i64.store (i32.const 512) (i64.add (i64.load (i32.const 512)) (global.get $runs)))
        (drop (call $letters (i64.load (i32.const 512)) (i32.const 0)))
        (call $ignored (i32.const 0) (i32.const 16))",
    );
    let plugin = Directory::with(&counting, "").plugin().await;
    for _ in 0..3 {
        assert_eq!(said(run_on(&plugin, "m1:0", None).await), "baaaaaaaaaaaaaaa");
    }
}
