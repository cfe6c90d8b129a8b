//! The story of an event and its deliveries, told for people.

use mortar_core::call::{Request, Response};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{Gap, State};
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::{Attempt, Call, CallbackStory, DeliveryStory, EventStory, Fate, Trace};

use super::exit::Failure;
use super::output::{Output, Tone, clean, counted, precise_time, time};
use super::roundtrip;
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
    if delivery.parked {
        output.line(format_args!(
            "  parked: plugin {} is gone from the plugin directory; it goes on when that is back",
            clean(&delivery.plugin)
        ))?;
    }
    if let Some(dead) = delivery.held_by {
        output.line(format_args!(
            "  held by dead letter {dead} of the same subject: replay, settle or discard that one; see `mortar dead show {dead}`"
        ))?;
    }
    match delivery.gap {
        Gap::Skip => {}
        Gap::Hold => output
            .line("  later deliveries of its subject wait for it (gap = \"hold\"), until it is replayed to an end, settled or discarded")?,
        Gap::Supersede => output.line("  the next delivery of its subject that is done takes its place (gap = \"supersede\")")?,
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
    if let Some(known) = &story.round_trip {
        let (state, words) = roundtrip::words(known);
        let when = if state == RoundTripState::Due { "due" } else { "at" };
        let state = output.paint(roundtrip::tone(state), state);
        output.line(format_args!("  round trip: {state}{} ({when} {})", clean(&words), time(known.at)))?;
        for line in &known.log {
            output.line(format_args!("    {}: {}", clean(&line.level), clean(&line.message)))?;
        }
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
    match (&trace.request, call) {
        (Some(now), Some(call)) if call.request != *now => compare(call, now, output),
        (Some(request), _) => body("asked", request.body.as_deref(), output),
        (None, _) => Ok(()),
    }
}

/// The widest line of a request that still leaves room for another one beside it.
const BESIDE: usize = 60;

/// The request that the journal holds and the one that a later attempt made under the same step,
/// side by side, or one below the other where they are wide.
fn compare(call: &Call, now: &Request, output: &mut Output<'_>) -> Told {
    let mut then = lines(&call.request, format!("sent by attempt {}:", call.attempt));
    let mut now = lines(now, "asked here:".into());
    let width = then.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    if width > BESIDE {
        return Ok(then.iter().chain(&now).try_for_each(|line| output.line(format_args!("      {line}")))?);
    }
    let rows = then.len().max(now.len());
    then.resize(rows, String::new());
    now.resize(rows, String::new());
    for (row, (then, now)) in then.iter().zip(&now).enumerate() {
        let differs = if row > 0 && then != now { '≠' } else { ' ' };
        output.line(format!("      {then:<width$}  {differs} {now}").trim_end())?;
    }
    Ok(())
}

fn lines(request: &Request, head: String) -> Vec<String> {
    let headers = request.headers.iter().map(|(name, value)| clean(&format!("{name}: {value}")));
    let body = request.body.as_deref().map(pretty).unwrap_or_default();
    [head, asked(request)].into_iter().chain(headers).chain(body.lines().map(str::to_owned)).collect()
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
mod tests;
