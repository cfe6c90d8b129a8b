//! Callbacks that were set aside: quarantined and rejected ones.

use std::sync::Arc;

use axum::extract::State;
use mortar_core::story::{Quarantined, Rejected};
use mortar_pipeline::accept::Acceptance;
use mortar_pipeline::operate;

use super::Admin;
use super::cursor::place;
use super::error::Failure;
use super::extract::{Json, Path, Query};
use crate::admin_types::{Page, QuarantineQuery, ReadAgain, RejectedQuery, rows};

/// Callbacks in quarantine, newest first.
#[utoipa::path(
    get, path = "/api/quarantine", operation_id = "set_aside_quarantined", tag = "set aside",
    params(QuarantineQuery),
    responses((status = 200, description = "Done.", body = Page<Quarantined>), Failure),
)]
pub(super) async fn quarantined(
    State(admin): State<Arc<Admin>>,
    Query(query): Query<QuarantineQuery>,
) -> Result<Json<Page<Quarantined>>, Failure> {
    let (before, limit) = (place(query.cursor.as_ref())?, rows(query.limit));
    let found = admin.ports.journal.quarantined(query.released, before, limit + 1).await?;
    Ok(Json(Page::of(found, limit, |last| last.id.to_string())))
}

/// One callback in quarantine, with its body.
#[utoipa::path(
    get, path = "/api/quarantine/{id}", operation_id = "set_aside_quarantined_one", tag = "set aside",
    params(("id" = u64, Path, description = "Its number.")),
    responses((status = 200, description = "Done.", body = Quarantined), Failure),
)]
pub(super) async fn quarantined_one(State(admin): State<Arc<Admin>>, Path(id): Path<u64>) -> Result<Json<Quarantined>, Failure> {
    let found = admin.ports.journal.quarantined_callback(id).await?;
    let (shown, _) = found.ok_or_else(|| Failure::not_found(format!("there is no quarantined callback {id}")))?;
    Ok(Json(shown))
}

/// Reads a quarantined callback again.
#[utoipa::path(
    post, path = "/api/quarantine/{id}/replay", operation_id = "set_aside_replay", tag = "set aside",
    params(("id" = u64, Path, description = "Its number.")),
    responses((status = 200, description = "Done.", body = ReadAgain), Failure),
)]
pub(super) async fn replay(State(admin): State<Arc<Admin>>, Path(id): Path<u64>) -> Result<Json<ReadAgain>, Failure> {
    tracing::info!(id, "an operator replays a quarantined callback");
    operate::replay_quarantined(&admin.ports, &admin.plugins, id).await.map(read_again).map_err(Failure::from)
}

/// The sample of rejected callbacks, newest first.
#[utoipa::path(
    get, path = "/api/rejected", operation_id = "set_aside_rejected", tag = "set aside",
    params(RejectedQuery),
    responses((status = 200, description = "Done.", body = Page<Rejected>), Failure),
)]
pub(super) async fn rejected(State(admin): State<Arc<Admin>>, Query(query): Query<RejectedQuery>) -> Result<Json<Page<Rejected>>, Failure> {
    let (before, limit) = (place(query.cursor.as_ref())?, rows(query.limit));
    let found = admin.ports.journal.rejected(before, limit + 1).await?;
    Ok(Json(Page::of(found, limit, |last| last.id.to_string())))
}

/// Takes a rejected callback for genuine.
#[utoipa::path(
    post, path = "/api/rejected/{id}/admit", operation_id = "set_aside_admit", tag = "set aside",
    params(("id" = u64, Path, description = "Its number.")),
    responses((status = 200, description = "Done.", body = ReadAgain), Failure),
)]
pub(super) async fn admit(State(admin): State<Arc<Admin>>, Path(id): Path<u64>) -> Result<Json<ReadAgain>, Failure> {
    tracing::info!(id, "an operator admits a rejected callback");
    operate::admit_rejected(&admin.ports, &admin.plugins, id).await.map(read_again).map_err(Failure::from)
}

fn read_again(acceptance: Acceptance) -> Json<ReadAgain> {
    let Acceptance { stored, duplicates, unreadable, .. } = acceptance;
    Json(ReadAgain { stored, duplicates, unreadable })
}
