//! Calls, good and bad.

use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::SystemTime;

use mortar_sdk::mail::{self, Message};
use mortar_sdk::{
    CallError, Delivery, Failure, Outcome, Request, Response, Settlement, call, call_or_settle, done, grants, json, log, settle, state,
};

use crate::Settings;

pub(crate) fn run(behaviour: &str, settings: &Settings, delivery: &Delivery) -> Option<Result<Outcome, Failure>> {
    let event = json!({ "event": delivery.event_id });
    let post = || Request::post(&settings.connection, &settings.path).json(&event);
    let result = match behaviour {
        "call" => make("write", &post()),
        "call-twice" => make("first", &post()).and_then(|()| make("second", &post())),
        "same-step-twice" => make("write", &post()).and_then(|()| make("write", &post())),
        "many-steps" => (0..settings.count).try_for_each(|n| make(&format!("write/{n}"), &post())),
        "million-steps" => {
            // Whatever the answer is.
            (0..1_000_000).for_each(|n| drop(call(&format!("write/{n}"), &post())));
            Ok(())
        }
        "step-reuse" => {
            let other = Request::post(&settings.connection, &settings.path).json(&json!({ "other": true }));
            make("write", &post()).and_then(|()| tried_step("write", &other))
        }
        "outside-grant" => [("GET", "/customers"), ("POST", "/ordersx"), ("DELETE", "/orders/1"), ("POST", "/%6frders/1")]
            .into_iter()
            .try_for_each(|(method, path)| tried(path, &Request { method: method.into(), path: path.into(), ..post() })),
        "grants" => {
            let get = |path: &str| Request::get(&settings.connection, path);
            log::info!(
                "grants: {} {} {}",
                grants::allows(&get("/orders/1")),
                grants::allows(&get("/customers")),
                grants::allows_mail("mail")
            );
            make("write", &post())
        }
        "huge-state" => huge_state(),
        "other-state" => {
            let seen = ["events", "misbehave/events", "../misbehave/events", "misbehave\0events", "%", "*"];
            seen.iter().for_each(|key| log::info!("{key:?}: {:?}", state::get::<u64>(key)));
            log::info!("config: {:?}", mortar_sdk::config::<std::collections::BTreeMap<String, mortar_sdk::Json>>());
            Ok(())
        }
        "diverge" => {
            let request = Request::post(&settings.connection, &settings.path).json(&json!({ "attempt": delivery.attempt }));
            // Not done before the second attempt, so that there is one.
            let again = if delivery.attempt == 1 { Err(Failure::retry("to diverge")) } else { Ok(()) };
            make("write", &request).and(again)
        }
        "step-by-attempt" => make(&format!("write/{}", delivery.attempt), &post()),
        "random-body" => {
            let random = RandomState::new().build_hasher().finish();
            make("write", &Request::post(&settings.connection, &settings.path).json(&json!({ "random": random })))
        }
        "clock-body" => {
            #[allow(clippy::disallowed_methods, reason = "the guest reads whatever clock the host shows it")]
            let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_millis() as u64);
            make("write", &Request::post(&settings.connection, &settings.path).json(&json!({ "at": clock.unwrap_or_default() })))
        }
        "in-doubt-settle-resend" => make_settled(&post(), Settlement::Resend),
        "in-doubt-settle-answered" => {
            let found = Response { status: 200, headers: Vec::new(), body: b"found".to_vec() };
            make_settled(&post(), Settlement::Answered(found))
        }
        "mail" => {
            let message = Message {
                connection: settings.mail_connection.clone(),
                to: vec!["Ops <ops@example.com>".into()],
                subject: format!("event {}", delivery.event_id),
                text: "as told".into(),
                ..Message::default()
            };
            seen("mail", mail::send("mail", &message)).map_err(Failure::from)
        }
        "ungranted" => tried("ungranted", &Request { connection: "other".into(), ..post() }),
        "absolute-url" => ["http://169.254.169.254/latest", "//169.254.169.254/latest", "/../../admin", "orders", ""]
            .into_iter()
            .try_for_each(|path| tried(path, &Request { path: path.into(), ..post() })),
        "forged-headers" => ["host", "Authorization", "content-length", "transfer-encoding", "Idempotency-Key", "connection", "te"]
            .into_iter()
            .try_for_each(|name| tried(name, &post().header(name, "forged"))),
        "crlf-header" => [("x-forged", "a\r\nauthorization: b"), ("x-forged\r\nauthorization", "b"), ("", "b"), ("x forged", "b")]
            .into_iter()
            .try_for_each(|(name, value)| tried(&format!("{name:?}"), &post().header(name, value))),
        "nonsense" => nonsense(&post()),
        _ => return None,
    };
    Some(result.and_then(|()| done()))
}

/// Makes a call that should succeed.
fn make(step: &str, request: &Request) -> Result<(), Failure> {
    seen(step, call(step, request).map(|answer| answer.status))?;
    Ok(())
}

fn make_settled(request: &Request, settlement: Settlement) -> Result<(), Failure> {
    let answer = call_or_settle("write", request, |doubt| {
        log::info!("doubt: {doubt}");
        Ok(settlement)
    })?;
    log::info!("write: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(())
}

/// Makes a call that should be refused, and goes on.
fn tried(what: &str, request: &Request) -> Result<(), Failure> {
    tried_step(&format!("try {what:?}"), request)
}

fn tried_step(step: &str, request: &Request) -> Result<(), Failure> {
    let _ = seen(step, call(step, request).map(|answer| answer.status));
    Ok(())
}

/// Puts values into the state until it takes no more, and one that is too large for any.
fn huge_state() -> Result<(), Failure> {
    let large = state::update("large", |_: Option<String>| "x".repeat(4 << 20)).map(|value| value.len());
    log::info!("large: {}", large.is_err());
    let put = |n: &u32| state::update(&format!("{n}"), |_: Option<String>| "x".repeat(60_000)).is_ok();
    log::info!("puts: {}", (0..2000).take_while(put).count());
    Ok(())
}

fn seen<T: Debug>(what: &str, result: Result<T, CallError>) -> Result<T, CallError> {
    match &result {
        Ok(answer) => log::info!("{what}: {answer:?}"),
        Err(error) => log::info!("{what}: {error:?}"),
    }
    result
}

fn nonsense(request: &Request) -> Result<(), Failure> {
    for step in [String::new(), "x".repeat(10_000), "a\0b".into(), "é\n".into()] {
        let _ = seen(&format!("step of {} bytes", step.len()), call(&step, request));
    }
    for method in ["", "post", "GE T", "MAIL", "CONNECT", "TRACE"] {
        tried(method, &Request { method: method.into(), ..request.clone() })?;
    }
    tried("bad header value", &request.clone().header("x-odd", "\u{0}é"))?;
    tried("no connection", &Request { connection: String::new(), ..request.clone() })?;
    let impossible = Response { status: 9999, headers: vec![("\n".into(), "\n".into())], body: Vec::new() };
    log::info!("settle unknown: {:?}", settle("never called", &Settlement::Resend));
    log::info!("settle impossible: {:?}", settle("try \"post\"", &Settlement::Answered(impossible)));
    log::info!("long key: {:?}", state::update(&"k".repeat(300), |_: Option<u8>| 1));
    log::info!("large value: {:?}", state::update("large", |_: Option<String>| "x".repeat(1 << 20)).map(|value| value.len()));
    log::info!("mail: {:?}", mail::send("", &Message { subject: "a\r\nBcc: b@example.com".into(), ..Message::default() }));
    Ok(())
}
