use mortar_core::delivery::Gap;
use serde_json::json;

use super::*;
use crate::admin_types::PluginRoundTrips;
use crate::cli::send::Answer;

fn event(id: &str, state: State, attempts: u32) -> EventSummary {
    let delivery = json!({
        "id": "1-1", "plugin": "rest", "state": state, "attempts": attempts, "at": "2026-03-01T09:00:02Z", "code": null,
        "reason": "no such order", "gap": Gap::default(),
    });
    let event = json!({
        "seq": 1, "id": id, "event_type": SHIPPED, "subject": "order:SO-1", "source": "masonhub", "received_at": "2026-03-01T09:00:00Z",
        "deliveries": [delivery],
    });
    serde_json::from_value(event).unwrap()
}

/// The story of an event with these calls and attempts.
fn story(event: &EventSummary, methods: &[&str], endings: &[&str]) -> EventStory {
    let attempt = |ending: &&str| {
        json!({
            "number": 1, "started_at": "2026-03-01T09:00:00Z", "ended_at": "2026-03-01T09:00:01Z", "digest": "d", "ending": ending,
            "code": null, "reason": "503", "trace": [], "log": [],
        })
    };
    let call = |method: &&str| {
        let request = json!({ "connection": "c", "method": method, "path": "/p", "headers": [], "body": null });
        let response = json!({ "status": 250, "headers": [], "body": "" });
        let fate = json!({ "state": "answered", "at": "2026-03-01T09:00:01Z", "settled_by": null, "response": response });
        json!({ "ordinal": 0, "step": "s", "attempt": 1, "sent_at": "2026-03-01T09:00:00Z", "request": request, "fate": fate })
    };
    let callback = json!({
        "received_at": "2026-03-01T09:00:00Z", "remote": null, "delivery_header": null, "secret": 1, "bytes": 2, "events": [],
    });
    let calls: Vec<_> = methods.iter().map(call).collect();
    let attempts: Vec<_> = endings.iter().map(attempt).collect();
    let deliveries = json!([{ "delivery": event.deliveries[0], "attempts": attempts, "calls": calls }]);
    let story = json!({ "event": event, "as_of": null, "payload": "{}", "callback": callback, "deliveries": deliveries });
    serde_json::from_value(story).unwrap()
}

fn answer(status: u16, body: serde_json::Value) -> Answer {
    Answer { status, text: body.to_string(), body }
}

/// A host about which everything is shown.
fn good() -> (Seen, Probed) {
    let [plain, retried] = [event("a:0", State::Done, 1), event("b:0", State::Done, 2)];
    let confirmed = PluginRoundTrips { plugin: "rest".into(), reads_back: true, done: 2, confirmed: 2, ..PluginRoundTrips::default() };
    let seen = Seen {
        shipped: vec![story(&plain, &["PUT", "MAIL"], &["done"])],
        retried: vec![story(&retried, &["PUT"], &["retry", "done"])],
        events: vec![retried, plain],
        round_trips: vec![confirmed],
        ..Seen::default()
    };
    (seen, Probed { forged: Some(answer(401, json!({}))), ..Probed::default() })
}

fn verdicts(seen: &Seen, probed: &Probed, notified_by: &[String]) -> [Verdict; 6] {
    judge(seen, probed, notified_by).0.map(|judged| judged.verdict)
}

const HOLDS: [Verdict; 6] = [Verdict::Holds; 6];

fn but(point: usize, verdict: Verdict) -> [Verdict; 6] {
    let mut all = HOLDS;
    all[point] = verdict;
    all
}

#[test]
fn what_is_shown_holds() {
    let (seen, probed) = good();
    assert_eq!(verdicts(&seen, &probed, &[]), HOLDS, "{:#?}", judge(&seen, &probed, &[]));
}

#[test]
fn where_nothing_came_nothing_is_judged_and_each_point_says_what_is_missing() {
    let checklist = judge(&Seen::default(), &Probed::default(), &[]);
    for judged in &checklist.0 {
        assert_eq!(judged.verdict, Verdict::NotJudged, "{judged:?}");
        assert!(!judged.next.is_empty(), "{judged:?}");
    }
}

