//! Requests of somebody who is logged in: for a page, or with a form.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use minijinja::{Value, context};
use mortar_core::operator::Role;

use super::session::{Notice, Session};
use super::view::about;
use super::{Dashboard, guard};
use crate::admin::guard::Remote;
use crate::cli::client::Client;
use crate::cli::exit::Failure;

/// The header of a request that only refreshes what a page shows.
pub(super) const LIVE: &str = "x-live";

/// Somebody who is logged in.
pub(super) struct Visit {
    pub(super) dashboard: Arc<Dashboard>,
    pub(super) session: Arc<Session>,
    /// The admin API, with the token that they logged in with.
    pub(super) api: Client,
    path: String,
    refreshes: bool,
}

/// A form that somebody posted from one of our pages.
pub(super) struct Posted {
    pub(super) visit: Visit,
    fields: BTreeMap<String, String>,
}

/// An answer that is no page: why not, as one.
pub(super) struct Fault(Box<Response>);

/// What a page answers.
pub(super) type Page = Result<Response, Fault>;

impl FromRequestParts<Arc<Dashboard>> for Visit {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Arc<Dashboard>) -> Result<Self, Fault> {
        let now = dashboard.admin.ports.clock.now();
        let refreshes = parts.headers.contains_key(LIVE);
        let sessions = &dashboard.sessions;
        let session = if refreshes { sessions.look(&parts.headers, now) } else { sessions.of(&parts.headers, now) };
        match session {
            Some(session) => Ok(Self {
                api: dashboard.api.for_somebody(session.token.clone(), remote(parts)),
                dashboard: dashboard.clone(),
                session,
                path: parts.uri.path().to_owned(),
                refreshes,
            }),
            None if refreshes => Err(Fault(Box::new(StatusCode::UNAUTHORIZED.into_response()))),
            None => Err(Fault(Box::new(to_login(&parts.method, &parts.uri)))),
        }
    }
}

/// From where somebody asks.
fn remote(parts: &Parts) -> Option<Remote> {
    parts.extensions.get::<ConnectInfo<Remote>>().map(|remote| remote.0)
}

/// To the login, and from there back to the page.
fn to_login(method: &Method, uri: &Uri) -> Response {
    let page = uri.path_and_query().map_or("/", |page| page.as_str());
    let next = if *method == Method::GET { page } else { "/" };
    let next = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
    Redirect::to(&format!("/login?next={next}")).into_response()
}

impl FromRequest<Arc<Dashboard>> for Posted {
    type Rejection = Fault;

    async fn from_request(request: Request, dashboard: &Arc<Dashboard>) -> Result<Self, Fault> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, dashboard).await?;
        let ours = guard::is_ours(&parts.headers);
        let form = Form::<BTreeMap<String, String>>::from_request(Request::from_parts(parts, body), &()).await;
        let Ok(Form(fields)) = form else { return Err(visit.fault(StatusCode::BAD_REQUEST, "This is not a form of the dashboard.")) };
        if !ours || !fields.get("key").is_some_and(|key| visit.session.is_form_key(key)) {
            let text = "This form does not come from a page of this session: go back, load the page again, and say it once more.";
            return Err(visit.fault(StatusCode::FORBIDDEN, text));
        }
        Ok(Self { visit, fields })
    }
}

impl Visit {
    /// A page.
    pub(super) fn page(&self, template: &str, about: Value) -> Page {
        self.answer(StatusCode::OK, template, about)
    }

    fn answer(&self, status: StatusCode, template: &str, about: Value) -> Page {
        let shell = about! {
            path => self.path,
            who => self.session.who,
            operates => self.session.who.role.permits(Role::Operate),
            key => self.session.form_key,
            notice => if self.refreshes { None } else { self.session.said() },
            host => self.dashboard.admin.edge.to_string(),
        };
        let page = self.dashboard.view.render(template, context! { ..about, ..shell });
        Ok((status, page).into_response())
    }

    /// A page that says why there is no other.
    pub(super) fn fault(&self, status: StatusCode, text: &str) -> Fault {
        match self.answer(status, "fault.html", about! { title => "That did not work", text }) {
            Ok(response) => Fault(Box::new(response)),
            Err(fault) => fault,
        }
    }

    /// What the API's no is as a page.
    pub(super) fn refused(&self, failure: &Failure) -> Fault {
        let status = match failure {
            Failure::NotFound(_) => StatusCode::NOT_FOUND,
            Failure::Refused(_) => StatusCode::CONFLICT,
            Failure::Usage(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        self.fault(status, &failure.to_string())
    }
}

impl Posted {
    /// A field; empty where the form has none.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.trim())
    }

    /// Back to the page that the form was on, with what came of it.
    pub(super) fn back(&self, done: Result<String, Failure>) -> Page {
        let notice = match done {
            Ok(text) => Notice { good: true, text },
            Err(failure) => Notice { good: false, text: failure.to_string() },
        };
        self.visit.session.say(notice);
        Ok(Redirect::to(&local(self.field("back"))).into_response())
    }
}

/// A page of ours: nobody is sent elsewhere.
pub(super) fn local(page: &str) -> String {
    let ours = page.starts_with('/') && !page.starts_with("//") && !page.contains(['\\', '\r', '\n']);
    if ours { page.to_owned() } else { "/".to_owned() }
}

/// True where a request came through TLS, so that its cookie must not travel without.
pub(super) fn is_secure(headers: &HeaderMap) -> bool {
    headers.get("origin").is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl Fault {
    /// A page by itself, for somebody who is not logged in.
    pub(super) fn bare(status: StatusCode, page: Html<String>) -> Self {
        Self(Box::new((status, page).into_response()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(local("/events?find=SO-1"), "/events?find=SO-1");
        for elsewhere in ["//evil.example", "https://evil.example", "", "/\\evil.example", "/a\r\nset-cookie: b"] {
            assert_eq!(local(elsewhere), "/", "{elsewhere}");
        }
    }
}
