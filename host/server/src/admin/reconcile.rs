//! Polls that an operator asks for.

use std::sync::Arc;

use axum::extract::State;

use super::Admin;
use super::error::Failure;
use super::extract::Json;
use crate::admin_types::{MissingEvent, Reconcile, ReconciledSource};
use crate::poll::PollError;
use mortar_pipeline::poll::Reconciled;

/// Asks MasonHub for what no callback brought.
#[utoipa::path(
    post, path = "/api/reconcile", operation_id = "reconcile_reconcile", tag = "reconcile",
    request_body = Reconcile,
    responses((status = 200, description = "Done.", body = Vec<ReconciledSource>), Failure),
)]
pub(super) async fn reconcile(
    State(admin): State<Arc<Admin>>,
    Json(request): Json<Reconcile>,
) -> Result<Json<Vec<ReconciledSource>>, Failure> {
    let Reconcile { source, since, dry_run, snapshot } = request;
    let meant: Vec<_> = admin.pollers.iter().filter(|poller| source.as_ref().is_none_or(|name| **name == *poller.source)).collect();
    if meant.is_empty() {
        let which = source.map_or_else(|| "no source has".to_owned(), |name| format!("there is no source `{name}` with"));
        return Err(Failure::bad_request(format!("{which} an API to poll: write [sources.NAME.api]")));
    }
    tracing::info!(?since, dry_run, snapshot, "an operator has MasonHub polled for what no callback brought");
    let mut reconciled = Vec::new();
    for poller in meant {
        let found = match since {
            Some(since) => poller.poll(since, !dry_run).await?,
            None => Reconciled::default(),
        };
        let found = if snapshot { found.and(poller.snapshot(!dry_run).await?) } else { found };
        let missing = found.missing.into_iter();
        let missing = missing.map(|event| MissingEvent { id: event.id, event_type: event.event_type, subject: event.subject });
        reconciled.push(ReconciledSource {
            source: poller.source.to_string(),
            looked: found.looked,
            missing: missing.collect(),
            unreadable: found.unreadable,
            more_unreadable: found.more_unreadable,
        });
    }
    Ok(Json(reconciled))
}

impl From<PollError> for Failure {
    fn from(error: PollError) -> Self {
        match error {
            PollError::Journal(error) => error.into(),
            other => Self::masonhub(other.to_string()),
        }
    }
}
