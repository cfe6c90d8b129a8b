//! Events and what is done to their deliveries.

use std::sync::Arc;

use axum::extract::State;
use mortar_core::delivery::{DeliveryId, State as DeliveryState};
use mortar_core::ports::{Filter, Intervention};
use mortar_core::story::{DeliverySummary, EventPage, EventStory, EventSummary};

use super::Admin;
use super::cursor::place;
use super::error::Failure;
use super::extract::{Json, Path, Query};
use crate::admin_types::{Discard, EventQuery, Page, ReplayRequest, Settle, rows};

/// Events, newest first.
#[utoipa::path(
    get, path = "/api/events", operation_id = "events_list", tag = "events",
    params(EventQuery),
    responses((status = 200, description = "Done.", body = Page<EventSummary>), Failure),
)]
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Query(mut query): Query<EventQuery>,
) -> Result<Json<Page<EventSummary>>, Failure> {
    if let Some(place) = place(query.cursor.as_ref())? {
        *(if query.after.is_some() { &mut query.after } else { &mut query.before }) = Some(place);
    }
    if [query.before, query.after].into_iter().flatten().any(|place| i64::try_from(place).is_err()) {
        return Err(Failure::bad_request("there is no such place in the journal: it is the `seq` of an event"));
    }
    let limit = rows(query.limit);
    let EventPage { mut events, next } = admin.ports.journal.page(Filter { limit: limit + 1, ..query.into() }).await?;
    events.iter_mut().flat_map(|event| &mut event.deliveries).for_each(|delivery| park(&admin, delivery));
    // One that is not full goes on where it stopped to look.
    let page = Page::of(events, limit, |last| last.seq.to_string());
    Ok(Json(Page { next: page.next.or(next.map(|place| place.to_string())), ..page }))
}

/// The whole story of an event.
#[utoipa::path(
    get, path = "/api/events/{event}", operation_id = "events_show", tag = "events",
    params(("event" = String, Path, description = "Its id, or its place in the journal.")),
    responses((status = 200, description = "Done.", body = EventStory), Failure),
)]
pub(super) async fn show(State(admin): State<Arc<Admin>>, Path(event): Path<String>) -> Result<Json<EventStory>, Failure> {
    let mut story = admin.ports.journal.story(event.clone()).await?;
    for told in story.iter_mut() {
        told.event.deliveries.iter_mut().chain(told.deliveries.iter_mut().map(|d| &mut d.delivery)).for_each(|d| park(&admin, d));
    }
    story.map(Json).ok_or_else(|| Failure::not_found(format!("there is no event `{event}`; `mortar event list` shows what is there")))
}

/// Runs a delivery again.
#[utoipa::path(
    post, path = "/api/deliveries/{delivery}/replay", operation_id = "events_replay", tag = "events",
    params(("delivery" = DeliveryId, Path, description = "The delivery.")),
    request_body = Option<ReplayRequest>,
    responses((status = 200, description = "Done."), Failure),
)]
pub(super) async fn replay(
    State(admin): State<Arc<Admin>>,
    Path(delivery): Path<String>,
    request: Option<Json<ReplayRequest>>,
) -> Result<(), Failure> {
    let request = request.map_or_else(ReplayRequest::default, |Json(request)| request);
    intervene(&admin, &delivery, Intervention::Replay(request.steps)).await
}

/// Gives a delivery up.
#[utoipa::path(
    post, path = "/api/deliveries/{delivery}/discard", operation_id = "events_discard", tag = "events",
    params(("delivery" = DeliveryId, Path, description = "The delivery.")),
    request_body = Discard,
    responses((status = 200, description = "Done."), Failure),
)]
pub(super) async fn discard(
    State(admin): State<Arc<Admin>>,
    Path(delivery): Path<String>,
    Json(discard): Json<Discard>,
) -> Result<(), Failure> {
    intervene(&admin, &delivery, Intervention::Discard { reason: discard.reason }).await
}

/// Says what became of a step that is in doubt.
#[utoipa::path(
    post, path = "/api/deliveries/{delivery}/settle", operation_id = "events_settle", tag = "events",
    params(("delivery" = DeliveryId, Path, description = "The delivery.")),
    request_body = Settle,
    responses((status = 200, description = "Done."), Failure),
)]
pub(super) async fn settle(
    State(admin): State<Arc<Admin>>,
    Path(delivery): Path<String>,
    Json(settle): Json<Settle>,
) -> Result<(), Failure> {
    intervene(&admin, &delivery, Intervention::Settle { step: settle.step, settlement: settle.settlement }).await
}

/// Says of an open delivery whether it waits for its plugin to come back.
fn park(admin: &Admin, delivery: &mut DeliverySummary) {
    let runs = || admin.plugins.get(&delivery.plugin).is_some_and(|numbered| !numbered.parked);
    delivery.parked = delivery.state.is_open() && delivery.state != DeliveryState::Running && !runs();
}

async fn intervene(admin: &Admin, delivery: &str, intervention: Intervention) -> Result<(), Failure> {
    let delivery: DeliveryId = delivery.parse().map_err(|e| Failure::bad_request(format!("{e}")))?;
    tracing::info!(%delivery, ?intervention, "an operator intervenes");
    admin.ports.journal.intervene(delivery, intervention, admin.ports.clock.now()).await?;
    Ok(())
}
