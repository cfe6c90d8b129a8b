//! A directory with configuration and plugins, and the host that runs over it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use mortar_core::delivery::State;
use mortar_core::story::EventStory;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::http::{self, Answer};
use crate::paths;

/// The secret of the source `masonhub`.
pub const SECRET: &str = "mh_test_secret_0123456789abcdef";

/// The host's own token.
pub const TOKEN: &str = "admin-token-for-tests";

/// How long something may take before the test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A directory that a host can run over.
pub struct Setup {
    directory: TempDir,
    edge: SocketAddr,
    admin: SocketAddr,
    config: String,
    edge_settings: String,
    admin_settings: String,
    plugin_settings: String,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// One source `masonhub`, no connection, no plugin.
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::create_dir(directory.path().join("plugins")).unwrap();
        let config = "[sources.masonhub]\nverify = \"masonhub\"\nsecrets = [{ env = \"MASONHUB_SECRET\" }]\n".to_owned();
        Self {
            directory,
            edge: free_address(),
            admin: free_address(),
            config,
            edge_settings: String::new(),
            admin_settings: String::new(),
            plugin_settings: String::new(),
        }
    }

    /// Adds to the configuration.
    #[must_use]
    pub fn config(mut self, more: &str) -> Self {
        self.config.push_str(more);
        self.config.push('\n');
        self
    }

    /// Adds to `[edge]`.
    #[must_use]
    pub fn edge(mut self, more: &str) -> Self {
        self.edge_settings.push_str(more);
        self.edge_settings.push('\n');
        self
    }

    /// Adds to `[admin]`.
    #[must_use]
    pub fn admin(mut self, more: &str) -> Self {
        self.admin_settings.push_str(more);
        self.admin_settings.push('\n');
        self
    }

    /// Has another text in the configuration from now on.
    pub fn reconfigure(&mut self, old: &str, new: &str) {
        for part in [&mut self.config, &mut self.edge_settings, &mut self.admin_settings] {
            *part = part.replace(old, new);
        }
        self.write();
    }

    /// The address of the admin API.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Adds to `[plugins]`.
    #[must_use]
    pub fn plugins(mut self, more: &str) -> Self {
        self.plugin_settings.push_str(more);
        self
    }

    /// Adds a connection to a server on this machine.
    #[must_use]
    pub fn connection(self, name: &str, url: &str, more: &str) -> Self {
        self.config(&format!("[connections.{name}]\nurl = \"{url}\"\nprivate_addresses = true\n{more}"))
    }

    /// Has a connection another name from the next start on.
    pub fn rename_connection(&mut self, name: &str, new: &str) {
        self.config = self.config.replace(&format!("[connections.{name}]"), &format!("[connections.{new}]"));
    }

    /// Adds a plugin.
    #[must_use]
    pub fn plugin(self, name: &str, component: &str, settings: &str) -> Self {
        let place = self.path().join("plugins").join(name);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::copy(paths::component(component), place.join("plugin.wasm")).unwrap();
        std::fs::write(place.join("plugin.toml"), settings).unwrap();
        self
    }

    /// Adds the misbehaving plugin, which may use the connections `erp` and `mail` where they are there.
    #[must_use]
    pub fn misbehaving(self, behaviour: &str, settings: &str) -> Self {
        let there = ["erp", "mail"].into_iter().filter(|name| self.config.contains(&format!("[connections.{name}]")));
        let connections: Vec<_> = there.collect();
        let settings = format!("connections = {connections:?}\n{settings}\n[config]\nbehaviour = \"{behaviour}\"\n");
        self.plugin("misbehave", "misbehave", &settings)
    }

    /// Writes a file below the directory.
    #[must_use]
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let file = self.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, contents).unwrap();
        self
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes the configuration file and says where.
    pub fn write(&self) -> PathBuf {
        let file = self.path().join("mortar.toml");
        let cache = paths::cache();
        let text = format!(
            "[edge]\nlisten = \"{}\"\n{}\n[admin]\nlisten = \"{}\"\ntoken = {{ env = \"MORTAR_ADMIN_TOKEN\" }}\n{}\n\
             [log]\nformat = \"json\"\nlevel = \"debug\"\n[plugins]\ncache = {cache:?}\n{}{}",
            self.edge, self.edge_settings, self.admin, self.admin_settings, self.plugin_settings, self.config
        );
        std::fs::write(&file, text).unwrap();
        file
    }

    /// Runs a command of the binary over this directory.
    pub async fn mortar(&self, arguments: &[&str]) -> Output {
        self.write();
        self.command(arguments).output().await.unwrap()
    }

    /// The address of the source `masonhub`.
    pub fn url(&self) -> String {
        format!("http://{}/webhooks/masonhub", self.edge)
    }

    /// The address of the admin API, and its token.
    pub fn admin_access(&self) -> (SocketAddr, &'static str) {
        (self.admin, TOKEN)
    }

    /// Asks the admin API of the host that runs over this directory; an error where it does not.
    pub async fn ask(&self, path: &str) -> Result<Answer, String> {
        let bearer = format!("Bearer {TOKEN}");
        http::send("GET", &format!("http://{}{path}", self.admin), &[("authorization", &bearer)], "").await
    }

    /// Keeps the directory for a look, and says where it is.
    pub fn keep(&mut self) -> &Path {
        self.directory.disable_cleanup(true);
        self.directory.path()
    }

    /// A command of the binary over this directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(paths::mortar());
        command.args(arguments).env("MORTAR_CONFIG", self.path().join("mortar.toml"));
        command.env("MASONHUB_SECRET", SECRET).env("MORTAR_ADMIN_TOKEN", TOKEN).env("NO_COLOR", "1").current_dir(self.path());
        command
    }

    /// Starts the host.
    pub async fn start(self) -> Host {
        self.start_with(&[]).await
    }

    /// Starts the host with these variables as well.
    pub async fn start_with(self, environment: &[(&str, &str)]) -> Host {
        self.write();
        let (child, log) = serve(&self, environment).await;
        Host { setup: self, child, log }
    }
}

