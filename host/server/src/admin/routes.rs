//! Every route, by the role that it needs: this is the one place that says so. The OpenAPI document
//! is made of the same table.

use std::sync::Arc;

use axum::middleware;
use mortar_core::operator::Role;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::guard::{self, Needed};
use super::{
    Admin, alerts, audit, backup, candidates, document, error, events, health, plugins, reconcile, reload, round_trips, set_aside, status,
    tokens,
};
use crate::admin_types::ErrorBody;

type Routes = OpenApiRouter<Arc<Admin>>;

/// What anybody may ask.
fn open() -> Routes {
    Routes::new().routes(routes!(health::live)).routes(routes!(health::ready))
}

fn guarded() -> [(Role, Routes); 3] {
    let read = Routes::new()
        .routes(routes!(tokens::whoami))
        .routes(routes!(status::status))
        .routes(routes!(status::metrics))
        .routes(routes!(events::list))
        .routes(routes!(events::show))
        .routes(routes!(set_aside::quarantined))
        .routes(routes!(set_aside::quarantined_one))
        .routes(routes!(set_aside::rejected))
        .routes(routes!(plugins::list))
        .routes(routes!(plugins::show))
        .routes(routes!(round_trips::list))
        .routes(routes!(round_trips::report))
        .routes(routes!(alerts::raised))
        .routes(routes!(document::document));
    let operate = Routes::new()
        .routes(routes!(events::replay))
        .routes(routes!(events::discard))
        .routes(routes!(events::settle))
        .routes(routes!(set_aside::replay))
        .routes(routes!(set_aside::admit))
        .routes(routes!(reconcile::reconcile))
        .routes(routes!(plugins::forget))
        .routes(routes!(plugins::discard))
        .routes(routes!(plugins::roll_back))
        .routes(routes!(plugins::pin))
        .routes(routes!(candidates::promote))
        .routes(routes!(candidates::stop))
        .routes(routes!(candidates::promote_shadow))
        .routes(routes!(round_trips::look_again))
        .routes(routes!(alerts::test));
    // What names files of the host's machine, and who may do what.
    let admin = Routes::new()
        .routes(routes!(candidates::diff))
        .routes(routes!(candidates::start))
        .routes(routes!(backup::backup))
        .routes(routes!(reload::reload))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(audit::list));
    [(Role::Read, read), (Role::Operate, operate), (Role::Admin, admin)]
}

/// The admin API.
pub fn router(admin: Arc<Admin>) -> axum::Router {
    let guarded = guarded().into_iter().map(|(role, routes)| {
        let needed = Needed { admin: admin.clone(), role };
        axum::Router::from(routes).route_layer(middleware::from_fn_with_state(needed, guard::guard))
    });
    guarded
        .fold(open().into(), axum::Router::merge)
        .fallback(async || error::Failure::not_found("there is no such page; `mortar openapi` prints what there is"))
        .method_not_allowed_fallback(async || error::Failure::method())
        .with_state(admin)
}

/// The OpenAPI document of the admin API.
#[must_use]
pub fn openapi() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Mortar's admin API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("What operators and their programs ask of a running host."))
        .build();
    let mut components = Components::new();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("`mortar token create` makes one.")).build();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    components.schemas.insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    let mut whole = OpenApiBuilder::new().info(info).components(Some(components)).build();
    whole.merge(open().into_openapi());
    for (role, routes) in guarded() {
        let mut part = routes.into_openapi();
        for path in part.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
                operation.description = Some(format!("Needs the role `{role}`."));
                operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("token", [])]);
            }
        }
        whole.merge(part);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_document_says_its_role_and_its_errors() {
        let document = serde_json::to_value(openapi()).unwrap();
        let mut guarded = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let known = operation["responses"].as_object().unwrap();
                if path.starts_with("/api/") || path == "/metrics" {
                    guarded += 1;
                    let description = operation["description"].as_str().unwrap();
                    assert!(description.starts_with("Needs the role"), "{method} {path}");
                    assert!(["401", "403", "default"].iter().all(|status| known.contains_key(*status)), "{method} {path}");
                    assert!(operation["summary"].as_str().is_some_and(|summary| summary.ends_with('.')), "{method} {path}");
                }
            }
        }
        assert!(guarded > 30, "{guarded}");
    }

    #[test]
    fn all_that_the_document_refers_to_is_in_it() {
        let document = serde_json::to_value(openapi()).unwrap();
        let text = document.to_string();
        let referred = text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
        for name in referred {
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn no_two_operations_share_their_name() {
        let document = serde_json::to_value(openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let mut names: Vec<_> =
            paths.values().flat_map(|item| item.as_object().unwrap().values()).map(|op| op["operationId"].to_string()).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
