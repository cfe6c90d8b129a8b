//! Connections: what is sent, what waits, and what their breakers do.

use minijinja::context;

use crate::dashboard::visit::{Page, Visit};

pub(in crate::dashboard) async fn list(visit: Visit) -> Page {
    let status = visit.api.status().await.map_err(|failure| visit.refused(&failure))?;
    visit.page("connections.html", context! { title => "Connections", connections => status.connections })
}
