//! Each request has to say who makes it, and may do what its role permits; what changes something is
//! written into the audit log.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mortar_core::operator::{Action, Role};

use super::Admin;
use super::auth::{AuthError, Identity, authenticate};
use super::error::{Code, Failure};

/// Size of a request's body.
const BODY_LIMIT: usize = 64 << 10;

/// What the audit log keeps of a body, in bytes.
const NOTED: usize = 2 << 10;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Remote(pub IpAddr);

/// What [`guard`] has to know.
#[derive(Clone)]
pub(super) struct Needed {
    pub(super) admin: Arc<Admin>,
    pub(super) role: Role,
}

/// Lets a request through whose token has the role that is needed.
pub(super) async fn guard(State(Needed { admin, role }): State<Needed>, mut request: Request, next: Next) -> Response {
    let who = match authenticate(&admin, bearer(request.headers())).await {
        Ok(who) => who,
        Err(error) => {
            if !matches!(error, AuthError::Journal(_)) {
                tracing::warn!(remote = ?remote(&request), path = request.uri().path(), "somebody asks the admin API without a token that counts");
            }
            return Failure::from(error).into_response();
        }
    };
    request.extensions_mut().insert(who.clone());
    if who.role.permits(role) {
        audited(&admin, who, request, async |request| next.run(request).await).await
    } else {
        audited(&admin, who.clone(), request, async |_| Failure::role(&who, role).into_response()).await
    }
}

/// Answers a request, and writes it into the audit log unless it only looks at something.
pub async fn audited(admin: &Admin, who: Identity, request: Request, answer: impl AsyncFnOnce(Request) -> Response) -> Response {
    if request.method().is_safe() {
        return answer(request).await;
    }
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let (action, target) = (format!("{} {route}", request.method()), request.uri().path().to_owned());
    let remote = remote(&request);
    let (head, body) = request.into_parts();
    let (asked, response) = match to_bytes(body, BODY_LIMIT).await {
        Ok(body) => (noted(&body), answer(Request::from_parts(head, Body::from(body))).await),
        Err(_) => (None, Failure::too_large(BODY_LIMIT).into_response()),
    };
    let (status, code) = (response.status(), response.extensions().get::<Code>().map(|code| code.0.to_owned()));
    tracing::info!(who = who.name, ?remote, action, target, %status, "an operator acts");
    let at = admin.ports.clock.now();
    let Identity { name: who, role } = who;
    let action = Action { id: 0, at, who, role, remote, action, target, request: asked, status: status.as_u16(), code };
    if let Err(fault) = admin.operators.note(action).await {
        tracing::error!(%fault, "what an operator did is not in the audit log");
    }
    response
}

fn bearer(headers: &HeaderMap) -> &str {
    headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

fn remote(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<axum::extract::ConnectInfo<Remote>>().map(|remote| remote.0.0)
}

/// The beginning of a body that is text.
fn noted(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok().filter(|text| !matches!(*text, "" | "null"))?;
    Some(text[..text.floor_char_boundary(NOTED)].to_owned())
}
