//! Traces, to an OpenTelemetry collector: OTLP over HTTP, in batches, beside everything else. What a
//! collector does not take is lost, and nothing waits for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mortar_connect::Connections;
use mortar_core::call;
use mortar_core::config::Problem;
use mortar_core::ports::{Clock, Connector, Observer};
use mortar_core::trace::{Span, SpanKind, TraceContext};
use opentelemetry::trace::{SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor};
use tokio::runtime::Handle;

use crate::config::Loaded;

/// The connection that traces go through.
const CONNECTION: &str = "traces";

/// Spans that wait to be sent; more are lost.
const WAITING: usize = 4096;

/// How long spans are gathered.
const GATHER: Duration = Duration::from_secs(2);

/// How long a stop waits for the last spans.
const LAST: Duration = Duration::from_secs(5);

/// Sends the spans of a share of all traces.
pub struct Traces {
    share: f64,
    scope: InstrumentationScope,
    processor: BatchSpanProcessor,
}

impl Traces {
    /// What sends traces, where the configuration says to where.
    ///
    /// # Errors
    /// What cannot be used, by its key in the configuration.
    pub fn of(loaded: &Loaded, clock: &Arc<dyn Clock>, observer: &Arc<dyn Observer>) -> Result<Option<Self>, Vec<Problem>> {
        let config = &loaded.config.traces;
        let Some(connection) = config.connection() else { return Ok(None) };
        let only = BTreeMap::from([(CONNECTION.to_owned(), connection)]);
        let connections = Connections::new(&only, loaded, clock.clone(), observer.clone()).map_err(|problems| {
            let problem = |problem: &mortar_connect::ConnectError| Problem {
                key: format!("{CONNECTION}.{}", problem.key),
                message: problem.reason.clone(),
            };
            problems.iter().map(problem).collect::<Vec<_>>()
        })?;
        let way = Way { connections: Arc::new(connections), runtime: Handle::current(), failing: AtomicBool::new(false) };
        // Only the path counts: the connection knows the server.
        let exporter = SpanExporter::builder().with_http().with_http_client(way).with_endpoint("http://collector/v1/traces").build();
        let exporter = exporter.map_err(|error| vec![Problem { key: "traces.url".into(), message: error.to_string() }])?;
        let batches = BatchConfigBuilder::default().with_max_queue_size(WAITING).with_scheduled_delay(GATHER).build();
        let mut processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let resource = Resource::builder_empty()
            .with_service_name(config.service.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        processor.set_resource(&resource);
        let scope = InstrumentationScope::builder("mortar").with_version(env!("CARGO_PKG_VERSION")).build();
        Ok(Some(Self { share: config.share, scope, processor }))
    }

    /// The span of a callback, where its trace is kept.
    pub(super) fn trace(&self, source: &str, event_id: &str) -> Option<TraceContext> {
        Some(TraceContext::of_callback(source, event_id)).filter(|context| context.is_sampled(self.share))
    }

    pub(super) fn span(&self, span: Span) {
        self.processor.on_end(data(span, self.scope.clone()));
    }

    /// Sends what waits. Blocks, while the runtime goes on.
    pub(super) fn stop(&self) {
        if let Err(error) = self.processor.shutdown_with_timeout(LAST) {
            tracing::warn!(%error, "the last traces may not have been sent");
        }
    }
}

fn data(span: Span, scope: InstrumentationScope) -> SpanData {
    let start_time = SystemTime::UNIX_EPOCH + Duration::try_from(span.started_at.as_duration()).unwrap_or_default();
    let mut attributes: Vec<_> = span.attributes.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
    attributes.extend(span.error.clone().map(|code| KeyValue::new("error.type", code)));
    let context = |context: TraceContext| {
        let (trace, span) = (TraceId::from_bytes(context.trace), SpanId::from_bytes(context.span));
        SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
    };
    SpanData {
        span_context: context(span.context),
        parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
        parent_span_is_remote: false,
        span_kind: match span.kind {
            SpanKind::Server => opentelemetry::trace::SpanKind::Server,
            SpanKind::Internal => opentelemetry::trace::SpanKind::Internal,
            SpanKind::Client => opentelemetry::trace::SpanKind::Client,
        },
        name: span.name.into(),
        start_time,
        end_time: start_time + span.took,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope,
    }
}

/// The way to the collector: a connection like any other, with its credentials, limits and breaker.
struct Way {
    connections: Arc<Connections>,
    /// Batches are sent by a thread of their own, connections live on the runtime.
    runtime: Handle,
    failing: AtomicBool,
}

impl Way {
    /// Says once that spans are lost, and once that they are not any more.
    fn note(&self, fault: Option<&str>) {
        let was = self.failing.swap(fault.is_some(), Ordering::Relaxed);
        match fault {
            Some(fault) if !was => tracing::warn!(fault, "traces cannot be sent: they are lost until the collector takes them again"),
            None if was => tracing::info!("traces are sent again"),
            _ => {}
        }
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Way").field(&self.connections).finish()
    }
}

#[async_trait::async_trait]
impl HttpClient for Way {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
        // The rest of what the exporter says of itself belongs to the connection.
        let headers = ["content-type", "content-encoding"];
        let headers = headers.into_iter().filter_map(|name| Some((name.to_owned(), text(request.headers().get(name)?)?))).collect();
        let request = call::Request {
            connection: CONNECTION.to_owned(),
            method: "POST".to_owned(),
            path: request.uri().path().to_owned(),
            headers,
            body: Some(request.into_body().to_vec()),
        };
        let connections = self.connections.clone();
        let sent = self.runtime.spawn(async move { connections.send(&request, "").await }).await?;
        let fault = match &sent {
            Ok(answer) if answer.status < 300 => None,
            Ok(answer) => Some(format!("the collector answered {}", answer.status)),
            Err(error) => Some(error.to_string()),
        };
        self.note(fault.as_deref());
        let answer = sent.map_err(|error| error.to_string())?;
        Ok(Response::builder().status(answer.status).body(Bytes::from(answer.body))?)
    }
}
