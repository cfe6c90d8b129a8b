//! The plugin `shopify` against a double of the Admin API, which executes what its schema allows.

mod double;
mod graphql;
mod orders;
mod stock;

use double::Double;
use mortar_tests::Setup;
use serde_json::json;

use crate::service::{Reply, Service};

/// Shopify, and a host with the plugin as it is shipped.
type Erp = crate::erp::Erp<Double>;

impl Erp {
    async fn start() -> Self {
        let shopify = Service::start("shopify/openapi.json", |_| Double::new()).await;
        let settings = std::fs::read_to_string(mortar_tests::paths::root().join("plugins/shopify/plugin.toml")).unwrap();
        let setup = Setup::new().file("secret", "s3cret").config(crate::QUICK);
        let more = format!(
            "{}auth = {{ kind = \"oauth2-client-credentials\", header = \"X-Shopify-Access-Token\", \
             token_url = \"{}/admin/oauth/access_token\", client_id = \"id\", client_secret = {{ file = {:?} }} }}\n",
            crate::IMPATIENT,
            shopify.url,
            setup.path().join("secret")
        );
        // Reads have a path of their own here, so that a fault can be aimed at a write.
        let reads = format!("{more}safe_methods = [\"GET\", \"POST\"]\n");
        let setup = setup.connection("shop", &format!("{}/admin/api/2026-10", shopify.url), &more).connection(
            "shop-reads",
            &format!("{}/reads/2026-10", shopify.url),
            &reads,
        );
        Self { host: setup.plugin("shopify", "shopify", &(settings + crate::AT_ONCE)).start().await, service: shopify }
    }

    /// How many writes there were so far.
    fn writes(&self) -> usize {
        self.service.writes().iter().filter(|write| write.starts_with("POST /admin/api/")).count()
    }
}

/// What Shopify answers who asks too much.
fn throttled() -> Reply {
    let status = json!({ "maximumAvailable": 2000.0, "currentlyAvailable": 9, "restoreRate": 100.0 });
    let cost = json!({ "requestedQueryCost": 10, "actualQueryCost": null, "throttleStatus": status });
    Reply::new(
        200,
        json!({ "errors": [{ "message": "Throttled", "extensions": { "code": "THROTTLED" } }], "extensions": { "cost": cost } }),
    )
}
