//! A real Tryton for one test: a database, a server and a mail catcher of its own.
//!
//! `cargo xtask e2e` installs what it needs, and says where in `erp.json`.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::Instant;

use crate::Setup;
use crate::http::send;
use crate::paths::root;
use crate::setup::{PATIENCE, free_port};

/// The cluster serves all tests, so one that stops it must be alone.
pub(crate) static CLUSTER: RwLock<()> = RwLock::const_new(());

/// What `cargo xtask e2e` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Installed {
    pub(crate) postgres_port: u16,
    postgres_data: PathBuf,
    pg_ctl: PathBuf,
    python: PathBuf,
    trytond: PathBuf,
    template: String,
    key: String,
}

impl Installed {
    /// Where `cargo xtask e2e` says it.
    pub(crate) fn file() -> PathBuf {
        std::env::var_os("MORTAR_ERP").map_or_else(|| root().join("target/erp/erp.json"), PathBuf::from)
    }

    pub(crate) fn read() -> Self {
        let file = Self::file();
        let text = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}; `cargo xtask e2e` installs the ERP first", file.display()));
        serde_json::from_slice(&text).unwrap()
    }
}

impl Installed {
    pub(crate) fn psql(&self, database: &str, sql: &str) -> std::process::Command {
        let mut psql = std::process::Command::new(self.pg_ctl.with_file_name("psql"));
        psql.args(["-h", "127.0.0.1", "-p", &self.postgres_port.to_string(), "-U", "postgres"]);
        psql.args(["-v", "ON_ERROR_STOP=1", "-qc", sql, database]);
        psql
    }

    fn pg_ctl_start(&self) -> std::process::Command {
        let log = self.postgres_data.join("server.log");
        self.pg_ctl(&["-l", &log.to_string_lossy(), "-w", "start"])
    }

