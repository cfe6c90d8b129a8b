//! The inert WASI: what languages' runtimes ask for, answered from the event alone.

use mortar_core::code::ErrorCode;
use mortar_core::delivery::Ending;

use crate::guest::{Guest, number};
use crate::host::{Directory, TestHost, run, run_on, said};

/// The parts of WASI that are tried here.
const PACKAGES: &[&str] = &[
    "package wasi:io@0.2.0;
    interface poll { resource pollable { block: func(); } }
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
    }",
    "package wasi:clocks@0.2.0;
    interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }
    interface monotonic-clock {
        use wasi:io/poll@0.2.0.{pollable};
        now: func() -> u64;
        subscribe-duration: func(when: u64) -> pollable;
    }",
    "package wasi:random@0.2.0;
    interface random { get-random-u64: func() -> u64; }
    interface insecure { get-insecure-random-u64: func() -> u64; }",
    "package wasi:cli@0.2.0;
    interface exit { exit: func(status: result); }
    interface environment { get-environment: func() -> list<tuple<string, string>>; }
    interface stdout { use wasi:io/streams@0.2.0.{output-stream}; get-stdout: func() -> output-stream; }",
];

fn guest<'a>(world: &'a str, imports: &'a str, also: &'a str) -> Guest<'a> {
    Guest { exports: &["any-event"], imports, also, packages: PACKAGES, world }
}

/// A plugin that says the wall clock's seconds, the monotonic clock before and after a sleep of
/// 5 ms, and two random numbers.
fn time_and_chance() -> Vec<u8> {
    guest(
        "import wasi:clocks/wall-clock@0.2.0; import wasi:clocks/monotonic-clock@0.2.0; import wasi:random/random@0.2.0;
        import wasi:random/insecure@0.2.0;",
        r#"(import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall (param i32)))
        (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $ticks (result i64)))
        (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $after (param i64) (result i32)))
        (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
        (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))
        (import "wasi:random/insecure@0.2.0" "get-insecure-random-u64" (func $insecure (result i64)))"#,
        "",
    )
    .build(
        "(call $wall (i32.const 512))
        (call $letters (call $ticks) (call $letters (i64.load (i32.const 512)) (i32.const 0))) drop
        (call $block (call $after (i64.const 5000000)))
        (call $letters (call $insecure) (call $letters (call $random) (call $letters (call $ticks) (i32.const 32)))) drop
        (call $ignored (i32.const 0) (i32.const 80))",
    )
}

#[tokio::test]
async fn time_and_randomness_depend_on_the_event_only() {
    let plugin = Directory::with(&time_and_chance(), "").plugin().await;
    let mut words = Vec::new();
    for event in ["m1:0", "m1:0", "m2:0"] {
        words.push(said(run_on(&plugin, event, None).await));
    }
    assert_eq!(words[0], words[1]);
    assert_eq!(words[0][..48], words[2][..48]);
    assert_ne!(words[0][48..64], words[2][48..64], "another event has other randomness");
    assert_ne!(words[0][48..64], words[0][64..], "two generators, two sequences");

    let received: jiff::Timestamp = "2024-05-01T10:00:00Z".parse().unwrap();
    assert_eq!(number(&words[0][..16]), received.as_second() as u64);
    let (before, after) = (number(&words[0][16..32]), number(&words[0][32..48]));
    assert_eq!((before, after), (0, 5_001_000), "a reading is a microsecond, and a sleep what was asked for");
}

#[tokio::test]
async fn a_sleep_is_bounded_by_wall_time() {
    let sleeps = guest(
        "import wasi:clocks/monotonic-clock@0.2.0;",
        r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $after (param i64) (result i32)))
        (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#,
        "",
    )
    .build("(call $block (call $after (i64.const -1))) (call $done)");
    let ending = run(&sleeps, "[limits]\nwall = \"50ms\"", TestHost::default()).await.ending;
    assert!(matches!(ending, Ending::Retry { code: ErrorCode::PluginTimeout, .. }), "{ending:?}");
}

#[tokio::test]
async fn what_is_printed_is_in_the_log() {
    let prints = guest(
        "import wasi:cli/stdout@0.2.0;",
        r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
        (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))"#,
        r#"(data (i32.const 0) "one\ntwo")"#,
    )
    .build("(call $write (call $stdout) (i32.const 0) (i32.const 7) (i32.const 2048)) (call $done)");
    let ran = run(&prints, "", TestHost::default()).await;
    assert_eq!(ran.ending, Ending::Done);
    let lines: Vec<_> = ran.log.iter().map(|line| (line.level.as_str(), line.message.as_str())).collect();
    assert_eq!(lines, [("stdout", "one"), ("stdout", "two")]);
}

#[tokio::test]
async fn exit_is_a_trap() {
    let exits = guest("import wasi:cli/exit@0.2.0;", r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#, "")
        .build("(call $exit (i32.const 1)) (call $done)");
    match run(&exits, "", TestHost::default()).await.ending {
        Ending::Retry { code: ErrorCode::PluginTrap, reason, spent: true, .. } => {
            assert!(reason.starts_with("it called exit(1)"), "{reason}");
        }
        ending => panic!("{ending:?}"),
    }
}

#[tokio::test]
async fn the_environment_is_empty() {
    let reads = guest(
        "import wasi:cli/environment@0.2.0;",
        r#"(import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))"#,
        "",
    )
    .build(
        "(call $environment (i32.const 2048))
        (if (i32.load (i32.const 2052)) (then unreachable))
        (call $done)",
    );
    assert_eq!(run(&reads, "", TestHost::default()).await.ending, Ending::Done);
}
