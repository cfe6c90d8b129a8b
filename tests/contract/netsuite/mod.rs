//! The plugin `netsuite` against a double of SuiteTalk REST.

mod double;
mod goods;
mod orders;
mod stock;

use double::Double;
use mortar_tests::Setup;

use crate::service::Service;

/// NetSuite, and a host with the plugin as it is shipped.
type Erp = crate::erp::Erp<Double>;

impl Erp {
    async fn start() -> Self {
        Self::with(false, |settings| settings).await
    }

    /// With other settings, in an account that allows more to be received than was ordered, or not.
    async fn with(over: bool, settings: impl FnOnce(String) -> String) -> Self {
        let netsuite = Service::start("netsuite/openapi.json", |_| Double::new(over)).await;
        let shipped = std::fs::read_to_string(mortar_tests::paths::root().join("plugins/netsuite/plugin.toml")).unwrap();
        let settings = settings(shipped) + crate::AT_ONCE;
        let setup = Setup::new().file("secret", "s3cret").config(crate::QUICK);
        let secret = setup.path().join("secret");
        let more = |more: &str| {
            let patience = crate::IMPATIENT;
            format!(
                "{patience}{more}auth = {{ kind = \"oauth1\", realm = \"1234567_SB1\", consumer_key = \"ck\", \
                 consumer_secret = {{ file = {secret:?} }}, token = \"tk\", token_secret = {{ file = {secret:?} }} }}\n"
            )
        };
        let query = more("safe_methods = [\"GET\", \"POST\"]\npaths = [\"/suiteql*\"]\n");
        let setup = setup.connection("netsuite", &format!("{}/services/rest/record/v1", netsuite.url), &more("")).connection(
            "netsuite-query",
            &format!("{}/services/rest/query/v1", netsuite.url),
            &query,
        );
        Self { service: netsuite, host: setup.plugin("netsuite", "netsuite", &settings).start().await }
    }

    /// The writes so far.
    fn writes(&self) -> Vec<String> {
        self.service.writes().into_iter().filter(|write| !write.contains("/query/")).collect()
    }
}
