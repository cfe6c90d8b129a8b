//! Two runs of one delivery, compared.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use mortar_core::call::{Request, Response, Settlement};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::Ending;
use mortar_core::diff::{Answer, CallFate, Change, Diff, End, Likeness, OfflineCall, OfflineRun, StateMade, changes};
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};

fn request(body: &str) -> Request {
    Request {
        connection: "erp".into(),
        method: "POST".into(),
        path: "/orders".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: Some(body.as_bytes().to_vec()),
    }
}

fn call(step: &str, body: &str) -> OfflineCall {
    OfflineCall { step: step.into(), request: request(body), answer: Answer::Recorded }
}

fn run(calls: Vec<OfflineCall>) -> OfflineRun {
    OfflineRun {
        digest: "d".into(),
        end: Ending::Done.into(),
        calls,
        settled: BTreeMap::new(),
        state: Vec::new(),
        unanswered: None,
        log: Vec::new(),
    }
}

fn steps(names: &[&str]) -> OfflineRun {
    run(names.iter().map(|name| call(name, "{}")).collect())
}

/// A run that comes to a step of which nothing is recorded, and ends there.
fn breaking_off(names: &[&str]) -> OfflineRun {
    let mut run = steps(names);
    let last = run.calls.last_mut().unwrap();
    last.answer = Answer::Unrecorded;
    run.unanswered = Some(last.step.clone());
    run.end = Ending::Retry { code: ErrorCode::ErpUnavailable, reason: "nothing".into(), after: None, spent: true }.into();
    run
}

/// Steps and what became of them; a moved one with `~`.
fn fates(diff: &Diff) -> Vec<(String, CallFate)> {
    diff.calls.iter().map(|call| (format!("{}{}", if call.moved { "~" } else { "" }, call.step), call.fate)).collect()
}

fn told(changes: &[Change]) -> Vec<String> {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    changes.iter().map(|change| format!("{}: {} > {}", change.at, value(&change.old), value(&change.new))).collect()
}

