//! Connections: what is sent, what waits, and what their breakers do.

use crate::dashboard::view::about;
use crate::dashboard::visit::{Page, Visit};

pub(in crate::dashboard) async fn list(visit: Visit) -> Page {
    let status = visit.api.status().await.map_err(|failure| visit.refused(&failure))?;
    visit.page("connections.html", about! { title => "Connections", connections => status.connections })
}
