//! The story of an event and its deliveries, told for people.

use mortar_core::call::{Request, Response};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::State;
use mortar_core::story::{Attempt, Call, CallbackStory, DeliveryStory, EventStory, Fate, Trace};

use super::exit::Failure;
use super::output::{Output, Tone, clean, counted, precise_time, time};
use super::status::short;

type Told = Result<(), Failure>;

/// Tells all about an event. With `bodies`, what calls sent and what was answered too.
pub(super) fn event(story: &EventStory, bodies: bool, output: &mut Output<'_>) -> Told {
    let event = &story.event;
    let title = output.paint(Tone::Strong, format_args!("event {}  {}  {}", event.seq, event.event_type, event.subject));
    output.line(title)?;
    output.line(format_args!("  id        {}", clean(&event.id)))?;
    if let Some(at) = story.as_of {
        output.line(format_args!("  happened  {}", time(at)))?;
    }
    output.line(format_args!("  received  {} by source {}", precise_time(event.received_at), clean(&event.source)))?;
    output.line(format_args!("  callback  {}", callback(&story.callback)))?;
    if story.deliveries.is_empty() {
        output.line("\nno plugin handled this type when the event came in")?;
    }
    for told in &story.deliveries {
        output.line("")?;
        delivery(told, bodies, output)?;
    }
    output.line("\npayload")?;
    Ok(output.line(indented(&pretty(story.payload.as_bytes()), "  "))?)
}

fn callback(callback: &CallbackStory) -> String {
    let mut parts = vec![counted(callback.bytes, "byte"), counted(callback.events.len() as u64, "event")];
    parts.extend(callback.remote.as_ref().map(|remote| format!("from {remote}")));
    parts.extend(callback.secret.map(|secret| format!("secret {secret} matched")));
    parts.extend(callback.delivery_header.as_ref().map(|id| format!("sender's delivery {id}")));
    clean(&parts.join(", "))
}

/// Tells all about one delivery.
pub(super) fn delivery(story: &DeliveryStory, bodies: bool, output: &mut Output<'_>) -> Told {
    let delivery = &story.delivery;
    let state = output.paint(Tone::of(delivery.state), delivery.state);
    let title = output.paint(Tone::Strong, format_args!("delivery {} to {}", delivery.id, delivery.plugin));
    let attempts = counted(delivery.attempts.into(), "attempt");
    let due = if delivery.state == State::Waiting { "due" } else { "at" };
    output.line(format_args!("{title}: {state} after {attempts}, {due} {}", time(delivery.at)))?;
    if let Some(why) = why(delivery.code.as_deref(), delivery.reason.as_deref()) {
        output.line(format_args!("  {why}"))?;
    }
    if let (State::Dead, Some(Ok(code))) = (delivery.state, delivery.code.as_deref().map(str::parse::<ErrorCode>)) {
        output.line(format_args!("  what to do: {}", code.cure()))?;
    }
    for told in &story.attempts {
        attempt(told, &story.calls, output)?;
    }
    for doubtful in story.calls.iter().filter(|call| delivery.state == State::Dead && matches!(call.fate, Fate::Intended { .. })) {
        let id = delivery.id;
        let step = for_shell(&clean(&doubtful.step));
        output
            .line(format_args!("  step {step} is in doubt: settle it with `mortar dead settle {id} --step {step} --done` or `--resend`"))?;
    }
    if bodies { calls(&story.calls, output) } else { Ok(()) }
}

fn attempt(attempt: &Attempt, calls: &[Call], output: &mut Output<'_>) -> Told {
    let took = attempt.ended_at.duration_since(attempt.started_at).as_millis();
    let title = output.paint(Tone::Strong, format_args!("attempt {}", attempt.number));
    let component = short(&attempt.digest);
    output.line(format_args!("  {title}  {}  {took} ms  component {component}", precise_time(attempt.started_at)))?;
    for trace in &attempt.trace {
        step(trace, calls, output)?;
    }
    for line in &attempt.log {
        let head = output.paint(Tone::Faint, format_args!("{:<6}", line.level));
        let message = indented(&clean(&line.message), "                       ");
        output.line(format_args!("    log        {head}  {}", message.trim_start()))?;
    }
    let tone = match attempt.ending.as_str() {
        "done" => Tone::Good,
        "ignored" => Tone::Faint,
        "retry" => Tone::Wait,
        _ => Tone::Bad,
    };
    let ending = output.paint(tone, &attempt.ending);
    let why = why(attempt.code.as_deref(), attempt.reason.as_deref()).map(|why| format!("  {why}"));
    Ok(output.line(format_args!("    → {ending}{}", why.unwrap_or_default()))?)
}