/// A running host.
pub struct Host {
    pub setup: Setup,
    child: Child,
    log: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Host {
    /// The admin address.
    pub fn admin(&self) -> SocketAddr {
        self.setup.admin
    }

    /// The host's own token.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// Makes a token of this role.
    pub async fn create_token(&self, name: &str, role: &str) -> String {
        let bearer = format!("Bearer {TOKEN}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = serde_json::json!({ "name": name, "role": role }).to_string();
        let answer = http::send("POST", &format!("http://{}/api/tokens", self.setup.admin), &headers, body).await.unwrap();
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// The edge's address.
    pub fn edge(&self) -> SocketAddr {
        self.setup.edge
    }

    /// The address of the source `masonhub`.
    pub fn url(&self) -> String {
        self.setup.url()
    }

    /// Sends a genuine callback.
    pub async fn send(&self, callback: &Value) -> Answer {
        self.send_bytes(serde_json::to_vec(callback).unwrap()).await
    }

    /// Sends a genuine callback of these bytes.
    pub async fn send_bytes(&self, body: Vec<u8>) -> Answer {
        let (name, value) = http::signature(SECRET, &body);
        http::send("POST", &self.url(), &[(name, &value)], body).await.unwrap()
    }

    /// Asks the admin API.
    pub async fn ask(&self, path: &str) -> Answer {
        self.setup.ask(path).await.unwrap()
    }

    /// Asks the admin API with this token and body.
    pub async fn ask_as(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        http::send(method, &format!("http://{}{path}", self.setup.admin), &headers, body.to_owned()).await.unwrap()
    }

    /// Asks the admin API without a token.
    pub async fn ask_without_token(&self, path: &str) -> Answer {
        http::send("GET", &format!("http://{}{path}", self.setup.admin), &[], "").await.unwrap()
    }

    /// The story of an event.
    pub async fn story(&self, event: &str) -> Option<EventStory> {
        let answer = self.ask(&format!("/api/events/{event}")).await;
        (answer.status == 200).then(|| serde_json::from_slice(&answer.body).unwrap())
    }

    /// The story of an event, as soon as all its deliveries are in this state.
    pub async fn until(&self, event: &str, state: State) -> EventStory {
        self.when(event, |story| !story.deliveries.is_empty() && story.deliveries.iter().all(|d| d.delivery.state == state)).await
    }

    /// The story of an event, as soon as this holds of it.
    pub async fn when(&self, event: &str, holds: impl Fn(&EventStory) -> bool) -> EventStory {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let story = self.story(event).await;
            match story {
                Some(story) if holds(&story) => return story,
                story => assert!(Instant::now() < deadline, "it never came so far: {story:#?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Puts a file below the directory in place whole, in the place of one that may be there.
    pub fn replace(&self, path: &str, contents: impl AsRef<[u8]>) {
        let (file, new) = (self.setup.path().join(path), self.setup.path().join("new"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&new, contents).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// How a plugin is.
    pub async fn plugin(&self, name: &str) -> Value {
        self.ask(&format!("/api/plugins/{name}")).await.json()
    }

    /// How a plugin is, as soon as this holds of it.
    pub async fn when_plugin(&self, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let plugin = self.plugin(name).await;
            if holds(&plugin) {
                return plugin;
            }
            assert!(Instant::now() < deadline, "the plugin never came so far: {plugin:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How a plugin is, as soon as it is in this state.
    pub async fn in_state(&self, name: &str, state: &str) -> Value {
        self.when_plugin(name, |plugin| plugin["state"] == state).await
    }

    /// The digest of a plugin's version, as soon as it is another one.
    pub async fn swapped(&self, name: &str, before: &str) -> String {
        let plugin = self.when_plugin(name, |plugin| plugin["digest"].as_str().is_some_and(|digest| digest != before)).await;
        plugin["digest"].as_str().unwrap().to_owned()
    }

    /// Runs a command of the binary against this host.
    pub async fn mortar(&self, arguments: &[&str]) -> Output {
        self.setup.command(arguments).output().await.unwrap()
    }

    /// Waits for a line of the host's log that contains this.
    pub async fn logged(&mut self, text: &str) -> String {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.log.recv()).await;
            match line {
                Ok(Some(line)) if line.contains(text) => return line,
                Ok(Some(_)) => {}
                _ => panic!("the host never logged `{text}`"),
            }
        }
    }

    /// Every line that the host has logged and nobody has waited for.
    pub fn log_lines(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.log.try_recv().ok()).collect()
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Ends the host as a power cut of the process would.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts the host again over the same directory.
    pub async fn restart(&mut self) {
        self.setup.write();
        (self.child, self.log) = serve(&self.setup, &[]).await;
    }

    /// Has the host read its configuration again, by signal.
    pub async fn hang_up(&self) {
        let pid = self.child.id().unwrap().to_string();
        Command::new("kill").args(["-HUP", &pid]).status().await.unwrap();
    }

    /// Asks the host to stop, and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        let pid = self.child.id().unwrap().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
        self.child.wait().await.unwrap()
    }
}

async fn serve(setup: &Setup, environment: &[(&str, &str)]) -> (Child, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let mut child = setup.command(&["serve"]).envs(environment.iter().copied()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut before = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let serving = line.contains("\"serving\"");
        before.push(line);
        if serving {
            let (send, receive) = tokio::sync::mpsc::unbounded_channel();
            before.into_iter().for_each(|line| send.send(line).unwrap());
            tokio::spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    let _ = send.send(line);
                }
            });
            return (child, receive);
        }
    }
    panic!("the host does not serve:\n{}", before.join("\n"));
}

/// An address that nobody listens on. Its port lies below those that the kernel gives to outgoing
/// connections, and no two tests of one process get the same.
fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// The port of such an address.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 100).unwrap() * 100;
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
