//! Style, script and icon: in the binary, so that nothing is fetched from elsewhere.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// A file of the dashboard: its name, its type, and what is in it.
const FILES: [(&str, &str, &str); 3] = [
    ("mortar.css", "text/css; charset=utf-8", include_str!("assets/mortar.css")),
    ("mortar.js", "text/javascript; charset=utf-8", include_str!("assets/mortar.js")),
    ("mortar.svg", "image/svg+xml", include_str!("assets/mortar.svg")),
];

pub(super) async fn serve(Path(file): Path<String>) -> Response {
    match FILES.iter().find(|(name, ..)| *name == file) {
        // Their addresses carry the version, so an old one is never used with a new host.
        Some((_, kind, text)) => ([(CONTENT_TYPE, *kind), (CACHE_CONTROL, "public, max-age=86400")], *text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
