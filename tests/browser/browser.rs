//! Chromium without a screen, driven through WebDriver.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// How long a page may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser, and the driver that it hangs on.
pub(crate) struct Browser {
    pub client: Client,
    driver: Child,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    Light,
    Dark,
    Phone,
}

/// A command that only Chromium's driver knows.
#[derive(Debug)]
struct OfChromium {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for OfChromium {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut driver = Command::new("chromedriver");
        let driver = driver.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let driver = driver.spawn().expect("chromedriver is there; `cargo xtask browser` installs it");
        let capabilities = json!({
            "goog:chromeOptions": { "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900", "--hide-scrollbars"] },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let capabilities: Capabilities = capabilities;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match builder.connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => return Self { client, driver },
                Err(fault) => assert!(tokio::time::Instant::now() < deadline, "the driver never answered: {fault}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Goes to a page.
    pub(crate) async fn go(&self, page: &str) {
        self.client.goto(page).await.unwrap();
    }

    /// Fills in the login, and waits for what is behind it.
    pub(crate) async fn log_in(&self, token: &str) {
        self.client.find(Locator::Id("token")).await.unwrap().send_keys(token).await.unwrap();
        self.click("button.main").await;
        self.sees("Overview").await;
    }

    /// Clicks what this selects, once it is there.
    pub(crate) async fn click(&self, css: &str) {
        self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await.unwrap().click().await.unwrap();
    }

    /// Clicks the link or button of this text.
    pub(crate) async fn press(&self, text: &str) {
        let xpath = format!("//*[self::a or self::button][contains(normalize-space(.), '{text}')]");
        self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(&xpath)).await.unwrap().click().await.unwrap();
    }

    /// Waits until the page says this.
    pub(crate) async fn sees(&self, text: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let page = self.run("return document.body.innerText").await;
            let page = page.as_str().unwrap_or_default();
            if page.contains(text) {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "it never said `{text}`: {page}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Runs a script on the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Has pages look so from now on.
    pub(crate) async fn look(&self, look: Look) {
        let scheme = if matches!(look, Look::Dark) { "dark" } else { "light" };
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] })).await;
        let (width, height, mobile) = if matches!(look, Look::Phone) { (390, 844, true) } else { (1280, 900, false) };
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// A picture of the whole page.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let made = self.devtools("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true })).await;
        STANDARD.decode(made["data"].as_str().unwrap()).unwrap()
    }

    /// What the console complained of, and requests that went elsewhere than to `host`.
    pub(crate) async fn complaints(&self, host: &str) -> Vec<String> {
        let complaint = |entry: &Value| (entry["level"] == "SEVERE").then(|| entry["message"].as_str().unwrap_or_default().to_owned());
        let elsewhere = |entry: &Value| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let url = event["message"]["params"]["request"]["url"].as_str()?;
            let sent = event["message"]["method"] == "Network.requestWillBeSent";
            (sent && !url.starts_with(host) && !url.starts_with("data:")).then(|| format!("a request to {url}"))
        };
        let (console, network) = (self.log("browser").await, self.log("performance").await);
        console.iter().filter_map(complaint).chain(network.iter().filter_map(elsewhere)).collect()
    }

    /// Ends it.
    pub(crate) async fn end(mut self) {
        self.client.close().await.unwrap();
        self.driver.kill().await.unwrap();
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let command = OfChromium { path: "se/log", body: json!({ "type": kind }) };
        self.client.issue_cmd(command).await.unwrap().as_array().cloned().unwrap_or_default()
    }

    async fn devtools(&self, name: &str, parameters: Value) -> Value {
        let command = OfChromium { path: "goog/cdp/execute", body: json!({ "cmd": name, "params": parameters }) };
        self.client.issue_cmd(command).await.unwrap()
    }
}
