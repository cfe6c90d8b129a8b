//! Tokens: made, listed, revoked.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use mortar_core::operator::Token;

use super::Admin;
use super::auth::{self, HOST_TOKEN, Identity};
use super::error::Failure;
use super::extract::{Json, Path, Query};
use crate::admin_types::{CreateToken, CreatedToken, Page, PageQuery};

/// Characters of a token's name.
const NAME: usize = 64;

/// Who asks, and what the token permits.
#[utoipa::path(
    get, path = "/api/whoami", operation_id = "tokens_whoami", tag = "tokens",
    responses((status = 200, description = "Done.", body = Identity), Failure),
)]
pub(super) async fn whoami(Extension(who): Extension<Identity>) -> Json<Identity> {
    Json(who)
}

/// Tokens, by name.
#[utoipa::path(
    get, path = "/api/tokens", operation_id = "tokens_list", tag = "tokens",
    params(PageQuery),
    responses((status = 200, description = "Done.", body = Page<Token>), Failure),
)]
pub(super) async fn list(State(admin): State<Arc<Admin>>, Query(query): Query<PageQuery>) -> Result<Json<Page<Token>>, Failure> {
    Ok(Json(Page::named(admin.operators.tokens().await?, &query, |token| token.name.clone())))
}

/// Makes a token, and tells it this once.
#[utoipa::path(
    post, path = "/api/tokens", operation_id = "tokens_create", tag = "tokens",
    request_body = CreateToken,
    responses((status = 200, description = "Done.", body = CreatedToken), Failure),
)]
pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Json(request): Json<CreateToken>,
) -> Result<Json<CreatedToken>, Failure> {
    let CreateToken { name, role, expires_at } = request;
    let created_at = admin.ports.clock.now();
    if !is_name(&name) || name == HOST_TOKEN {
        let text =
            format!("`{name}` cannot be the name of a token: take up to {NAME} of a-z, A-Z, 0-9, `.`, `_`, `-`, and not `{HOST_TOKEN}`");
        return Err(Failure::bad_request(text));
    }
    if let Some(at) = expires_at.filter(|at| *at <= created_at) {
        return Err(Failure::bad_request(format!("{at} is over: the token would never count")));
    }
    let secret = auth::generate(&mut rand::rng());
    let token = Token { name, role, created_at, created_by: who.name, expires_at };
    admin.operators.add_token(token.clone(), auth::hash(&secret)).await?;
    Ok(Json(CreatedToken { token: secret, about: token }))
}

/// Has a token count no more.
#[utoipa::path(
    post, path = "/api/tokens/{name}/revoke", operation_id = "tokens_revoke", tag = "tokens",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "Done."), Failure),
)]
pub(super) async fn revoke(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Result<(), Failure> {
    Ok(admin.operators.revoke_token(name).await?)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert!(["ci", "grafana-2", "jane.doe_1"].iter().all(|name| is_name(name)));
        assert!(!["", "a b", "a/b", "ü", &"a".repeat(NAME + 1)].iter().any(|name| is_name(name)));
    }
}