/// One use of a step: when, what was asked, what came of it.
fn step(trace: &Trace, calls: &[Call], output: &mut Output<'_>) -> Told {
    let call = calls.iter().find(|call| call.step == trace.step);
    let request = trace.request.as_ref().or(call.map(|call| &call.request));
    let asked = request.map(|request| format!("  {}", asked(request))).unwrap_or_default();
    let answer = call.and_then(|call| match &call.fate {
        Fate::Answered { response, settled_by, .. } => Some((response, settled_by)),
        Fate::Intended { .. } | Fate::Unsent => None,
    });
    let (tone, came) = match (trace.result.as_str(), answer) {
        ("sent", Some((response, _))) => (tone(response), format!("{} in {} ms", response.status, trace.took_ms)),
        ("journal", Some((response, None))) => (tone(response), format!("{} from the journal", response.status)),
        ("journal", Some((response, Some(who)))) => (tone(response), format!("{} from the journal, settled by {who}", response.status)),
        (result, _) => (Tone::Bad, format!("{result} after {} ms", trace.took_ms)),
    };
    let came = output.paint(tone, came);
    output.line(format_args!("    {:>+6} ms  {}{asked} → {came}", trace.at_ms, clean(&trace.step)))?;
    match &trace.request {
        Some(request) => body("asked instead", request.body.as_deref(), output),
        None => Ok(()),
    }
}

fn asked(request: &Request) -> String {
    let path = if request.path.is_empty() { String::new() } else { format!(" {}", request.path) };
    clean(&format!("{}{path} on {}", request.method, request.connection))
}

fn tone(response: &Response) -> Tone {
    match response.status {
        ..400 => Tone::Good,
        400..500 => Tone::Wait,
        _ => Tone::Bad,
    }
}

fn calls(calls: &[Call], output: &mut Output<'_>) -> Told {
    for call in calls {
        let title = output.paint(Tone::Strong, format_args!("call {}", call.step));
        output.line(format_args!(
            "  {title}  {}  sent {} by attempt {}",
            asked(&call.request),
            precise_time(call.sent_at),
            call.attempt
        ))?;
        headers(&call.request.headers, output)?;
        body("body", call.request.body.as_deref(), output)?;
        match &call.fate {
            Fate::Intended { lost } => {
                output.line(format_args!("    answer lost: {}", clean(lost.as_deref().unwrap_or("the host stopped before it came"))))?;
            }
            Fate::Unsent => output.line("    not applied; the next attempt sends it")?,
            Fate::Answered { at, response, .. } => {
                output.line(format_args!("    answered {} at {}", response.status, precise_time(*at)))?;
                headers(&response.headers, output)?;
                body("body", Some(&response.body), output)?;
            }
        }
    }
    Ok(())
}

fn headers(headers: &[(String, String)], output: &mut Output<'_>) -> Told {
    for (name, value) in headers {
        output.line(format_args!("      {}: {}", clean(name), clean(value)))?;
    }
    Ok(())
}

fn body(head: &str, bytes: Option<&[u8]>, output: &mut Output<'_>) -> Told {
    match bytes.filter(|bytes| !bytes.is_empty()) {
        None => Ok(()),
        Some(bytes) => Ok(output.line(format_args!("      {head}:\n{}", indented(&pretty(bytes), "        ")))?),
    }
}

/// JSON spread over lines, with its numbers and the order of its keys as sent; anything else as it is.
fn pretty(bytes: &[u8]) -> String {
    let json = serde_json::from_slice::<&serde_json::value::RawValue>(bytes).map(|raw| spread(raw.get()));
    clean(&json.unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned()))
}

/// Spreads valid JSON over lines without touching its values.
fn spread(json: &str) -> String {
    let mut spread = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    let mut characters = json.chars().peekable();
    while let Some(c) = characters.next() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            spread.push(c);
            continue;
        }
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' => {
                spread.push(c);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                // Nothing is spread where nothing is in it.
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => spread.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut spread, depth);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut spread, depth);
                spread.push(c);
            }
            ',' => {
                spread.push(c);
                new_line(&mut spread, depth);
            }
            ':' => spread.push_str(": "),
            _ => {
                in_string = c == '"';
                spread.push(c);
            }
        }
    }
    spread
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}")).collect::<Vec<_>>().join("\n")
}

/// A word that a shell takes as it is, whatever a plugin put into it.
fn for_shell(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn why(code: Option<&str>, reason: Option<&str>) -> Option<String> {
    match (code, reason) {
        (Some(code), Some(reason)) => Some(clean(&format!("{code}: {reason}"))),
        (Some(only), None) | (None, Some(only)) => Some(clean(only)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
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
            deliveries: vec![DeliveryStory { delivery, attempts, calls }],
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
        assert!(
            told.contains("ship  POST /shipments/other on erp → diverged: ship after 9 ms\n      asked instead:\n        {\n"),
            "{told}"
        );
        assert!(told.contains("call ship  POST /shipments on erp"), "{told}");
    }
}