#[test]
fn a_body_differs_where_its_json_does() {
    let old = request(r#"{"items":[{"qty":1,"sku":"A"},{"sku":"B"}],"a/b":null,"total":10}"#);
    let same = request(r#" { "total":10.0, "a/b":null, "items":[ {"sku":"A","qty":1}, {"sku":"B"} ] }"#);
    assert_eq!(changes(&old, &same), []);
    let new = request(r#"{"items":[{"qty":"1","sku":"A"}],"a/b":0,"total":10,"more":true}"#);
    assert_eq!(
        told(&changes(&old, &new)),
        ["body/a~1b: null > 0", r#"body/items/0/qty: 1 > "1""#, r#"body/items/1: {"sku":"B"} > -"#, "body/more: - > true"]
    );
    assert_eq!(told(&changes(&request("a=1"), &request("a=2"))), ["body: a=1 > a=2"]);
    assert_eq!(told(&changes(&request("1"), &Request { body: None, ..request("1") })), ["body: 1 > -"]);
}

#[test]
fn numbers_are_compared_by_value_and_not_rounded() {
    assert_eq!(changes(&request("1"), &request("1e0")), []);
    assert_eq!(changes(&request("9007199254740993"), &request("9007199254740992")).len(), 1);
}

#[test]
fn headers_differ_by_what_they_say() {
    let with = |headers: &[(&str, &str)]| Request {
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        ..request("1")
    };
    assert_eq!(changes(&with(&[("Accept", "a"), ("x-b", "1")]), &with(&[("X-B", "1 "), ("accept", "a")])), []);
    let different = changes(&with(&[("accept", "a"), ("x-b", "1"), ("x-b", "2")]), &with(&[("accept", "b"), ("x-b", "2"), ("x-b", "1")]));
    assert_eq!(told(&different), ["headers/accept: a > b", "headers/x-b: 1, 2 > 2, 1"]);
}

#[test]
fn what_is_shown_is_bounded() {
    let long = |letter: &str| request(&json!((0..500).map(|_| letter.repeat(1000)).collect::<Vec<_>>()).to_string());
    let changes = changes(&long("a"), &long("ä"));
    assert_eq!((changes.len(), changes[99].at.as_str()), (100, "and 401 more"));
    assert!(changes.iter().flat_map(|c| [&c.old, &c.new]).flatten().all(|text| text.len() < 210));
}

#[test]
fn calls_are_left_out_added_and_moved() {
    use CallFate::{Added, Kept, LeftOut};
    let diff = Diff::between(&steps(&["a", "b", "c", "d"]), &steps(&["a", "d", "c", "new"]));
    let expected = [("a", Kept), ("b", LeftOut), ("~d", Kept), ("c", Kept), ("new", Added)];
    assert_eq!(fates(&diff), expected.map(|(step, fate)| (step.to_owned(), fate)));
    assert_eq!(diff.likeness(), Likeness::Differs);
    assert_eq!(diff.pruned(10).calls.len(), 3, "what is the same is left out");
}

#[test]
fn after_a_call_of_which_nothing_is_recorded_nothing_is_said_to_be_left_out() {
    use CallFate::{Kept, LeftOut, NotReached, Unrecorded};
    let diff = Diff::between(&steps(&["a", "b", "c", "d"]), &breaking_off(&["a", "c", "new"]));
    let expected = [("a", Kept), ("b", LeftOut), ("c", Kept), ("new", Unrecorded), ("d", NotReached)];
    assert_eq!(fates(&diff), expected.map(|(step, fate)| (step.to_owned(), fate)));
    assert_eq!(diff.likeness(), Likeness::Diverged);
    let both = Diff::between(&breaking_off(&["a", "new"]), &breaking_off(&["a", "new"]));
    assert_eq!(both.likeness(), Likeness::Same, "both come to it with the same request");
}

#[test]
fn ends_differ_by_kind_and_code() {
    let ends = |ending: Ending| OfflineRun { end: ending.into(), ..run(Vec::new()) };
    let ignored = |why: &str| ends(Ending::Ignored(why.into()));
    let retry = |code, reason: &str| ends(Ending::Retry { code, reason: reason.into(), after: None, spent: true });
    assert_eq!(Diff::between(&ignored("a"), &ignored("b")).likeness(), Likeness::Same, "reasons are for people");
    assert_eq!(told(&Diff::between(&ignored("a"), &run(Vec::new())).changes), ["end: ignored: a > done"]);
    let trap = retry(ErrorCode::PluginTrap, "unreachable");
    let diff = Diff::between(&run(Vec::new()), &trap);
    assert_eq!((diff.likeness(), told(&diff.changes)), (Likeness::Trapped, vec!["end: done > retry [plugin.trap]: unreachable".into()]));
    assert_eq!(Diff::between(&trap, &run(Vec::new())).likeness(), Likeness::Differs, "it is mended");
    assert_eq!(Diff::between(&trap, &trap).likeness(), Likeness::Same);
    let gone = OfflineRun { end: End::not_delivered(), ..run(Vec::new()) };
    assert_eq!(told(&Diff::between(&run(Vec::new()), &gone).changes), ["end: done > not-delivered"]);
}

#[test]
fn state_answers_and_settlements_differ_too() {
    let state = |value: Option<&str>| OfflineRun {
        state: vec![StateMade { key: "a/b".into(), value: value.map(|v| v.as_bytes().to_vec()) }],
        ..run(Vec::new())
    };
    assert_eq!(Diff::between(&state(Some("{\"n\":1}")), &state(Some("{ \"n\": 1 }"))).likeness(), Likeness::Same);
    assert_eq!(told(&Diff::between(&state(Some("{\"n\":1}")), &state(Some("{\"n\":2}"))).changes), ["state/a~1b/n: 1 > 2"]);
    assert_eq!(told(&Diff::between(&state(None), &run(Vec::new())).changes), ["state/a~1b: deleted > -"]);

    let settled = |settlement| OfflineRun { settled: BTreeMap::from([("w".into(), settlement)]), ..run(Vec::new()) };
    let answered = Settlement::Answered(Response { status: 200, headers: Vec::new(), body: Vec::new() });
    let diff = Diff::between(&settled(Settlement::Resend), &settled(answered));
    assert!(told(&diff.changes)[0].starts_with("settled/w: \"resend\" > {\"answered\""), "{diff:?}");

    let mut refused = steps(&["a"]);
    refused.calls[0].answer = Answer::Refused("not granted".into());
    assert_eq!(told(&Diff::between(&steps(&["a"]), &refused).calls[0].changes), ["answer: recorded > refused: not granted"]);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z/~]{0,4}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c/~]{1,3}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Some of six steps, in any order, with one of two bodies each.
fn any_run() -> impl Strategy<Value = OfflineRun> {
    let calls = subsequence(vec!["a", "b", "c", "d", "e", "f"], 0..=6).prop_shuffle();
    let bodies = prop::collection::vec(any::<bool>(), 6);
    (calls, bodies, any::<bool>()).prop_map(|(names, bodies, done)| {
        let calls = names.iter().zip(bodies).map(|(name, other)| call(name, if other { "1" } else { "2" })).collect();
        let end: End = if done { Ending::Done } else { Ending::Ignored("x".into()) }.into();
        OfflineRun { end, ..run(calls) }
    })
}

proptest! {
    #[test]
    fn every_pointer_leads_to_what_is_different(old in any_json(), new in any_json()) {
        let changes = changes(&request(&old.to_string()), &request(&new.to_string()));
        prop_assert_eq!(changes.is_empty(), old == new);
        for change in changes {
            let pointer = change.at.strip_prefix("body").unwrap();
            let shown = |value: &Value| value.pointer(pointer).map(ToString::to_string);
            prop_assert_eq!((&change.old, &change.new), (&shown(&old), &shown(&new)));
            prop_assert_ne!(change.old, change.new);
        }
    }

    #[test]
    fn a_run_is_like_itself_and_likeness_goes_both_ways(one in any_run(), other in any_run()) {
        prop_assert_eq!(Diff::between(&one, &one).likeness(), Likeness::Same);
        let (there, back) = (Diff::between(&one, &other).likeness(), Diff::between(&other, &one).likeness());
        prop_assert_eq!(there, back);
        prop_assert_eq!(there == Likeness::Same, (&one.calls, &one.end) == (&other.calls, &other.end));
    }

    #[test]
    fn every_call_of_either_run_is_told_once(old in any_run(), new in any_run()) {
        let diff = Diff::between(&old, &new);
        let names = |run: &OfflineRun| run.calls.iter().map(|call| call.step.clone()).collect::<BTreeSet<_>>();
        let of = |fate: CallFate| diff.calls.iter().filter(|call| call.fate == fate).map(|call| call.step.clone()).collect::<BTreeSet<_>>();
        prop_assert_eq!(diff.calls.len(), names(&old).union(&names(&new)).count());
        prop_assert_eq!(of(CallFate::Kept), names(&old).intersection(&names(&new)).cloned().collect());
        prop_assert_eq!(of(CallFate::Added), names(&new).difference(&names(&old)).cloned().collect());
        prop_assert_eq!(of(CallFate::LeftOut), names(&old).difference(&names(&new)).cloned().collect());
    }

    #[test]
    fn what_was_not_moved_is_in_the_old_order(old in any_run(), new in any_run()) {
        let diff = Diff::between(&old, &new);
        let unmoved: Vec<_> = diff.calls.iter().filter(|call| call.fate == CallFate::Kept && !call.moved).map(|call| &call.step).collect();
        let in_old: Vec<_> = old.calls.iter().map(|call| &call.step).filter(|step| unmoved.contains(step)).collect();
        prop_assert_eq!(&unmoved, &in_old);
        let in_common = diff.calls.iter().filter(|call| call.fate == CallFate::Kept).count();
        prop_assert!(in_common == 0 || !unmoved.is_empty());
    }
}
