//! Events: the newest, or those that are looked for.

use axum::extract::Query;
use jiff::Timestamp;
use mortar_core::delivery::State;
use serde::{Deserialize, Serialize};

use crate::admin_types::EventQuery;
use crate::cli::exit::Failure;
use crate::dashboard::view::about;
use crate::dashboard::visit::{Page, Visit};

/// Events of one page.
const ROWS: usize = 25;

/// Events that are looked through for one page: then it says so, and goes on if somebody wants that.
const LOOK: usize = 5000;

/// What the form of the page asks for. A field that is left empty asks for nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Search {
    find: String,
    state: String,
    #[serde(rename = "type")]
    event_type: String,
    plugin: String,
    code: String,
    since: String,
    until: String,
    cursor: String,
}

pub(in crate::dashboard) async fn list(visit: Visit, Query(search): Query<Search>) -> Page {
    let query = query(&search).map_err(|failure| visit.refused(&failure))?;
    let page = visit.api.some_events(&query).await.map_err(|failure| visit.refused(&failure))?;
    let narrowed = [&search.state, &search.event_type, &search.plugin, &search.code, &search.since, &search.until];
    visit.page(
        "events.html",
        about! {
            title => "Events",
            events => page.items,
            full => page.items.len() >= ROWS,
            next => page.next,
            narrowed => narrowed.iter().any(|field| !field.is_empty()),
            searched => !search.find.is_empty() || narrowed.iter().any(|field| !field.is_empty()),
            search,
            states => State::ALL.map(State::as_str),
        },
    )
}

fn query(search: &Search) -> Result<EventQuery, Failure> {
    let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let usage = |fault: String| Failure::Usage(fault);
    let time = |text: &str| said(text).map(|text| time(&text)).transpose();
    Ok(EventQuery {
        find: said(&search.find),
        state: said(&search.state).map(|state| state.parse()).transpose().map_err(usage)?,
        event_type: said(&search.event_type),
        plugin: said(&search.plugin),
        code: said(&search.code),
        since: time(&search.since)?,
        until: time(&search.until)?,
        cursor: said(&search.cursor),
        limit: Some(ROWS),
        look: Some(LOOK),
        ..EventQuery::default()
    })
}

/// A time as browsers write it, in UTC, or as everybody else does.
fn time(text: &str) -> Result<Timestamp, Failure> {
    text.parse()
        .or_else(|_| format!("{text}Z").parse())
        .ok()
        .ok_or_else(|| Failure::Usage(format!("`{text}` is not a time such as 2026-01-05T18:20")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_form_asks_for_the_newest() {
        assert_eq!(query(&Search::default()).unwrap(), EventQuery { limit: Some(ROWS), look: Some(LOOK), ..EventQuery::default() });
    }

    #[test]
    fn times_are_read_as_browsers_write_them() {
        assert_eq!(time("2026-01-05T18:20").unwrap(), time("2026-01-05T18:20:00Z").unwrap());
        assert!(time("yesterday").is_err());
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let asked = |state: &str, since: &str| query(&Search { state: state.into(), since: since.into(), ..Search::default() });
        assert!(asked("dead", "2026-01-05T18:20").is_ok());
        assert!(asked("deadish", "").is_err() && asked("", "yesterday").is_err());
    }
}
