//! One trace from a callback to the calls that it led to, as a collector receives it.

use mortar_core::delivery::State;
use mortar_tests::catcher::Catcher;
use mortar_tests::{Host, Setup, fixtures};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;

const SLOW: &str = "[delivery.retry]\nfirst_delay = \"2s\"\nlongest_delay = \"2s\"\nattempts = 10\n";

fn traced(collector: &Catcher, share: &str) -> String {
    format!(
        "[traces]\nurl = \"http://{}\"\nshare = {share}\nservice = \"shop\"\nprivate_addresses = true\n\
         auth = {{ kind = \"bearer\", token = {{ file = \"collector\" }} }}\n",
        collector.address
    )
}

/// A host whose plugin makes one call to an ERP that keeps what it is sent.
async fn host(traces: &str, erp: &Catcher) -> Host {
    let setup = Setup::new().config(SLOW).config(traces).file("collector", "let-me-in");
    setup.connection("erp", &format!("http://{}", erp.address), "").misbehaving("call", "").start().await
}

/// Every span that came, and the service that each is of.
fn spans(collector: &Catcher) -> Vec<Span> {
    let requests = collector.caught().into_iter().map(|caught| {
        assert_eq!(caught.headers["authorization"], "Bearer let-me-in");
        ExportTraceServiceRequest::decode(caught.body).unwrap()
    });
    let resources = requests.flat_map(|request| request.resource_spans);
    let named = resources.inspect(|spans| {
        let attributes = &spans.resource.as_ref().unwrap().attributes;
        assert!(format!("{attributes:?}").contains("\"shop\""), "{attributes:?}");
    });
    named.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    let value = found.and_then(|found| found.value.clone()?.value);
    match value {
        Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text)) => text,
        other => panic!("{key} of {span:#?}: {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn one_trace_leads_from_the_callback_to_each_call_over_a_restart() {
    let (collector, erp) = (Catcher::start().await, Catcher::start().await);
    erp.put_off(1);
    let mut host = host(&traced(&collector, "1.0"), &erp).await;
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let event = fixtures::event_id(&callback);
    host.when(&event, |story| story.deliveries[0].attempts.len() == 1).await;
    assert!(host.terminate().await.success());
    host.restart().await;
    host.until(&event, State::Done).await;
    assert!(host.terminate().await.success());

    let spans = spans(&collector);
    let of = |kind: SpanKind| spans.iter().filter(|span| span.kind() == kind).collect::<Vec<_>>();
    let ([received], attempts, calls) = (&of(SpanKind::Server)[..], of(SpanKind::Internal), of(SpanKind::Client)) else {
        panic!("{spans:#?}")
    };
    assert!(spans.iter().all(|span| span.trace_id == received.trace_id), "{spans:#?}");
    assert_eq!((received.parent_span_id.len(), received.name.as_str()), (0, "callback masonhub"));
    let results: Vec<_> = attempts.iter().map(|span| (attribute(span, "mortar.attempt"), attribute(span, "mortar.result"))).collect();
    assert_eq!(results, [("1".into(), "waiting".into()), ("2".into(), "done".into())]);
    assert!(attempts.iter().all(|span| span.parent_span_id == received.span_id && attribute(span, "mortar.event.id") == event));
    assert_eq!(attribute(attempts[0], "error.type"), "erp.unavailable");
    let parents: Vec<_> = calls.iter().map(|span| &span.parent_span_id).collect();
    assert_eq!(parents, [&attempts[0].span_id, &attempts[1].span_id]);
    assert_eq!(attribute(calls[1], "http.response.status_code"), "204");
    // The ERP was told of exactly this.
    let told = erp.caught().remove(0).headers["traceparent"].to_str().unwrap().to_owned();
    assert_eq!(told, format!("00-{}-{}-01", hex(&calls[1].trace_id), hex(&calls[1].span_id)));
}

#[tokio::test]
async fn what_is_not_traced_sends_nothing_anywhere() {
    for traces in [String::new(), traced(&Catcher::start().await, "0.0")] {
        let erp = Catcher::start().await;
        let host = host(&traces, &erp).await;
        let callback = fixtures::about("order.created", "SO-1");
        host.send(&callback).await;
        host.until(&fixtures::event_id(&callback), State::Done).await;
        assert!(!erp.caught().remove(0).headers.contains_key("traceparent"));
    }
}

#[tokio::test]
async fn a_collector_that_is_away_holds_nothing_up() {
    let (collector, erp) = (Catcher::start().await, Catcher::start().await);
    collector.put_off(u32::MAX);
    let mut host = host(&traced(&collector, "1.0"), &erp).await;
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    host.until(&fixtures::event_id(&callback), State::Done).await;
    host.logged("traces cannot be sent").await;
    assert!(host.terminate().await.success());
}
