//! A real Vendure for one test: a database and a server of its own.
//!
//! `cargo xtask e2e` installs what it needs, and says where in `vendure.json`.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::RwLockReadGuard;

use crate::Setup;
use crate::http::{Answer, send};
use crate::paths::root;
use crate::setup::free_port;
use crate::tryton::{CLUSTER, Installed, listens, psql};

/// What `cargo xtask e2e` says.
#[derive(Debug, Deserialize)]
struct Program {
    server: PathBuf,
    template: String,
}

impl Program {
    fn read() -> Self {
        let file = Installed::file().with_file_name("vendure.json");
        let text = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}; `cargo xtask e2e` installs the shop first", file.display()));
        serde_json::from_slice(&text).unwrap()
    }
}

/// The administrator that Mortar logs in as.
const USER: &str = "mortar@example.com";
const PASSWORD: &str = "mortar-password";

/// A running Vendure.
pub struct Vendure {
    installed: Installed,
    program: Program,
    database: String,
    port: u16,
    server: Child,
    _cluster: RwLockReadGuard<'static, ()>,
}

impl Vendure {
    /// Starts one over a fresh copy of the seeded database.
    pub async fn start() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let cluster = CLUSTER.read().await;
        let (installed, program) = (Installed::read(), Program::read());
        let database = format!("test_shop_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        psql(&installed, "postgres", &format!("create database {database} template {}", program.template)).await;
        let port = free_port();
        let server = serve(&installed, &program, &database, port);
        listens(port).await;
        Self { installed, program, database, port, server, _cluster: cluster }
    }

    /// The port of its server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A host with the plugin as it is shipped, that reaches Vendure at this port.
    pub fn host(&self, port: u16) -> Setup {
        let host = Setup::new().config("[delivery.retry]\nfirst_delay = \"200ms\"\nlongest_delay = \"1s\"\nattempts = 500\n");
        self.join(host, port, "")
    }

    /// Adds the plugin, with further `[config]`, and its connection to a host.
    pub fn join(&self, host: Setup, port: u16, more: &str) -> Setup {
        let settings = std::fs::read_to_string(root().join("plugins/vendure/plugin.toml")).unwrap();
        let soon = "\n[round_trip]\nafter = \"0s\"\nretry = { first_delay = \"200ms\", longest_delay = \"1s\", attempts = 500 }\n";
        let body = "{ query = \"mutation ($p: String!) { login(username: \\\"mortar@example.com\\\", password: $p) { __typename } }\", variables = { p = \"{password}\" } }";
        let auth = format!(
            "kind = \"login\", token_url = \"http://127.0.0.1:{}/admin-api\", body = {body}, password = {{ file = \"shop-password\" }}, \
             token = \"vendure-auth-token\", refused = {{ at = \"/errors/0/extensions/code\", is = \"FORBIDDEN\" }}",
            self.port
        );
        let connection = format!(
            "connect_timeout = \"1s\"\ntimeout = \"8s\"\nauth = {{ {auth} }}\nbreaker = {{ first_open = \"100ms\", longest_open = \"1s\" }}"
        );
        host.file("shop-password", PASSWORD).connection("shop", &format!("http://127.0.0.1:{port}"), &connection).plugin(
            "vendure",
            "vendure",
            &(settings + more + soon),
        )
    }

    /// Asks the admin API; anything but data ends the test.
    pub async fn admin(&self, document: &str, variables: Value) -> Value {
        let token = self.log_in("superadmin", "superadmin").await;
        data(&self.post("admin-api", document, &variables, &token).await)
    }

    /// Ends the sessions of the administrator that Mortar logs in as, as an operator may.
    pub async fn end_sessions(&self) {
        let token = self.log_in(USER, PASSWORD).await;
        data(&self.post("admin-api", "mutation { logout { success } }", &json!({}), &token).await);
    }

    async fn log_in(&self, user: &str, password: &str) -> String {
        let document = "mutation ($u: String!, $p: String!) { login(username: $u, password: $p) { __typename } }";
        token(&self.post("admin-api", document, &json!({ "u": user, "p": password }), "").await).unwrap()
    }

