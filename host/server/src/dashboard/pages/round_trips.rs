//! Round trips: what the ERP said when it was read back.

use std::time::Duration;

use axum::extract::{Path, Query};
use mortar_core::round_trip::RoundTripState;
use serde::Deserialize;

use crate::admin_types::{LookAgain, RoundTripQuery};
use crate::cli::exit::Failure;
use crate::dashboard::view::about;
use crate::dashboard::visit::{Page, Posted, Visit};

/// What the sums go over.
const OVER: Duration = Duration::from_secs(3600);

/// Rows of the list.
const ROWS: usize = 100;

const STATES: [RoundTripState; 5] =
    [RoundTripState::Mismatch, RoundTripState::Unconfirmed, RoundTripState::Due, RoundTripState::Confirmed, RoundTripState::NotApplicable];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Shown {
    state: String,
}

pub(in crate::dashboard) async fn list(visit: Visit, Query(shown): Query<Shown>) -> Page {
    let state = STATES.into_iter().find(|state| state.as_str() == shown.state).unwrap_or(RoundTripState::Mismatch);
    let now = visit.dashboard.admin.ports.clock.now();
    let since = now.checked_sub(OVER).unwrap_or(now);
    let query = RoundTripQuery { state, limit: Some(ROWS), cursor: None };
    let asked = tokio::try_join!(visit.api.round_trips(&query), visit.api.round_trip_report(since));
    let (trips, report) = asked.map_err(|failure| visit.refused(&failure))?;
    visit.page(
        "round_trips.html",
        about! { title => "Round trips", trips, report, state => state.as_str(), states => STATES.map(RoundTripState::as_str), rows => ROWS },
    )
}

pub(in crate::dashboard) async fn look_again(Path(delivery): Path<String>, posted: Posted) -> Page {
    let done = async {
        let delivery = delivery.parse().map_err(|fault| Failure::Usage(format!("{fault}")))?;
        posted.visit.api.look_again(&LookAgain::Delivery { delivery }).await?;
        Ok(format!("The ERP is read again for {delivery}."))
    };
    let done = done.await;
    posted.back(done)
}
