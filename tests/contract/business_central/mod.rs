//! The plugin `business-central` against a double of the API v2.0.

mod double;
mod goods;
mod orders;
mod stock;

use double::Double;
use mortar_tests::Setup;

use crate::service::Service;

/// Business Central, and a host with the plugin as it is shipped.
type Erp = crate::erp::Erp<Double>;

impl Erp {
    async fn start() -> Self {
        Self::with(|settings| settings).await
    }

    /// With other settings.
    async fn with(settings: impl FnOnce(String) -> String) -> Self {
        let central = Service::start("business_central/openapi.json", |_| Double::new()).await;
        let shipped = std::fs::read_to_string(mortar_tests::paths::root().join("plugins/business-central/plugin.toml")).unwrap();
        let settings = settings(shipped) + crate::AT_ONCE;
        let setup = Setup::new().file("secret", "s3cret").config(crate::QUICK);
        let more = format!(
            "{}auth = {{ kind = \"oauth2-client-credentials\", token_url = \"{}/token\", \
             client_id = \"mortar\", client_secret = {{ file = {:?} }}, scope = \"https://api.businesscentral.dynamics.com/.default\" }}\n",
            crate::IMPATIENT,
            central.url,
            setup.path().join("secret")
        );
        let setup = setup.connection("business-central", &format!("{}/api", central.url), &more);
        Self { service: central, host: setup.plugin("business-central", "business-central", &settings).start().await }
    }

    /// How often something was posted, as the requests say.
    fn postings(&self) -> usize {
        self.service.writes().iter().filter(|write| write.contains("Microsoft.NAV")).count()
    }
}
