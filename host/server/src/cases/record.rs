//! A case is made of a real delivery: what came in, what the ERP answered, and the calls that were made.

use std::fmt::Write as _;

use mortar_core::code::ErrorCode;
use mortar_core::delivery::State;
use mortar_core::event::{COUNT, Family};
use mortar_core::masonhub;
use mortar_core::story::{Call, DeliveryStory, EventStory, Fate};
use serde_json::value::RawValue;

use super::judge::Made;
use super::mask::Mask;
use super::write::{body_text, expectation, quoted};

/// The message of a callback that is made of one event.
const MESSAGE: &str = "recorded";

/// Headers of answers that plugins look at. Others are left out: some are secrets, and most are noise.
const HEADERS: [&str; 4] = ["content-type", "location", "retry-after", "etag"];

/// The callback that would bring this event alone.
///
/// # Errors
/// It is of a type that no callback of the contract has.
pub fn callback(event_type: &str, message: &str, payload: &str) -> Result<Vec<u8>, String> {
    let message_type = match (Family::of(event_type), event_type) {
        (Some(Family::OrderEvents), _) => "orderEvent",
        (Some(Family::OrderResolutions), "order.cancel_resolved") => "orderCancelResolution",
        (Some(Family::OrderResolutions), _) => "orderUpdateResolution",
        (Some(Family::InboundShipmentEvents), _) => "inboundShipmentEvent",
        (Some(Family::InventoryEvents), COUNT) => "skuInventoryChange",
        (Some(Family::InventoryEvents), _) => "snapshotReady",
        (Some(Family::ReturnEvents), _) => "rmaEvent",
        (None, _) => return Err(format!("no callback of the contract has an event of type `{event_type}`")),
    };
    let record: &RawValue = serde_json::from_str(payload).map_err(|error| format!("the event's record: {error}"))?;
    let body = serde_json::json!({ "message_type": message_type, "message_id": message, "data": [record] });
    let body = serde_json::to_vec(&body).map_err(|error| error.to_string())?;
    // A record that says its type itself came without an envelope.
    let same = masonhub::read(&body).events.first().is_some_and(|event| *event.event_type == *event_type);
    Ok(if same { body } else { payload.as_bytes().to_vec() })
}

/// The text of a case, without secrets and personal data.
///
/// # Errors
/// The delivery is not over, or what is known of it makes no case.
pub fn case(story: &EventStory, delivery: &DeliveryStory) -> Result<(String, usize), String> {
    let summary = &delivery.delivery;
    if !matches!(summary.state, State::Done | State::Ignored | State::Dead) {
        return Err(format!("delivery {} is {}: only one that is done, ignored or dead makes a case", summary.id, summary.state));
    }
    let mut mask = Mask::default();
    mask.learn(story.payload.as_bytes());
    for call in &delivery.calls {
        mask.learn(call.request.body.as_deref().unwrap_or_default());
        if let Fate::Answered { response, .. } = &call.fate {
            mask.learn(&response.body);
        }
    }
    let masked = mask.count();
    mask.rename(&story.event.id, &format!("{MESSAGE}:0"));

    let event = &story.event;
    let payload = String::from_utf8_lossy(&mask.body(story.payload.as_bytes())).into_owned();
    let body = callback(&event.event_type, MESSAGE, &payload)?;
    let mut text = format!("# {}, recorded of a delivery to {}.\n", event.event_type, summary.plugin);
    let _ = writeln!(text, "source = {}\nreceived_at = {}", quoted(&event.source), quoted(&event.received_at.to_string()));
    let _ = writeln!(text, "body = {}\n\n[answers]", body_text(&body));
    delivery.calls.iter().for_each(|call| answer(call, &mask, &mut text));

    let mut made = Made::of(delivery, Vec::new());
    made.attempts = 1;
    if made.run.end.code == Some(ErrorCode::AttemptsExhausted) {
        return Err(format!("delivery {} ran out of attempts: what it met is not all recorded", summary.id));
    }
    for call in &mut made.run.calls {
        call.step = mask.text(&call.step);
        call.request.path = mask.text(&call.request.path);
        call.request.body = call.request.body.as_ref().map(|body| mask.body(body));
    }
    made.run.end.reason = made.run.end.reason.map(|reason| mask.text(&reason));
    let _ = write!(text, "\n{}", expectation(&made));
    Ok((text, masked))
}

fn answer(call: &Call, mask: &Mask, text: &mut String) {
    let step = quoted(&mask.text(&call.step));
    let _ = match &call.fate {
        Fate::Answered { response, .. } => {
            let headers = response.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str()));
            let headers: Vec<_> = headers.map(|(name, value)| format!("{name} = {}", quoted(&mask.text(value)))).collect();
            let body = quoted(&String::from_utf8_lossy(&mask.body(&response.body)));
            writeln!(text, "{step} = {{ status = {}, headers = {{ {} }}, body = {body} }}", response.status, headers.join(", "))
        }
        Fate::Intended { .. } => writeln!(text, "{step} = \"lost\""),
        Fate::Unsent => writeln!(text, "{step} = \"unavailable\""),
    };
}

#[cfg(test)]
mod tests {
    use mortar_simulator::samples;

    use super::*;

    #[test]
    fn an_event_alone_makes_a_callback_that_brings_it_again() {
        let types = samples::names().filter(|name| Family::of(name).is_some());
        for name in types {
            let body = samples::stored(name).unwrap().as_bytes();
            for event in masonhub::read(body).events {
                let payload = std::str::from_utf8(&body[event.record.clone()]).unwrap();
                let again = callback(&event.event_type, "m", payload).unwrap();
                let again = masonhub::read(&again).events.remove(0);
                assert_eq!((again.event_type, again.subject), (event.event_type, event.subject), "{name}");
            }
        }
        assert!(callback("weather.changed", "m", "{}").is_err());
    }
}
