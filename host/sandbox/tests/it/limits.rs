//! Plugins that misbehave: each is stopped, blamed for the right thing, and harms no other.

use std::sync::Arc;

use mortar_core::code::ErrorCode;
use mortar_core::delivery::Ending;
use mortar_core::ports::Ran;
use mortar_sandbox::SandboxOptions;
use tokio::sync::Semaphore;

use crate::guest::{Guest, any_event};
use crate::host::{Directory, TestHost, attempt, run, run_on, said};

const LOG: Guest<'static> = Guest {
    exports: &["any-event"],
    imports: r#"(import "mortar:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))"#,
    also: r#"(data (i32.const 0) "0123456789")"#,
    packages: &[],
    world: "",
};

const CALL: Guest<'static> = Guest {
    exports: &["any-event"],
    imports: r#"(import "mortar:plugin/connection@0.1.0" "call"
        (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
    also: "(func $wait (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048)))",
    packages: &[],
    world: "",
};

/// The code and reason of an attempt that failed and counts.
fn blamed(ran: &Ran) -> (ErrorCode, &str) {
    match &ran.ending {
        Ending::Retry { code, reason, after: None, spent: true } => (*code, reason),
        ending => panic!("a failure was expected: {ending:?}"),
    }
}

#[tokio::test]
async fn an_endless_loop_is_stopped_and_others_run_beside_it() {
    let directory = Directory::with(&any_event("(loop $l (br $l)) unreachable"), "[limits]\ncpu = \"100ms\"")
        .file("good.wasm", any_event("(call $done)"));
    let (plugins, problems) = directory.load().await;
    assert_eq!(problems, []);
    let [good, plugin] = &plugins[..] else { panic!("{plugins:?}") };
    let good = async {
        for _ in 0..20 {
            let ran = run_on(good, "m1:0", None).await;
            assert_eq!(ran.ending, Ending::Done);
        }
    };
    let (looped, ()) = tokio::join!(run_on(plugin, "m1:0", None), good);
    let (code, reason) = blamed(&looped);
    assert_eq!(code, ErrorCode::PluginTimeout);
    assert!(reason.starts_with("it used up its processor time, limits.cpu is 100ms"), "{reason}");
}

#[tokio::test]
async fn waiting_for_the_host_is_bounded_by_wall_time() {
    let host = TestHost { gate: Some(Arc::new(Semaphore::new(0))), ..TestHost::default() };
    let ran = run(&CALL.build("(call $wait) (call $done)"), "[limits]\nwall = \"50ms\"", host).await;
    assert_eq!(blamed(&ran), (ErrorCode::PluginTimeout, "it ran longer than limits.wall, 50ms"));
}

#[tokio::test]
async fn a_trap_names_its_cause_and_the_functions() {
    let guest = Guest { exports: &["any-event"], also: "(func $map_parcels unreachable)", ..Guest::default() };
    let ran = run(&guest.build("(call $map_parcels) (call $done)"), "", TestHost::default()).await;
    let (code, reason) = blamed(&ran);
    assert_eq!(code, ErrorCode::PluginTrap);
    assert!(reason.contains("unreachable") && reason.contains("in map_parcels, called by handle_any-event"), "{reason}");
}

#[tokio::test]
async fn endless_recursion_is_stopped() {
    let guest =
        Guest { exports: &["any-event"], also: "(func $deep (result i32) (i32.add (call $deep) (i32.const 1)))", ..Guest::default() };
    let ran = run(&guest.build("(call $deep)"), "", TestHost::default()).await;
    let (code, reason) = blamed(&ran);
    assert_eq!(code, ErrorCode::PluginTrap);
    assert!(reason.contains("(endless recursion)"), "{reason}");
}

#[tokio::test]
async fn memory_over_the_limit_is_refused() {
    let eats = any_event("(loop $more (drop (memory.grow (i32.const 16))) (br $more)) unreachable");
    let ran = run(&eats, "[limits]\nmemory = \"4MiB\"", TestHost::default()).await;
    let (code, reason) = blamed(&ran);
    assert_eq!(code, ErrorCode::PluginLimit);
    assert!(reason.starts_with("it wanted 4.1 MiB of memory, and limits.memory is 4.0 MiB"), "{reason}");
}

