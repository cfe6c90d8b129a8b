use jiff::Timestamp;
use mortar_core::story::{DeliverySummary, EventSummary, LogLine};

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_772_355_600_000 + ms).unwrap()
}

fn request(path: &str, body: &str) -> Request {
    Request {
        connection: "erp".into(),
        method: "POST".into(),
        path: path.into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: Some(body.into()),
    }
}

fn answered(status: u16, settled_by: Option<&str>) -> Fate {
    let response = Response { status, headers: Vec::new(), body: br#"{"id":7}"#.to_vec() };
    Fate::Answered { at: at(40), response, settled_by: settled_by.map(str::to_owned) }
}

fn trace(step: &str, at_ms: u64, result: &str) -> Trace {
    Trace { step: step.into(), at_ms, took_ms: 9, result: result.into(), request: None }
}

fn story(state: State, code: Option<&str>, attempts: Vec<Attempt>, calls: Vec<Call>) -> EventStory {
    let delivery = DeliverySummary {
        id: "1042-1".parse().unwrap(),
        plugin: "rest".into(),
        state,
        attempts: attempts.len() as u32,
        at: at(60),
        code: code.map(str::to_owned),
        reason: code.map(|_| "the answer was lost".to_owned()),
        gap: Gap::Skip,
        in_doubt: 0,
        outdated: false,
        parked: false,
        held_by: None,
    };
    let event = EventSummary {
        seq: 1042,
        id: "6f0c:0".into(),
        event_type: "order.fulfilled".into(),
        subject: "order:SO-1".into(),
        source: "masonhub".into(),
        received_at: at(0),
        deliveries: vec![delivery.clone()],
    };
    EventStory {
        event,
        as_of: Some(at(-5000)),
        payload: r#"{"b":1.50,"a":[{},[],"x\"{,:y"]}"#.into(),
        callback: CallbackStory {
            received_at: at(0),
            remote: Some("192.0.2.7".into()),
            delivery_header: Some("9c4e".into()),
            secret: Some(1),
            bytes: 1532,
            events: vec!["6f0c:0".into()],
        },
        deliveries: vec![DeliveryStory { delivery, attempts, calls, round_trip: None }],
    }
}

fn told(story: &EventStory, bodies: bool) -> String {
    let mut buffer = Vec::new();
    event(story, bodies, &mut Output::plain(&mut buffer, false)).unwrap();
    String::from_utf8(buffer).unwrap()
}

fn attempt_of(number: u32, ending: &str, trace: Vec<Trace>) -> Attempt {
    Attempt {
        number,
        started_at: at(1),
        ended_at: at(30),
        digest: "0123456789abcdef".into(),
        ending: ending.into(),
        code: (ending == "retry").then(|| "erp.unavailable".to_owned()),
        reason: (ending == "retry").then(|| "503".to_owned()),
        trace,
        log: vec![LogLine { level: "info".into(), message: "one parcel\n\x1b[2J".into() }],
    }
}

#[test]
fn the_story_is_told_in_the_order_in_which_it_happened() {
    let calls = vec![Call {
        ordinal: 0,
        step: "ship".into(),
        attempt: 1,
        request: request("/orders/SO-1/shipments", "{}"),
        sent_at: at(4),
        fate: answered(201, None),
    }];
    let first = attempt_of(1, "retry", vec![trace("ship", 3, "sent"), trace("mail", 14, "unavailable: 503")]);
    let second = attempt_of(2, "done", vec![trace("ship", 1, "journal")]);
    let expected = r#"event 1042  order.fulfilled  order:SO-1
  id        6f0c:0
  happened  2026-03-01 08:59:55Z
  received  2026-03-01 09:00:00.000Z by source masonhub
  callback  1532 bytes, 1 event, from 192.0.2.7, secret 1 matched, sender's delivery 9c4e

delivery 1042-1 to rest: done after 2 attempts, at 2026-03-01 09:00:00Z
  attempt 1  2026-03-01 09:00:00.001Z  29 ms  component 0123456789ab
        +3 ms  ship  POST /orders/SO-1/shipments on erp → 201 in 9 ms
       +14 ms  mail → unavailable: 503 after 9 ms
    log        info    one parcel
                       \u{1b}[2J
    → retry  erp.unavailable: 503
  attempt 2  2026-03-01 09:00:00.001Z  29 ms  component 0123456789ab
        +1 ms  ship  POST /orders/SO-1/shipments on erp → 201 from the journal
    log        info    one parcel
                       \u{1b}[2J
    → done

payload
  {
    "b": 1.50,
    "a": [
      {},
      [],
      "x\"{,:y"
    ]
  }
"#;
    assert_eq!(told(&story(State::Done, None, vec![first, second], calls), false), expected);
}

#[test]
fn a_dead_letter_says_what_to_do() {
    let calls = vec![Call {
        ordinal: 0,
        step: "ship".into(),
        attempt: 1,
        request: request("/shipments", r#"{"sku":"A"}"#),
        sent_at: at(4),
        fate: Fate::Intended { lost: Some("timeout after 30 s".into()) },
    }];
    let attempt = attempt_of(1, "refused", vec![trace("ship", 3, "in doubt: ship")]);
    let told = told(&story(State::Dead, Some("step.in_doubt"), vec![attempt], calls), true);
    for part in [
        "delivery 1042-1 to rest: dead after 1 attempt,",
        "\n  step.in_doubt: the answer was lost\n  what to do: look in the ERP",
        "`mortar dead settle 1042-1 --step ship --done` or `--resend`",
        "\n  call ship  POST /shipments on erp  sent 2026-03-01 09:00:00.004Z by attempt 1\n      content-type: application/json\n",
        "\n      body:\n        {\n          \"sku\": \"A\"\n        }\n    answer lost: timeout after 30 s\n",
    ] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
}

#[test]
fn a_command_to_be_copied_does_only_what_it_says() {
    assert_eq!(["ship/SO-1", "find it", "$(reboot)", "it's"].map(for_shell), ["ship/SO-1", "'find it'", "'$(reboot)'", r"'it'\''s'"]);
}

#[test]
fn a_diverged_step_shows_both_requests() {
    let calls = vec![Call {
        ordinal: 0,
        step: "ship".into(),
        attempt: 1,
        request: request("/shipments", "{}"),
        sent_at: at(4),
        fate: answered(201, Some("operator")),
    }];
    let mut other = trace("ship", 2, "diverged: ship");
    other.request = Some(request("/shipments/other", r#"{"sku":"B"}"#));
    let told = told(&story(State::Dead, Some("step.diverged"), vec![attempt_of(1, "refused", vec![other])], calls), true);
    let expected = r#"ship  POST /shipments/other on erp → diverged: ship after 9 ms
      sent by attempt 1:                asked here:
      POST /shipments on erp          ≠ POST /shipments/other on erp
      content-type: application/json    content-type: application/json
      {}                              ≠ {
                                      ≠   "sku": "B"
                                      ≠ }
"#;
    assert!(told.contains(expected), "{told}");
}