#[test]
fn what_a_poll_had_to_find_was_not_received() {
    let (mut seen, probed) = good();
    seen.events.push(event("poll-1:0", State::Done, 1));
    assert_eq!(verdicts(&seen, &probed, &[]), but(0, Verdict::Failed));
}

#[test]
fn what_was_triggered_and_never_came_was_not_received() {
    let (seen, mut probed) = good();
    let what = "order SO-1".to_owned();
    probed.followed = vec![Followed { what, at: Timestamp::UNIX_EPOCH, story: None, waited: std::time::Duration::from_secs(3) }];
    assert_eq!(verdicts(&seen, &probed, &[]), but(0, Verdict::Failed));
    assert!(judge(&seen, &probed, &[]).0[0].evidence.iter().any(|line| line == "order SO-1: no callback came within 3.0 s"));
}

#[test]
fn a_forged_signature_that_is_accepted_fails() {
    let (seen, mut probed) = good();
    probed.forged = Some(answer(200, json!({ "events": ["f:0"] })));
    assert_eq!(verdicts(&seen, &probed, &[]), but(1, Verdict::Failed));
    let nobody_tried = Probed::default();
    assert_eq!(verdicts(&seen, &nobody_tried, &[]), but(1, Verdict::NotJudged));
    let unverified = Seen { unverified: vec!["masonhub".into()], ..seen };
    assert_eq!(verdicts(&unverified, &nobody_tried, &[]), but(1, Verdict::Failed));
}

#[test]
fn dead_letters_fail_and_open_deliveries_are_waited_for() {
    let (mut seen, probed) = good();
    seen.events.push(event("c:0", State::Waiting, 3));
    assert_eq!(verdicts(&seen, &probed, &[]), but(2, Verdict::NotJudged));
    seen.events.push(event("d:0", State::Dead, 1));
    assert_eq!(verdicts(&seen, &probed, &[]), but(2, Verdict::Failed));
    assert!(judge(&seen, &probed, &[]).0[2].evidence.iter().any(|line| line.contains("no such order")));
}

#[test]
fn the_erp_is_updated_only_where_it_says_so() {
    let (mut seen, probed) = good();
    seen.round_trips[0].mismatch = 1;
    assert_eq!(verdicts(&seen, &probed, &[]), but(3, Verdict::Failed));
    seen.round_trips[0] = PluginRoundTrips { plugin: "rest".into(), done: 2, ..PluginRoundTrips::default() };
    assert_eq!(verdicts(&seen, &probed, &[]), but(3, Verdict::NotJudged));
    let judged = &judge(&seen, &probed, &[]).0[3];
    assert_eq!(judged.evidence, ["rest: 2 done, which it cannot read back; the last write: PUT /p → 250"]);
}

#[test]
fn customers_are_told_by_mails_or_by_a_system_that_an_operator_names() {
    let (mut seen, probed) = good();
    let shipped = event("a:0", State::Done, 1);
    seen.shipped = vec![story(&shipped, &["PUT"], &["done"])];
    assert_eq!(verdicts(&seen, &probed, &[]), but(4, Verdict::NotJudged));
    let named = ["rest".to_owned()];
    assert_eq!(verdicts(&seen, &probed, &named), but(4, Verdict::NotJudged), "nothing was confirmed there");
    let trip = json!({ "state": "confirmed", "at": "2026-03-01T09:00:05Z", "looks": 1, "reason": "shown" });
    seen.shipped[0].deliveries[0].round_trip = Some(serde_json::from_value(trip).unwrap());
    assert_eq!(verdicts(&seen, &probed, &named), HOLDS);
}

#[test]
fn errors_are_handled_where_a_failed_attempt_was_made_good() {
    let (mut seen, mut probed) = good();
    seen.retried.clear();
    assert_eq!(verdicts(&seen, &probed, &[]), but(5, Verdict::NotJudged));
    probed.repeated = Some(answer(200, json!({ "duplicates": 0 })));
    assert_eq!(verdicts(&seen, &probed, &[]), but(5, Verdict::Failed));
}