#[tokio::test]
async fn too_much_at_once_is_refused() {
    let shouts = LOG.build(
        "(drop (memory.grow (i32.const 320)))
        (call $log (i32.const 1) (i32.const 0) (i32.const 20000000)) (call $done)",
    );
    let ran = run(&shouts, "", TestHost::default()).await;
    let (code, reason) = blamed(&ran);
    assert_eq!(code, ErrorCode::PluginLimit);
    assert!(reason.starts_with("it handed more than 8.0 MiB to the host at once"), "{reason}");
}

#[tokio::test]
async fn the_log_is_kept_up_to_its_limit_and_survives_a_trap() {
    let line = "(call $log (i32.const 2) (i32.const 0) (i32.const 10))";
    let ran = run(&LOG.build(&format!("{line} {line} {line} unreachable")), "[limits]\nlog = \"30B\"", TestHost::default()).await;
    assert_eq!(blamed(&ran).0, ErrorCode::PluginTrap);
    let lines: Vec<_> = ran.log.iter().map(|line| (line.level.as_str(), line.message.as_str())).collect();
    assert_eq!(lines, [("warn", "0123456789"), ("warn", "0123456789"), ("warn", "1 more lines were dropped: limits.log is 30 B")]);
}

#[tokio::test]
async fn nonsense_answers_are_traps() {
    for (what, body) in [
        ("a pointer beyond its memory", "(call $ignored (i32.const 100) (i32.const 200000))"),
        ("an unknown case", "(drop (call $done)) (i32.store8 (i32.const 1024) (i32.const 9)) (i32.const 1024)"),
        ("text that is not UTF-8", "(i32.store8 (i32.const 0) (i32.const 255)) (call $ignored (i32.const 0) (i32.const 1))"),
    ] {
        let ran = run(&any_event(body), "", TestHost::default()).await;
        assert_eq!(blamed(&ran).0, ErrorCode::PluginTrap, "{what}");
    }
}

#[tokio::test]
async fn where_every_instance_is_in_use_the_attempt_is_put_off() {
    let directory = Directory::with(&CALL.build("(call $wait) (call $done)"), "");
    let options = SandboxOptions { instances: 1, ..directory.options() };
    let (plugins, problems) = directory.load_with(options).await;
    let plugin = &plugins[0];
    assert_eq!(problems, []);
    let gate = Arc::new(Semaphore::new(0));
    let host = TestHost { gate: Some(gate.clone()), ..TestHost::default() };
    let first = plugin.handler.run(attempt("m1:0"), None, Arc::new(host));
    let second = async {
        let ran = run_on(plugin, "m2:0", None).await;
        gate.add_permits(1);
        ran.ending
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.ending, Ending::Done);
    assert!(matches!(second, Ending::Retry { code: ErrorCode::PluginBusy, spent: false, .. }), "{second:?}");
    assert_eq!(run_on(plugin, "m2:0", None).await.ending, Ending::Done, "a freed instance is there again");
}

#[tokio::test]
async fn where_the_address_space_holds_no_pool_plugins_run_without_one() {
    let directory = Directory::with(&any_event("(call $done)"), "");
    let options = SandboxOptions { instances: 1_000_000, ..directory.options() };
    let (plugins, problems) = directory.load_with(options).await;
    let plugin = &plugins[0];
    assert_eq!(problems, []);
    assert_eq!(run_on(plugin, "m1:0", None).await.ending, Ending::Done);
}

#[tokio::test]
async fn a_long_reason_is_shortened() {
    let words = said(run(&any_event("(call $ignored (i32.const 0) (i32.const 65536))"), "", TestHost::default()).await);
    assert_eq!(words.chars().count(), 4097);
    assert!(words.ends_with('…'));
}
