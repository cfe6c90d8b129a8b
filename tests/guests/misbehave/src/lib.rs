//! A plugin that does what a plugin must not, so that tests can show that the host bears it.
//!
//! It takes every event (`any-event`) and behaves as `behaviour` in its `[config]` says. It logs
//! what it saw as `what: outcome`, for tests to assert; the other settings are in [`Settings`].
//!
//! | behaviour | what it does |
//! |---|---|
//! | `ok`, `ignored`, `reject`, `retry`, `retry-after` | ends so; the last after `after_ms` |
//! | `trap`, `abort`, `exit` | panics, aborts, calls `process::exit(3)` |
//! | `loop`, `loop-calls`, `recursion`, `memory`, `sleep` | never ends: computing, calling the host, on the stack, on the heap, asleep |
//! | `huge-string` | answers `ignored` with `size` bytes |
//! | `log-flood`, `big-log-lines` | logs 100,000 lines; logs 500 lines of 1 MiB |
//! | `read-file`, `read-env`, `network` | looks for a way out, and logs what it found |
//! | `clock` | logs clock, randomness and the order of a hash map: the same on every attempt |
//! | `globals` | counts events in a static and logs the count: always 1 |
//! | `state-counter` | counts events in its state and logs the count |
//! | `call`, `call-twice`, `same-step-twice`, `many-steps` | one POST to `path`; two steps; one step twice; `count` steps |
//! | `million-steps` | 1,000,000 steps, whatever is answered |
//! | `step-reuse` | one step twice, with two requests |
//! | `outside-grant` | calls to methods and paths that `[grants]` leaves out, each logged |
//! | `huge-state` | a value that is too large, then values until the state takes no more |
//! | `other-state` | reads what another plugin keeps under its keys, and logs its configuration |
//! | `diverge` | one step whose body differs between attempts |
//! | `step-by-attempt`, `random-body`, `clock-body` | one POST under a step with the attempt in its name, or with chance or a clock in its body |
//! | `in-doubt-settle-resend`, `in-doubt-settle-answered` | one POST, settled so where it is in doubt |
//! | `ungranted`, `absolute-url`, `forged-headers`, `crlf-header` | calls that the host must refuse, each logged |
//! | `grants` | asks what is granted, logs it, then one POST |
//! | `mail` | one e-mail through `mail_connection` |
//! | `nonsense` | odd arguments to every host function, each logged |

mod calls;
mod escape;
mod exhaust;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mortar_sdk::any_event::AnyEvent;
use mortar_sdk::{Delivery, Failure, Outcome, config, done, ignored, log, state};
use serde::Deserialize;

/// The plugin's `[config]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What to do.
    pub behaviour: String,
    /// The connection of the calls.
    pub connection: String,
    /// The connection of `mail`.
    pub mail_connection: String,
    /// The path of the calls.
    pub path: String,
    /// Steps of `many-steps`.
    pub count: u32,
    /// Bytes of `huge-string`.
    pub size: usize,
    /// Milliseconds of `retry-after`.
    pub after_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            behaviour: "ok".into(),
            connection: "erp".into(),
            mail_connection: "mail".into(),
            path: "/orders".into(),
            count: 200,
            size: 100_000_000,
            after_ms: 1500,
        }
    }
}

struct Misbehave;

mortar_sdk::export!(Misbehave: any_event);

static EVENTS: AtomicU64 = AtomicU64::new(0);

impl AnyEvent for Misbehave {
    fn handle(delivery: Delivery) -> Result<Outcome, Failure> {
        let settings: Settings = config()?;
        log::info!("attempt {} of {}: {}", delivery.attempt, delivery.event_type, settings.behaviour);
        match settings.behaviour.as_str() {
            "ok" => done(),
            "ignored" => ignored("as told"),
            "reject" => Err(Failure::reject("as told")),
            "retry" => Err(Failure::retry("as told")),
            "retry-after" => Err(Failure::retry_after("as told", Duration::from_millis(settings.after_ms))),
            "globals" => {
                log::info!("events: {}", EVENTS.fetch_add(1, Relaxed) + 1);
                done()
            }
            "state-counter" => {
                log::info!("events: {}", state::update("events", |events: Option<u64>| events.unwrap_or(0) + 1)?);
                done()
            }
            behaviour => exhaust::run(behaviour, &settings)
                .or_else(|| escape::run(behaviour))
                .or_else(|| calls::run(behaviour, &settings, &delivery))
                .unwrap_or_else(|| Err(Failure::reject(format!("`{behaviour}` is not a behaviour")))),
        }
    }
}
