//! Callbacks that were set aside: genuine but unreadable, or not genuine.

use axum::extract::{Path, Query};
use serde::Deserialize;

use crate::admin_types::{QuarantineQuery, ReadAgain, RejectedQuery};
use crate::dashboard::view::about;
use crate::dashboard::visit::{Page, Posted, Visit};

/// Rows of each list.
const ROWS: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Shown {
    /// Released ones too, where it says anything.
    released: String,
}

pub(in crate::dashboard) async fn list(visit: Visit, Query(shown): Query<Shown>) -> Page {
    let released = !shown.released.is_empty();
    let (quarantined, rejected) = (
        QuarantineQuery { released, limit: Some(ROWS), ..QuarantineQuery::default() },
        RejectedQuery { limit: Some(ROWS), ..RejectedQuery::default() },
    );
    let asked = tokio::try_join!(visit.api.quarantine(&quarantined), visit.api.rejected(&rejected));
    let (quarantined, rejected) = asked.map_err(|failure| visit.refused(&failure))?;
    visit.page("set_aside.html", about! { title => "Set aside", quarantined, rejected, released, rows => ROWS })
}

pub(in crate::dashboard) async fn quarantined(visit: Visit, Path(id): Path<u64>) -> Page {
    let callback = visit.api.quarantined(id).await.map_err(|failure| visit.refused(&failure))?;
    visit.page("quarantined.html", about! { title => format!("Quarantined callback {id}"), callback })
}

pub(in crate::dashboard) async fn replay(Path(id): Path<u64>, posted: Posted) -> Page {
    let done = posted.visit.api.replay_quarantined(id).await.map(told);
    posted.back(done)
}

pub(in crate::dashboard) async fn admit(Path(id): Path<u64>, posted: Posted) -> Page {
    let done = posted.visit.api.admit(id).await.map(told);
    posted.back(done)
}

fn told(again: ReadAgain) -> String {
    let ReadAgain { stored, duplicates, unreadable } = again;
    let rest = unreadable.map_or_else(String::new, |why| format!(" Still unreadable: {why}."));
    format!("Events stored: {stored}. Known already: {duplicates}.{rest}")
}
