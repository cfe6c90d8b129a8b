//! Events and what is done to their deliveries.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use mortar_core::delivery::{DeliveryId, State as DeliveryState};
use mortar_core::ports::{Filter, Intervention};
use mortar_core::story::{DeliverySummary, EventPage, EventStory, EventSummary};

use super::Admin;
use super::error::Failure;
use crate::admin_types::{Discard, EventQuery, ReplayRequest, Settle};

pub(super) async fn list(State(admin): State<Arc<Admin>>, Query(query): Query<EventQuery>) -> Result<Json<Vec<EventSummary>>, Failure> {
    let mut events = admin.ports.journal.events(query.into()).await?;
    events.iter_mut().flat_map(|event| &mut event.deliveries).for_each(|delivery| park(&admin, delivery));
    Ok(Json(events))
}

/// Events that one answer of a page looks through.
const LOOK: usize = 5000;

/// A part of the list, whatever is asked for: it does not look further than that.
pub(super) async fn page(State(admin): State<Arc<Admin>>, Query(query): Query<EventQuery>) -> Result<Json<EventPage>, Failure> {
    let mut page = admin.ports.journal.page(Filter { look: LOOK, ..query.into() }).await?;
    page.events.iter_mut().flat_map(|event| &mut event.deliveries).for_each(|delivery| park(&admin, delivery));
    Ok(Json(page))
}

pub(super) async fn show(State(admin): State<Arc<Admin>>, Path(event): Path<String>) -> Result<Json<EventStory>, Failure> {
    let mut story = admin.ports.journal.story(event.clone()).await?;
    for told in story.iter_mut() {
        told.event.deliveries.iter_mut().chain(told.deliveries.iter_mut().map(|d| &mut d.delivery)).for_each(|d| park(&admin, d));
    }
    story.map(Json).ok_or_else(|| Failure::not_found(format!("there is no event `{event}`; `mortar event list` shows what is there")))
}

pub(super) async fn replay(
    State(admin): State<Arc<Admin>>,
    Path(delivery): Path<String>,
    request: Option<Json<ReplayRequest>>,
) -> Result<(), Failure> {
    let Json(request) = request.unwrap_or_default();
    intervene(&admin, &delivery, Intervention::Replay(request.steps)).await
}

pub(super) async fn discard(
    State(admin): State<Arc<Admin>>,
    Path(delivery): Path<String>,
    Json(discard): Json<Discard>,
) -> Result<(), Failure> {
    intervene(&admin, &delivery, Intervention::Discard { reason: discard.reason }).await
}

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
