//! Tokens: made, listed, revoked.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use mortar_core::operator::Token;

use super::Admin;
use super::auth::{self, HOST_TOKEN, Identity};
use super::error::Failure;
use crate::admin_types::{CreateToken, CreatedToken};

/// Characters of a token's name.
const NAME: usize = 64;

pub(super) async fn whoami(Extension(who): Extension<Identity>) -> Json<Identity> {
    Json(who)
}

pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<Token>>, Failure> {
    Ok(Json(admin.operators.tokens().await?))
}

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