    /// `pg_ctl`, which runs under the account that owns the data.
    fn pg_ctl(&self, arguments: &[&str]) -> std::process::Command {
        let said = |program: &str, arguments: &[&str]| {
            let output = std::process::Command::new(program).args(arguments).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let owner = said("stat", &["-c", "%U", &self.postgres_data.to_string_lossy()]);
        let mut command = match owner == said("id", &["-un"]) {
            true => std::process::Command::new(&self.pg_ctl),
            false => {
                let mut command = std::process::Command::new("runuser");
                command.args(["-u", &owner, "--"]).arg(&self.pg_ctl);
                command
            }
        };
        command.arg("-D").arg(&self.postgres_data).args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

enum Share {
    Some { _guard: RwLockReadGuard<'static, ()> },
    All { _guard: RwLockWriteGuard<'static, ()> },
}

/// A running Tryton.
pub struct Tryton {
    installed: Installed,
    directory: TempDir,
    database: String,
    port: u16,
    server: Child,
    _smtp: Child,
    share: Share,
}

impl Tryton {
    /// Starts one over a fresh copy of the seeded database.
    pub async fn start() -> Self {
        Self::start_with(Share::Some { _guard: CLUSTER.read().await }).await
    }

    /// The same, while no other test runs one: so PostgreSQL may be stopped.
    pub async fn start_alone() -> Self {
        Self::start_with(Share::All { _guard: CLUSTER.write().await }).await
    }

    async fn start_with(share: Share) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let installed = Installed::read();
        let database = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        psql(&installed, "postgres", &format!("create database {database} template {}", installed.template)).await;
        Self::start_over(share, database).await
    }

    async fn start_over(share: Share, database: String) -> Self {
        let installed = Installed::read();
        let directory = TempDir::new().unwrap();
        let (port, smtp_port) = (free_port(), free_port());
        let configuration = format!(
            "[database]\nuri = postgresql://postgres@127.0.0.1:{}/\n[web]\nlisten = 127.0.0.1:{port}\n\
             [email]\nuri = smtp://127.0.0.1:{smtp_port}\nfrom = erp@example.com\n",
            installed.postgres_port
        );
        std::fs::write(directory.path().join("trytond.conf"), configuration).unwrap();
        let mut smtp = Command::new(&installed.python);
        smtp.args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{smtp_port}"), "-c", "aiosmtpd.handlers.Mailbox"]);
        let smtp = smtp.arg(directory.path().join("mails")).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let server = serve(&installed, directory.path());
        let tryton = Self { installed, directory, database, port, server, _smtp: smtp, share };
        listens(smtp_port).await;
        listens(port).await;
        tryton.search("sale.sale", json!([]), &[]).await;
        tryton
    }

    /// Another one over a copy of its database as it is now. Its own server is started again meanwhile.
    pub async fn copy(&mut self) -> Self {
        self.kill().await;
        let database = format!("{}_copy", self.database);
        // What the server had open would keep the database from being copied.
        let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'", self.database);
        psql(&self.installed, "postgres", &end).await;
        psql(&self.installed, "postgres", &format!("create database {database} template {}", self.database)).await;
        self.start_again().await;
        let share = match self.share {
            Share::Some { .. } => Share::Some { _guard: CLUSTER.read().await },
            Share::All { .. } => panic!("whoever is alone has one only"),
        };
        Self::start_over(share, database).await
    }

    /// The base of its REST interface.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{}/rest/model", self.port, self.database)
    }

    /// The header by which it is used.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.installed.key)
    }

    /// The port of its server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A host with the plugin as it is shipped, that reaches Tryton at this port.
    pub fn host(&self, port: u16) -> Setup {
        self.patient_host(port, "8s")
    }

    /// The same, with a time that it waits for an answer.
    pub fn patient_host(&self, port: u16, timeout: &str) -> Setup {
        let host = Setup::new().config("[delivery.retry]\nfirst_delay = \"200ms\"\nlongest_delay = \"1s\"\nattempts = 500\n");
        self.join(host, port, timeout)
    }

    /// Adds the plugin as it is shipped and its connection to a host.
    pub fn join(&self, host: Setup, port: u16, timeout: &str) -> Setup {
        let settings = std::fs::read_to_string(root().join("plugins/tryton/plugin.toml")).unwrap();
        let soon = "\n[round_trip]\nafter = \"0s\"\nretry = { first_delay = \"200ms\", longest_delay = \"1s\", attempts = 500 }\n";
        let connection = format!(
            "connect_timeout = \"1s\"\ntimeout = \"{timeout}\"\nauth = {{ kind = \"bearer\", token = {{ file = \"key\" }} }}\n\
             breaker = {{ first_open = \"100ms\", longest_open = \"1s\" }}"
        );
        host.file("key", &self.installed.key)
            .connection("erp", &format!("http://127.0.0.1:{port}/{}/rest/model", self.database), &connection)
            .plugin("tryton", "tryton", &(settings + soon))
    }

    /// One request to the REST interface; anything but success ends the test.
    pub async fn rest(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("http://127.0.0.1:{}/{}/rest/model/{path}", self.port, self.database);
        let bearer = format!("Bearer {}", self.installed.key);
        let context = URL_SAFE.encode(json!({ "company": 1 }).to_string());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("x-tryton-context", &context)];
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let answer = send(method, &url, &headers, body).await.unwrap();
        assert_eq!(answer.status, 200, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// The records of a model.
    pub async fn search(&self, model: &str, domain: Value, fields: &[&str]) -> Vec<Value> {
        let fields: String = fields.iter().map(|field| format!("&f={field}")).collect();
        let path = format!("{model}?d={}{fields}", URL_SAFE.encode(domain.to_string()));
        let Value::Array(found) = self.rest("GET", &path, &Value::Null).await else { panic!("{model}: not a list") };
        found
    }

    /// Lets a record make transitions, as an operator would.
    pub async fn act(&self, model: &str, id: i64, actions: &[&str]) {
        for action in actions {
            self.rest("POST", &format!("{model}/{id}/{action}"), &json!({})).await;
        }
    }

    /// The id of the only record.
    pub async fn id(&self, model: &str, domain: Value) -> i64 {
        let found = self.search(model, domain, &[]).await;
        assert_eq!(found.len(), 1, "{model}: {found:?}");
        found[0]["id"].as_i64().unwrap()
    }

    async fn product(&self, sku: &str) -> i64 {
        self.id("product.product", json!([["code", "=", sku]])).await
    }

    /// The lines of a sale or a purchase.
    async fn lines(&self, lines: &[(&str, i64)]) -> Value {
        let mut all = Vec::new();
        for (sku, quantity) in lines {
            let price = json!({ "__class__": "Decimal", "decimal": "20" });
            let product = self.product(sku).await;
            all.push(json!({ "type": "line", "product": product, "quantity": quantity, "unit": 1, "unit_price": price }));
        }
        json!([["create", all]])
    }

    /// The head of a sale or a purchase.
    async fn head(&self, party: &str, reference: &str, lines: &[(&str, i64)]) -> Value {
        let party = self.search("party.party", json!([["name", "=", party]]), &["addresses"]).await.remove(0);
        json!({
            "company": 1, "currency": 1, "party": party["id"], "invoice_address": party["addresses"][0], "reference": reference,
            "invoice_method": "manual", "lines": self.lines(lines).await,
        })
    }

    /// A sale that waits to be quoted.
    pub async fn quotation(&self, reference: &str, lines: &[(&str, i64)]) -> i64 {
        let mut head = self.head("Ada Customer", reference, lines).await;
        head["shipment_address"] = head["invoice_address"].clone();
        self.rest("POST", "sale.sale", &head).await["id"].as_i64().unwrap()
    }

    /// A sale that waits to be shipped.
    pub async fn sale(&self, reference: &str, lines: &[(&str, i64)]) -> i64 {
        let id = self.quotation(reference, lines).await;
        self.act("sale.sale", id, &["quote", "confirm", "process"]).await;
        id
    }

    /// A purchase that waits to be received.
    pub async fn purchase(&self, reference: &str, lines: &[(&str, i64)]) -> i64 {
        let mut head = self.head("Threads Supplier", reference, lines).await;
        head["warehouse"] = self.id("stock.location", json!([["type", "=", "warehouse"]])).await.into();
        let id = self.rest("POST", "purchase.purchase", &head).await["id"].as_i64().unwrap();
        self.act("purchase.purchase", id, &["quote", "confirm", "process"]).await;
        id
    }

    /// The only shipment of a sale, in whatever state.
    pub async fn shipment(&self, reference: &str) -> i64 {
        let sale = self.search("sale.sale", json!([["reference", "=", reference]]), &["shipments"]).await.remove(0);
        sale["shipments"][0].as_i64().unwrap()
    }

    /// Units of a SKU in a place.
    pub async fn held(&self, sku: &str, place: &str) -> i64 {
        let place = self.id("stock.location", json!([["code", "=", place]])).await;
        let context = URL_SAFE.encode(json!({ "company": 1, "locations": [place] }).to_string());
        let domain = URL_SAFE.encode(json!([["code", "=", sku]]).to_string());
        let url = format!("http://127.0.0.1:{}/{}/rest/model/product.product?f=quantity&d={domain}", self.port, self.database);
        let bearer = format!("Bearer {}", self.installed.key);
        let answer = send("GET", &url, &[("authorization", &bearer), ("x-tryton-context", &context)], "").await.unwrap();
        #[allow(clippy::cast_possible_truncation, reason = "a small number of units")]
        let units = answer.json()[0]["quantity"].as_f64().unwrap() as i64;
        units
    }

    /// Makes a place hold so many, as an operator would.
    pub async fn set_stock(&self, sku: &str, place: &str, quantity: i64) {
        let location = self.id("stock.location", json!([["code", "=", place]])).await;
        let lines = json!([["create", [{ "product": self.product(sku).await, "quantity": quantity }]]]);
        let inventory = self.rest("POST", "stock.inventory", &json!({ "company": 1, "location": location, "lines": lines })).await;
        self.act("stock.inventory", inventory["id"].as_i64().unwrap(), &["confirm"]).await;
    }

    /// The mails that Tryton has sent.
    pub fn mails(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.directory.path().join("mails/new")).into_iter().flatten();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }

    /// Runs SQL over its database.
    pub async fn sql(&self, sql: &str) {
        psql(&self.installed, &self.database, sql).await;
    }

    /// Ends its server as a power cut of the process would.
    pub async fn kill(&mut self) {
        self.server.kill().await.unwrap();
    }

    /// Starts its server again.
    pub async fn start_again(&mut self) {
        self.server = serve(&self.installed, self.directory.path());
        listens(self.port).await;
    }

    /// Stops PostgreSQL. Only where this test is alone.
    pub async fn stop_database(&self) {
        assert!(matches!(self.share, Share::All { .. }), "other tests use it too");
        let stopped = Command::from(self.installed.pg_ctl(&["-m", "fast", "-w", "stop"])).status().await.unwrap();
        assert!(stopped.success());
    }

    /// Starts PostgreSQL again.
    pub async fn start_database(&self) {
        let started = Command::from(self.installed.pg_ctl_start()).status().await.unwrap();
        assert!(started.success());
    }
}

impl Drop for Tryton {
    fn drop(&mut self) {
        let _ = self.server.start_kill();
        if matches!(self.share, Share::All { .. }) {
            // A test that failed in between leaves it as it was, for the others; it may run.
            let _ = self.installed.pg_ctl_start().stderr(Stdio::null()).status();
        }
        let drop = format!("drop database if exists {} with (force)", self.database);
        let _ = self.installed.psql("postgres", &drop).status();
    }
}

pub(crate) async fn psql(installed: &Installed, database: &str, sql: &str) {
    let done = Command::from(installed.psql(database, sql)).output().await.unwrap();
    assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
}

fn serve(installed: &Installed, directory: &Path) -> Child {
    let log = std::fs::File::create(directory.join("trytond.log")).unwrap();
    let mut command = Command::new(&installed.trytond);
    command.arg("-c").arg(directory.join("trytond.conf")).stdout(Stdio::null()).stderr(log);
    command.kill_on_drop(true).spawn().unwrap()
}

pub(crate) async fn listens(port: u16) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nothing listens on port {port}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