    /// A customer places an order and pays for it; its code.
    pub async fn order(&self, lines: &[(&str, i64)]) -> String {
        let mut customer = String::new();
        for (sku, quantity) in lines {
            let variant = self.variant(sku).await["id"].clone();
            let add = "mutation ($v: ID!, $q: Int!) { addItemToOrder(productVariantId: $v, quantity: $q) { __typename } }";
            let answer = self.post("shop-api", add, &json!({ "v": variant, "q": quantity }), &customer).await;
            data(&answer);
            if let Some(token) = token(&answer) {
                customer = token;
            }
        }
        let steps = [
            "mutation { setCustomerForOrder(input: { firstName: \"Ada\", lastName: \"Customer\", emailAddress: \"ada@example.com\" }) { __typename } }",
            "mutation { setOrderShippingAddress(input: { fullName: \"Ada Customer\", streetLine1: \"1 Main St\", countryCode: \"US\" }) { __typename } }",
            "mutation { setOrderShippingMethod(shippingMethodId: [\"1\"]) { __typename } }",
            "mutation { transitionOrderToState(state: \"ArrangingPayment\") { __typename } }",
            "mutation { addPaymentToOrder(input: { method: \"card\", metadata: {} }) { ... on Order { code } } }",
        ];
        let mut last = Value::Null;
        for step in steps {
            last = data(&self.post("shop-api", step, &json!({}), &customer).await);
        }
        last["addPaymentToOrder"]["code"].as_str().unwrap_or_else(|| panic!("{last}")).to_owned()
    }

    /// An order with its fulfilments, as the admin API has it.
    pub async fn find(&self, code: &str) -> Value {
        let document = "query ($c: String!) { orders(options: { filter: { code: { eq: $c } } }) { items {
            id state lines { id quantity } fulfillments { id state method trackingCode lines { quantity } }
            history(options: { filter: { type: { eq: \"ORDER_NOTE\" } } }) { items { data isPublic } }
        } } }";
        self.admin(document, json!({ "c": code })).await["orders"]["items"][0].take()
    }

    async fn variant(&self, sku: &str) -> Value {
        let document = "query ($s: String!) { productVariants(options: { filter: { sku: { eq: $s } } }) {
            items { id stockLevels { stockOnHand stockAllocated stockLocation { id name } } }
        } }";
        self.admin(document, json!({ "s": sku })).await["productVariants"]["items"][0].take()
    }

    /// Units of a SKU on hand at a location.
    pub async fn held(&self, sku: &str, place: &str) -> i64 {
        let variant = self.variant(sku).await;
        let level = variant["stockLevels"].as_array().unwrap().iter().find(|level| level["stockLocation"]["name"] == place);
        level.map_or(0, |level| level["stockOnHand"].as_i64().unwrap())
    }

    /// Makes a SKU have so many on hand at the first location, as an operator would.
    pub async fn set_stock(&self, sku: &str, quantity: i64) {
        let document = "mutation ($i: [UpdateProductVariantInput!]!) { updateProductVariants(input: $i) { id } }";
        let variant = self.variant(sku).await["id"].clone();
        self.admin(document, json!({ "i": [{ "id": variant, "stockOnHand": quantity }] })).await;
    }

    async fn post(&self, path: &str, document: &str, variables: &Value, token: &str) -> Answer {
        let url = format!("http://127.0.0.1:{}/{path}", self.port);
        let bearer = format!("Bearer {token}");
        let body = json!({ "query": document, "variables": variables }).to_string();
        send("POST", &url, &[("content-type", "application/json"), ("authorization", &bearer)], body).await.unwrap()
    }

    /// Ends its server as a power cut of the process would.
    pub async fn kill(&mut self) {
        self.server.kill().await.unwrap();
    }

    /// Starts its server again.
    pub async fn start_again(&mut self) {
        self.server = serve(&self.installed, &self.program, &self.database, self.port);
        listens(self.port).await;
    }
}

impl Drop for Vendure {
    fn drop(&mut self) {
        let _ = self.server.start_kill();
        let drop = format!("drop database if exists {} with (force)", self.database);
        let _ = self.installed.psql("postgres", &drop).status();
    }
}

fn token(answer: &Answer) -> Option<String> {
    let token = answer.headers.get("vendure-auth-token")?.to_str().unwrap();
    Some(token.to_owned()).filter(|token| !token.is_empty())
}

fn data(answer: &Answer) -> Value {
    let mut said = answer.json();
    assert!(said["errors"].is_null() && said["data"].is_object(), "{}", String::from_utf8_lossy(&answer.body));
    said["data"].take()
}

fn serve(installed: &Installed, program: &Program, database: &str, port: u16) -> Child {
    let mut server = Command::new("node");
    server.arg(&program.server).env("VENDURE_DISABLE_TELEMETRY", "true").env("VENDURE_DATABASE", database);
    server.env("VENDURE_POSTGRES_PORT", installed.postgres_port.to_string()).env("VENDURE_PORT", port.to_string());
    server.current_dir(program.server.parent().unwrap()).stdout(Stdio::null()).stderr(Stdio::null());
    server.kill_on_drop(true).spawn().unwrap()
}
