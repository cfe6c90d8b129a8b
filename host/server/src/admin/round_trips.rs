//! Round trips: what the ERP said when it was read back.

use std::sync::Arc;

use axum::extract::State;
use mortar_core::ports::LookAt;
use mortar_core::story::RoundTripSummary;

use super::Admin;
use super::cursor::place;
use super::error::Failure;
use super::extract::{Json, Query};
use crate::admin_types::{LookAgain, LookedAgain, Page, PluginRoundTrips, RoundTripQuery, RoundTripReport, Since, rows};

/// Round trips in a state, newest event first.
#[utoipa::path(
    get, path = "/api/round-trips", operation_id = "round_trips_list", tag = "round trips",
    params(RoundTripQuery),
    responses((status = 200, description = "Done.", body = Page<RoundTripSummary>), Failure),
)]
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Query(query): Query<RoundTripQuery>,
) -> Result<Json<Page<RoundTripSummary>>, Failure> {
    let (before, limit) = (place(query.cursor.as_ref())?, rows(query.limit));
    let found = admin.round_trips.round_trips(query.state, before, limit + 1).await?;
    Ok(Json(Page::of(found, limit, |last| last.delivery.to_string())))
}

/// How many round trips are in which state.
#[utoipa::path(
    get, path = "/api/round-trips/report", operation_id = "round_trips_report", tag = "round trips",
    params(Since),
    responses((status = 200, description = "Done.", body = RoundTripReport), Failure),
)]
pub(super) async fn report(State(admin): State<Arc<Admin>>, Query(since): Query<Since>) -> Result<Json<RoundTripReport>, Failure> {
    let mut plugins: Vec<PluginRoundTrips> = Vec::new();
    for counted in admin.round_trips.report(since.since).await? {
        if plugins.last().is_none_or(|last| last.plugin != counted.plugin) {
            let loaded = admin.plugins.now();
            let reads_back = loaded.iter().any(|n| n.plugin.name == counted.plugin && n.plugin.round_trip);
            plugins.push(PluginRoundTrips { plugin: counted.plugin, reads_back, ..PluginRoundTrips::default() });
        }
        if let Some(last) = plugins.last_mut() {
            last.add(counted.state, counted.count);
        }
    }
    Ok(Json(RoundTripReport { since: since.since, plugins }))
}

/// Has the ERP read back.
#[utoipa::path(
    post, path = "/api/round-trips/check", operation_id = "round_trips_look_again", tag = "round trips",
    request_body = LookAgain,
    responses((status = 200, description = "Done.", body = LookedAgain), Failure),
)]
pub(super) async fn look_again(State(admin): State<Arc<Admin>>, Json(request): Json<LookAgain>) -> Result<Json<LookedAgain>, Failure> {
    tracing::info!(?request, "an operator has the ERP read back");
    let now = admin.ports.clock.now();
    let (since, plugin) = match request {
        LookAgain::Delivery { delivery } => {
            let marked = admin.round_trips.look_again(LookAt::One(delivery), now).await?.marked;
            return Ok(Json(LookedAgain { marked }));
        }
        LookAgain::Since { since, plugin } => (since, plugin),
    };
    let loaded = admin.plugins.now();
    let reading = loaded.iter().filter(|n| n.plugin.round_trip && plugin.as_ref().is_none_or(|name| n.plugin.name == *name));
    let plugins: Vec<_> = reading.map(|n| n.no).collect();
    if plugins.is_empty() {
        let which = plugin.map_or_else(|| "no loaded plugin".to_owned(), |name| format!("no loaded plugin of the name `{name}`"));
        return Err(Failure::bad_request(format!("{which} exports `round-trip`, so none can read back what arrived")));
    }
    let (mut marked, mut from) = (0, None);
    loop {
        let step = admin.round_trips.look_again(LookAt::Since { since, plugins: plugins.clone(), from }, now).await?;
        marked += step.marked;
        from = step.next;
        if from.is_none() {
            return Ok(Json(LookedAgain { marked }));
        }
    }
}
