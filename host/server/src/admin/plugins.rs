//! Plugins: what is in force, and what keeps their files from being so.

use std::sync::Arc;

use axum::extract::State;
use mortar_core::ports::{JournalError, Shadow};
use mortar_core::story::Counts;
use mortar_pipeline::operate;
use mortar_pipeline::plugins::Numbered;
use mortar_pipeline::swap::Standing;

use super::Admin;
use super::error::Failure;
use super::extract::{Json, Path, Query};
use crate::admin_types::{
    DiscardedOpen, Page, PageQuery, Pin, PluginState, PluginStatus, ProbationStatus, RollBack, RolledBack, ShadowStatus,
};

/// Plugins, by name.
#[utoipa::path(
    get, path = "/api/plugins", operation_id = "plugins_list", tag = "plugins",
    params(PageQuery),
    responses((status = 200, description = "Done.", body = Page<PluginStatus>), Failure),
)]
pub(super) async fn list(State(admin): State<Arc<Admin>>, Query(query): Query<PageQuery>) -> Result<Json<Page<PluginStatus>>, Failure> {
    let counts = admin.ports.journal.counts().await?;
    Ok(Json(Page::named(statuses(&admin, &counts), &query, |plugin| plugin.name.clone())))
}

/// How one plugin is.
#[utoipa::path(
    get, path = "/api/plugins/{name}", operation_id = "plugins_show", tag = "plugins",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "Done.", body = PluginStatus), Failure),
)]
pub(super) async fn show(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Result<Json<PluginStatus>, Failure> {
    let counts = admin.ports.journal.counts().await?;
    let found = statuses(&admin, &counts).into_iter().find(|status| status.name == name);
    found.map(Json).ok_or_else(|| Failure::not_found(format!("there is no plugin `{name}`; see `mortar plugin list`")))
}

/// Forgets a parked plugin.
#[utoipa::path(
    post, path = "/api/plugins/{name}/forget", operation_id = "plugins_forget", tag = "plugins",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "Done."), Failure),
)]
pub(super) async fn forget(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Result<(), Failure> {
    tracing::info!(plugin = name, "an operator has a plugin forgotten");
    Ok(admin.swaps.forget(&name).await?)
}

/// Discards some deliveries of a plugin that gets no further ones.
#[utoipa::path(
    post, path = "/api/plugins/{name}/discard", operation_id = "plugins_discard", tag = "plugins",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "Done.", body = DiscardedOpen), Failure),
)]
pub(super) async fn discard(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Result<Json<DiscardedOpen>, Failure> {
    if admin.plugins.get(&name).is_some() {
        return Err(JournalError::Refused(format!("plugin {name} still gets deliveries: `mortar plugin forget {name}` first")).into());
    }
    let discarded = operate::discard_open(&admin.ports, &name).await?;
    tracing::info!(plugin = name, discarded, "an operator has deliveries of a forgotten plugin discarded");
    Ok(Json(DiscardedOpen { discarded }))
}

/// Puts an earlier generation in force.
#[utoipa::path(
    post, path = "/api/plugins/{name}/rollback", operation_id = "plugins_roll_back", tag = "plugins",
    params(("name" = String, Path, description = "Its name.")),
    request_body = RollBack,
    responses((status = 200, description = "Done.", body = RolledBack), Failure),
)]
pub(super) async fn roll_back(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
    Json(request): Json<RollBack>,
) -> Result<Json<RolledBack>, Failure> {
    tracing::info!(plugin = name, ?request, "an operator has a plugin rolled back");
    let digest = admin.swaps.roll_back(&name, request.to.as_deref()).await?;
    Ok(Json(RolledBack { digest }))
}

/// Keeps the generation in force whatever files come, or no longer.
#[utoipa::path(
    post, path = "/api/plugins/{name}/pin", operation_id = "plugins_pin", tag = "plugins",
    params(("name" = String, Path, description = "Its name.")),
    request_body = Pin,
    responses((status = 200, description = "Done."), Failure),
)]
pub(super) async fn pin(State(admin): State<Arc<Admin>>, Path(name): Path<String>, Json(request): Json<Pin>) -> Result<(), Failure> {
    tracing::info!(plugin = name, ?request, "an operator pins a plugin, or no longer");
    Ok(admin.swaps.pin(&name, request.pinned).await?)
}

/// How every plugin is, by name: those in force, those with files that cannot be, and those that
/// only have deliveries.
pub(super) fn statuses(admin: &Admin, counts: &Counts) -> Vec<PluginStatus> {
    let (in_force, mut standings) = (admin.plugins.now(), admin.swaps.standings());
    for name in in_force.iter().map(|n| &n.plugin.name).chain(counts.open.keys()) {
        standings.entry(name.clone()).or_default();
    }
    let status = |(name, standing): (String, Standing)| {
        let numbered = in_force.iter().find(|n| n.plugin.name == name);
        let (plugin, record) = (numbered.map(|n| &n.plugin), standing.record.as_ref());
        let typed = plugin.into_iter().flat_map(|p| &p.families).map(|family| family.interface().to_owned());
        let any_event = plugin.filter(|p| p.any_event).map(|_| "any-event".to_owned());
        PluginStatus {
            state: state(numbered, &standing),
            digest: plugin.map(|p| p.digest.to_string()),
            component: plugin.map(|p| p.component.to_string()),
            provenance: plugin.map(|p| (*p.provenance).clone()),
            since: record.map(|record| record.since),
            pinned: record.is_some_and(|record| record.pinned),
            kept: record.map(|record| record.kept.clone()).unwrap_or_default(),
            blocked: record.and_then(|record| record.held_back.clone()).filter(|held| held.gate.is_some()),
            shadow: record.and_then(|record| record.shadow.clone()).map(|Shadow { digest, since }| ShadowStatus {
                digest,
                since,
                comparison: admin.plugins.shadows.of(&name),
            }),
            probation: admin.plugins.probation.of(&name).map(|trial| ProbationStatus {
                seconds_left: trial.left.as_secs(),
                attempts: trial.attempts,
                failed: trial.failed,
            }),
            handles: typed.chain(any_event).collect(),
            open: counts.open.get(&name).copied().unwrap_or(0),
            unsettled: standing.unsettled,
            problems: standing.problems.iter().map(ToString::to_string).collect(),
            name,
        }
    };
    standings.into_iter().map(status).collect()
}

/// How many plugins are in which state.
pub(super) fn states(admin: &Admin) -> Vec<(&'static str, usize)> {
    let (in_force, standings) = (admin.plugins.now(), admin.swaps.standings());
    let states: Vec<_> =
        standings.iter().map(|(name, standing)| state(in_force.iter().find(|n| n.plugin.name == *name), standing)).collect();
    PluginState::ALL.map(|state| (state.as_str(), states.iter().filter(|other| **other == state).count())).to_vec()
}

fn state(numbered: Option<&Numbered>, standing: &Standing) -> PluginState {
    match numbered {
        Some(numbered) if !numbered.parked => PluginState::Active,
        None if !standing.problems.is_empty() || standing.unsettled => PluginState::Failed,
        _ => PluginState::Parked,
    }
}
