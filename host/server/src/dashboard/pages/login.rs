//! Logging in with a token, and out.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, SET_COOKIE};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use subtle::ConstantTimeEq;

use crate::cli::exit::Failure;
use crate::dashboard::session::{COOKIE_NAME, cookie, secret};
use crate::dashboard::view::about;
use crate::dashboard::visit::{Fault, Posted, is_secure, local};
use crate::dashboard::{Dashboard, guard};

/// What the form of the login is known by, before there is a session.
const FORM_COOKIE: &str = "mortar_login";

type Fields = BTreeMap<String, String>;

pub(in crate::dashboard) async fn form(State(dashboard): State<Arc<Dashboard>>, Query(query): Query<Fields>) -> Response {
    ask(&dashboard, StatusCode::OK, query.get("next").map_or("/", String::as_str), None)
}

/// The form, with a new key that also goes into a cookie: only a page of ours knows both.
fn ask(dashboard: &Dashboard, status: StatusCode, next: &str, refusal: Option<&str>) -> Response {
    let key = secret();
    let page = dashboard.view.bare("login.html", about! { key, next => local(next), refusal });
    let cookie = format!("{FORM_COOKIE}={key}; Path=/login; HttpOnly; SameSite=Strict");
    (AppendHeaders([(SET_COOKIE, cookie)]), Fault::bare(status, page)).into_response()
}

pub(in crate::dashboard) async fn log_in(
    State(dashboard): State<Arc<Dashboard>>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let field = |name: &str| fields.get(name).map_or("", |value| value.trim());
    let next = local(field("next"));
    let known = cookie(&headers, FORM_COOKIE).unwrap_or_default();
    let ours = !known.is_empty() && bool::from(known.as_bytes().ct_eq(field("key").as_bytes()));
    if !ours || !guard::is_ours(&headers) {
        return ask(&dashboard, StatusCode::FORBIDDEN, &next, Some("The form was too old, or came from elsewhere. Please log in again."));
    }
    let token = field("token").to_owned();
    match dashboard.api.for_somebody(token.clone(), None).who().await {
        Ok(who) => {
            let now = dashboard.admin.ports.clock.now();
            tracing::info!(name = who.name, "somebody logged in to the dashboard");
            dashboard.sessions.end(&headers);
            let name = dashboard.sessions.begin(who, token, now);
            let secure = if is_secure(&headers) { "; Secure" } else { "" };
            let cookie = format!("{COOKIE_NAME}={name}; Path=/; HttpOnly; SameSite=Strict{secure}");
            (AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(&next)).into_response()
        }
        Err(Failure::Refused(_)) => {
            tracing::warn!("a login to the dashboard was refused: the token is wrong");
            let text = "This token is not known. It is admin.token of the configuration, or in the file admin-token beside the journal.";
            ask(&dashboard, StatusCode::UNAUTHORIZED, &next, Some(text))
        }
        Err(failure) => ask(&dashboard, StatusCode::SERVICE_UNAVAILABLE, &next, Some(&failure.to_string())),
    }
}

pub(in crate::dashboard) async fn log_out(headers: HeaderMap, posted: Posted) -> Response {
    posted.visit.dashboard.sessions.end(&headers);
    let gone = format!("{COOKIE_NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    (AppendHeaders([(SET_COOKIE, gone)]), Redirect::to("/login")).into_response()
}
