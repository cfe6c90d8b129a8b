//! Generations that are not in force: compared with the one that is, or put in its place.

use std::path::Path as File;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use mortar_core::diff::Compared;
use mortar_pipeline::swap::{Side, Trial, Tried};

use super::Admin;
use super::error::Failure;
use super::extract::{Json, Path};
use crate::admin_types::{DiffSide, PluginDiff, PluginDifferences, RolledBack, StartShadow, rows};

/// How long a comparison that was asked for may take.
const TIME: Duration = Duration::from_secs(300);

/// Calls of a delivery that are told.
const CALLS: usize = 200;

/// Compares two generations on recorded deliveries.
#[utoipa::path(
    post, path = "/api/plugins/{name}/diff", operation_id = "candidates_diff", tag = "candidates",
    params(("name" = String, Path, description = "Its name.")),
    request_body = PluginDiff,
    responses((status = 200, description = "Done.", body = PluginDifferences), Failure),
)]
pub(super) async fn diff(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
    Json(request): Json<PluginDiff>,
) -> Result<Json<PluginDifferences>, Failure> {
    let PluginDiff { old, new, events, last } = request;
    let trial = Trial { old: side(old)?, new: side(new)?, events, last: rows(last), time: TIME };
    let Tried { old, new, compared, skipped } = admin.swaps.compare_generations(&name, &trial).await?;
    let compared = compared.into_iter().map(|one| Compared { diff: one.diff.pruned(CALLS), ..one }).collect();
    Ok(Json(PluginDifferences { old, new, compared, skipped }))
}

/// Puts the generation in force that the gate holds back.
#[utoipa::path(
    post, path = "/api/plugins/{name}/promote", operation_id = "candidates_promote", tag = "candidates",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "Done.", body = RolledBack), Failure),
)]
pub(super) async fn promote(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Result<Json<RolledBack>, Failure> {
    tracing::info!(plugin = name, "an operator puts the generation in force that the gate holds back");
    let digest = admin.swaps.promote(&name).await?;
    Ok(Json(RolledBack { digest }))
}

/// Has a candidate run beside the generation in force.
#[utoipa::path(
    post, path = "/api/plugins/{name}/shadow/start", operation_id = "candidates_start", tag = "candidates",
    params(("name" = String, Path, description = "Its name.")),
    request_body = StartShadow,
    responses((status = 200, description = "Done.", body = RolledBack), Failure),
)]
pub(super) async fn start(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
    Json(request): Json<StartShadow>,
) -> Result<Json<RolledBack>, Failure> {
    absolute(&request.file)?;
    let digest = admin.swaps.start_shadow(&name, &request.file).await?;
    Ok(Json(RolledBack { digest }))
}

/// Ends what runs beside the generation in force.
#[utoipa::path(
    post, path = "/api/plugins/{name}/shadow/stop", operation_id = "candidates_stop", tag = "candidates",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "Done."), Failure),
)]
pub(super) async fn stop(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Result<(), Failure> {
    tracing::info!(plugin = name, "an operator ends what runs beside the generation in force");
    Ok(admin.swaps.stop_shadow(&name).await?)
}

/// Puts the candidate in force.
#[utoipa::path(
    post, path = "/api/plugins/{name}/shadow/promote", operation_id = "candidates_promote_shadow", tag = "candidates",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "Done.", body = RolledBack), Failure),
)]
pub(super) async fn promote_shadow(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Result<Json<RolledBack>, Failure> {
    tracing::info!(plugin = name, "an operator puts the candidate in force");
    let digest = admin.swaps.promote_shadow(&name).await?;
    Ok(Json(RolledBack { digest }))
}

fn side(side: DiffSide) -> Result<Side, Failure> {
    match side {
        DiffSide::InForce => Ok(Side::InForce),
        DiffSide::Generation(digest) => Ok(Side::Kept(digest)),
        DiffSide::File(file) => absolute(&file).map(|()| Side::File(file)),
    }
}

fn absolute(file: &File) -> Result<(), Failure> {
    if file.is_absolute() {
        return Ok(());
    }
    let file = file.display();
    Err(Failure::bad_request(format!("{file} is relative, and the host has another directory: give the whole path")))
}
