//! Spans: a callback that was stored, an attempt, a call. They hold ids and results, never bodies,
//! headers or queries.

use std::time::Duration;

use jiff::Timestamp;
use mortar_core::call::{Request, Response};
use mortar_core::code::ErrorCode;
use mortar_core::ports::{Accepted, Claim, SendError};
use mortar_core::story::Call;
use mortar_core::trace::{Span, SpanKind, TraceContext};

use crate::Ports;

/// The header by which the ERP is told of the trace.
const TRACEPARENT: &str = "traceparent";

/// Where in its trace an attempt is, and the callback above it; none where the trace is not kept.
pub(crate) fn of_attempt(ports: &Ports, claim: &Claim, plugin: &str) -> Option<(TraceContext, TraceContext)> {
    let event = &claim.event;
    let callback = ports.observer.trace(&event.source, &event.id)?;
    Some((callback.child(&format!("{} {plugin} {}", event.id, claim.attempt)), callback))
}

/// A request that tells of the trace, unless the plugin has one of its own.
pub(crate) fn carrying(request: &Request, context: TraceContext) -> Request {
    let mut request = request.clone();
    let own = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT));
    if request.method != Request::MAIL && !own {
        request.headers.push((TRACEPARENT.to_owned(), context.traceparent()));
    }
    request
}

/// A callback's span. One that brings nothing new is below the first.
pub(crate) fn callback(context: TraceContext, source: &str, received_at: Timestamp, took: Duration, stored: &Accepted) -> Span {
    let again = stored.stored == 0;
    Span {
        context: if again { context.child(&format!("again {received_at}")) } else { context },
        parent: again.then_some(context.span),
        name: format!("callback {source}"),
        kind: SpanKind::Server,
        started_at: received_at,
        took,
        attributes: vec![
            ("mortar.source", source.to_owned()),
            ("mortar.events.stored", stored.stored.to_string()),
            ("mortar.events.duplicate", stored.duplicates.to_string()),
        ],
        error: None,
    }
}

/// An attempt's span.
pub(crate) fn attempt(
    context: TraceContext,
    callback: TraceContext,
    claim: &Claim,
    plugin: &str,
    (started_at, took): (Timestamp, Duration),
    (result, code): (&str, Option<ErrorCode>),
) -> Span {
    let event = &claim.event;
    Span {
        context,
        parent: Some(callback.span),
        name: format!("{} {plugin}", event.event_type),
        kind: SpanKind::Internal,
        started_at,
        took,
        attributes: vec![
            ("mortar.source", event.source.to_string()),
            ("mortar.event.id", event.id.clone()),
            ("mortar.event.type", event.event_type.clone()),
            ("mortar.subject", event.subject.clone()),
            ("mortar.plugin", plugin.to_owned()),
            ("mortar.delivery", claim.lease.delivery.to_string()),
            ("mortar.attempt", claim.attempt.to_string()),
            ("mortar.result", result.to_owned()),
        ],
        error: code.map(|code| code.to_string()),
    }
}

/// A call's span.
pub(crate) fn call(context: TraceContext, attempt: TraceContext, call: &Call, took: Duration, sent: &Result<Response, SendError>) -> Span {
    let request = &call.request;
    let mut attributes = vec![
        ("mortar.connection", request.connection.clone()),
        ("mortar.step", call.step.clone()),
        ("http.request.method", request.method.clone()),
    ];
    let error = match sent {
        Ok(response) => {
            attributes.push(("http.response.status_code", response.status.to_string()));
            (response.status >= 400).then(|| response.status.to_string())
        }
        Err(SendError::Denied(_)) => Some(ErrorCode::CallDenied.to_string()),
        Err(SendError::TooLarge { .. }) => Some(ErrorCode::PluginLimit.to_string()),
        Err(SendError::NotSent { .. } | SendError::Lost(_)) => Some(ErrorCode::ErpUnavailable.to_string()),
    };
    Span {
        context,
        parent: Some(attempt.span),
        name: format!("{} {}", request.method, request.connection),
        kind: SpanKind::Client,
        started_at: call.sent_at,
        took,
        attributes,
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request { connection: "erp".into(), method: method.into(), path: "/orders".into(), headers, body: None }
    }

    #[test]
    fn a_request_tells_of_the_trace_unless_it_tells_of_one() {
        let context = TraceContext::of_callback("masonhub", "msg_1:0");
        let told = carrying(&request("POST", &[]), context);
        assert_eq!(told.headers, [("traceparent".to_owned(), context.traceparent())]);
        let own = request("POST", &[("Traceparent", "00-of-the-plugin")]);
        assert_eq!(carrying(&own, context), own);
        let mail = request(Request::MAIL, &[]);
        assert_eq!(carrying(&mail, context), mail);
    }
}
