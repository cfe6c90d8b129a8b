//! What a configuration says that makes no sense, beyond what its types can tell.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytesize::ByteSize;
use http::{HeaderName, HeaderValue, Uri};

use super::{Auth, Condition, Config, ConnectionConfig, Preset, SourceConfig, Verify};
use crate::plugin::PluginSettings;
use crate::retry::RetryPolicy;

/// How long MasonHub may send a callback again.
const RETRY_HORIZON: Duration = Duration::from_secs(24 * 3600);

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct Problem {
    /// The setting as a dotted key, for [`locate`](crate::toml_problems::locate).
    pub key: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl Config {
    /// Everything that makes no sense, apart from secrets, files and plugins, which only the
    /// server can look at.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Problems::default();
        found.edge(self);
        found.journal_and_plugins(self);
        found.retry("delivery.retry", &self.delivery.retry);
        found.zeros(&[("delivery.concurrency", self.delivery.concurrency == 0)]);
        for (name, source) in &self.sources {
            found.source(name, source, self.edge.listen);
        }
        found.paths(&self.sources);
        for (name, connection) in &self.connections {
            found.connection(name, connection);
        }
        found.alerts(self);
        found.traces(self);
        found.0
    }
}

impl PluginSettings {
    /// Everything that makes no sense, apart from connections that are not there.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Problems::default();
        if let Some(retry) = &self.retry {
            found.retry("retry", retry);
        }
        found.retry("round_trip.retry", &self.round_trip.retry);
        found.patterns("events", self.events.as_ref());
        found.patterns("round_trip.events", self.round_trip.events.as_ref());
        for (name, grant) in &self.grants {
            let key = dotted(&["grants", name]);
            if !self.connections.contains(name) {
                found.push(key.as_str(), format!("narrows a connection that is not granted: add `{name}` to `connections`, or remove it"));
            }
            for (index, _) in grant.methods.iter().flatten().enumerate().filter(|(_, method)| **method != method.to_ascii_uppercase()) {
                found.push(format!("{key}.methods[{index}]"), "methods are written in capitals, such as \"POST\"");
            }
        }
        if !(0.0..=1.0).contains(&self.probation.rise) {
            found.push("probation.rise", "must be 0 to 1");
        }
        let gate = &self.gate;
        for (key, over, most) in [
            ("gate.last", gate.last > 10_000, "10000"),
            ("gate.size", gate.size > ByteSize::mib(256), "256 MiB"),
            ("gate.time", gate.time > Duration::from_secs(600), "10m"),
        ] {
            if over {
                found.push(key, format!("must be {most} at most"));
            }
        }
        let limits = &self.limits;
        found.zeros(&[
            ("probation.failures", self.probation.failures == 0),
            ("limits.memory", limits.memory.0 == 0),
            ("limits.cpu", limits.cpu.is_zero()),
            ("limits.wall", limits.wall.is_zero()),
            ("gate.last", self.gate.last == 0),
            ("gate.size", self.gate.size.0 == 0),
            ("gate.time", self.gate.time.is_zero()),
        ]);
        found.0
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn push(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { key: key.into(), message: message.into() });
    }

    fn zeros(&mut self, settings: &[(&str, bool)]) {
        for (key, _) in settings.iter().filter(|(_, is_zero)| *is_zero) {
            self.push(*key, "must be more than zero");
        }
    }

    fn patterns(&mut self, key: &str, patterns: Option<&Vec<String>>) {
        for (index, pattern) in patterns.into_iter().flatten().enumerate() {
            if pattern.is_empty() || pattern.strip_suffix('*').unwrap_or(pattern).contains('*') {
                self.push(format!("{key}[{index}]"), "write an event type, or the beginning of one and a `*`, as in `order.*`");
            }
        }
    }

    fn edge(&mut self, config: &Config) {
        let Config { edge, admin, .. } = config;
        self.zeros(&[
            ("edge.connections", edge.connections == 0),
            ("edge.body_limit", edge.body_limit.0 == 0),
            ("edge.header_limit", edge.header_limit.0 == 0),
            ("edge.header_timeout", edge.header_timeout.is_zero()),
            ("edge.body_timeout", edge.body_timeout.is_zero()),
            ("edge.store_timeout", edge.store_timeout.is_zero()),
            ("edge.retry_after", edge.retry_after.is_zero()),
        ]);
        if !admin.listen.ip().is_loopback() && admin.tls.is_none() && !admin.allow_plain {
            self.push(
                "admin.listen",
                "tokens would travel unencrypted: use 127.0.0.1 or [::1], or give [admin.tls] a certificate, \
                 or say `admin.allow_plain = true` where nobody can listen in",
            );
        }
        if edge.proxy_protocol && edge.trusted_proxies.is_empty() {
            self.push("edge.proxy_protocol", "the PROXY protocol is only read from trusted proxies: name them in `edge.trusted_proxies`");
        }
        if admin.listen == edge.listen && edge.listen.port() != 0 {
            self.push("admin.listen", "is the address of `edge.listen`: give it another port");
        }
    }

    fn journal_and_plugins(&mut self, config: &Config) {
        let Config { journal, plugins, .. } = config;
        self.zeros(&[
            ("journal.keep_events", journal.keep_events.is_zero()),
            ("journal.queue", journal.queue == 0),
            ("journal.open_deliveries", journal.open_deliveries == 0),
            ("plugins.component_limit", plugins.component_limit.0 == 0),
            ("plugins.instances", plugins.instances == 0),
            ("plugins.memory_limit", plugins.memory_limit.0 == 0),
            ("plugins.keep_generations", plugins.keep_generations == 0),
            ("plugins.rescan", plugins.rescan.is_zero()),
            ("plugins.compile_memory", plugins.compile_memory.0 == 0),
            ("plugins.compile_time", plugins.compile_time.is_zero()),
        ]);
        if journal.dedupe_window < RETRY_HORIZON {
            self.push("journal.dedupe_window", "must be at least 24h: MasonHub sends a callback again for that long");
        }
    }

    fn traces(&mut self, config: &Config) {
        if let Some(url) = &config.traces.url {
            self.url("traces.url", url, &["https", "http"]);
        }
        if !(0.0..=1.0).contains(&config.traces.share) {
            self.push("traces.share", "is a share of all callbacks: from 0 to 1");
        }
    }

    fn alerts(&mut self, config: &Config) {
        let alerts = &config.alerts;
        self.zeros(&[("alerts.look", alerts.look.is_zero())]);
        if !alerts.silence.is_zero() && !config.metrics.enabled {
            self.push("alerts.silence", "needs `metrics.enabled`: who counts nothing does not notice silence");
        }
        if let Some(mail) = &alerts.mail {
            let is_mail = |url: &str| url.starts_with("smtp://") || url.starts_with("smtps://");
            match config.connections.get(&mail.connection) {
                None => self.push("alerts.mail.connection", format!("there is no [connections.{}]", mail.connection)),
                Some(connection) if !is_mail(&connection.url) => {
                    self.push("alerts.mail.connection", "is no mail server: its URL has to start with smtps:// or smtp://");
                }
                Some(_) => {}
            }
            if !(1..=50).contains(&mail.to.len()) {
                self.push("alerts.mail.to", "name 1 to 50 recipients");
            }
        }
        if let Some(webhook) = &alerts.webhook {
            self.url("alerts.webhook.url", &webhook.url, &["https", "http"]);
        }
        if (alerts.mail.is_some() || alerts.webhook.is_some()) && alerts.kinds.is_empty() {
            self.push("alerts.kinds", "there is none: leave [alerts] out if nobody is to be told of anything");
        }
    }

    fn retry(&mut self, at: &str, policy: &RetryPolicy) {
        if !(1..=1000).contains(&policy.attempts) {
            self.push(format!("{at}.attempts"), "must be 1 to 1000");
        }
        if policy.first_delay.is_zero() {
            self.push(format!("{at}.first_delay"), "must be more than zero");
        }
        if policy.first_delay > policy.longest_delay {
            self.push(format!("{at}.first_delay"), "must not be longer than `longest_delay`");
        }
    }

    fn source(&mut self, name: &str, source: &SourceConfig, listen: SocketAddr) {
        let at = dotted(&["sources", name]);
        self.name(&at, name);
        if let Some(path) = &source.path
            && let Some(message) = bad_path(path)
        {
            self.push(format!("{at}.path"), message);
        }
        if let Some(api) = &source.api {
            self.endpoint(&format!("{at}.api"), &["sources", name, "api"], api, &["https", "http"]);
        }
        if let Some(poll) = &source.poll {
            let key = |key: &str| format!("{at}.poll.{key}");
            if source.api.is_none() {
                self.push(format!("{at}.poll"), "there is no API to poll: write [sources.NAME.api] as well");
            }
            self.zeros(&[(&key("interval"), poll.interval.is_zero())]);
            if poll.overlap <= poll.settle {
                self.push(key("overlap"), "must be longer than `settle`, or what settles is never looked at");
            }
            if let Some(snapshot) = &poll.snapshot {
                self.zeros(&[
                    (&key("snapshot.interval"), snapshot.interval.is_zero()),
                    (&key("snapshot.wait"), snapshot.wait.is_zero()),
                    (&key("snapshot.time"), snapshot.time.is_zero()),
                    (&key("snapshot.limit"), snapshot.limit.0 == 0),
                ]);
                for (index, host) in
                    snapshot.hosts.iter().enumerate().filter(|(_, host)| host.is_empty() || host.contains(['/', ':', '*', '@']))
                {
                    self.push(key(&format!("snapshot.hosts[{index}]")), format!("`{host}` is no host's name, as in files.example.com"));
                }
            }
            if poll.kinds.is_empty() {
                self.push(key("kinds"), "there is none: leave [poll] out if nothing is to be polled");
            }
        }
        let (verify, secrets) = (format!("{at}.verify"), format!("{at}.secrets"));
        match &source.verify {
            Verify::Preset(Preset::Masonhub) if source.secrets.is_empty() => {
                self.push(secrets, "`verify = \"masonhub\"` needs a secret, as in secrets = [{ env = \"MASONHUB_SECRET\" }]");
            }
            Verify::Preset(Preset::Masonhub) => {}
            Verify::Preset(Preset::None) => {
                if !listen.ip().is_loopback() {
                    self.push(verify, format!("\"none\" lets anyone send: only where `edge.listen` is on loopback, and it is {listen}"));
                }
                if !source.secrets.is_empty() {
                    self.push(secrets, "nothing uses them with `verify = \"none\"`: did you mean \"masonhub\"?");
                }
            }
            Verify::All(conditions) => {
                if conditions.is_empty() {
                    self.push(&verify, "an empty list would accept anything: write \"none\" if that is meant");
                }
                if !source.secrets.is_empty() {
                    self.push(secrets, "only presets use them: each condition of `verify` has its own `secrets`");
                }
                for (index, condition) in conditions.iter().enumerate() {
                    self.condition(&format!("{verify}[{index}]"), condition);
                }
            }
        }
    }

    fn condition(&mut self, at: &str, condition: &Condition) {
        for setting in condition.missing() {
            self.push(format!("{at}.{setting}"), format!("the scheme `{}` needs it", condition.scheme));
        }
        if condition.secrets.is_empty() {
            self.push(format!("{at}.secrets"), "there is none, so nothing could ever be genuine");
        }
        if condition.past.is_zero() {
            self.push(format!("{at}.past"), "must be more than zero");
        }
        for (setting, header) in [("header", &condition.header), ("timestamp_header", &condition.timestamp_header)] {
            self.header(&format!("{at}.{setting}"), header.as_deref());
        }
    }

    /// Two sources on one path. One below the other is fine: the longer path wins.
    fn paths(&mut self, sources: &BTreeMap<String, SourceConfig>) {
        let mut taken = BTreeMap::new();
        for (name, source) in sources {
            if let Some(other) = taken.insert(source.base_path(name), name) {
                let path = source.base_path(name);
                self.push(dotted(&["sources", name]) + ".path", format!("the source `{other}` has this path too: {path}"));
            }
        }
    }

    fn connection(&mut self, name: &str, connection: &ConnectionConfig) {
        let at = dotted(&["connections", name]);
        self.name(&at, name);
        self.endpoint(&at, &["connections", name], connection, &["https", "http", "smtps", "smtp"]);
    }

    /// What stands at `parts`, which is `at` written out.
    fn endpoint(&mut self, at: &str, parts: &[&str], connection: &ConnectionConfig, schemes: &[&'static str]) {
        let mail = self.url(&format!("{at}.url"), &connection.url, schemes).is_some_and(|scheme| scheme.starts_with("smtp"));
        if mail && !matches!(connection.auth, Auth::None | Auth::Basic { .. }) {
            self.push(format!("{at}.auth"), "a mail server takes `kind = \"basic\"` only");
        }
        match (&connection.from, mail) {
            (None, true) => self.push(format!("{at}.from"), "a mail server needs the sender's address"),
            (Some(_), false) => self.push(format!("{at}.from"), "only a mail server (smtp:// or smtps://) has a sender's address"),
            _ => {}
        }
        self.auth(at, &connection.auth);
        self.header(&format!("{at}.idempotency_header"), connection.idempotency_header.as_deref());
        for (header, value) in &connection.headers {
            let key = dotted(&[parts, &["headers", header]].concat());
            self.header(&key, Some(header));
            if HeaderValue::from_str(value).is_err() {
                self.push(key, "not a header's value");
            }
        }
        for (setting, methods) in [("safe_methods", Some(&connection.safe_methods)), ("methods", connection.methods.as_ref())] {
            self.methods(&format!("{at}.{setting}"), methods);
        }
        for (index, path) in connection.paths.iter().flatten().enumerate().filter(|(_, path)| !path.starts_with(['/', '*'])) {
            self.push(format!("{at}.paths[{index}]"), format!("`{path}` can never match: a path starts with `/`"));
        }
        for problem in connection.limit_problems() {
            self.push(format!("{at}.{}", problem.key), problem.message);
        }
        if let Some(retry) = &connection.retry {
            self.retry(&format!("{at}.retry"), retry);
        }
    }

    fn auth(&mut self, at: &str, auth: &Auth) {
        if let Auth::Header { name, .. } = auth {
            self.header(&format!("{at}.auth.name"), Some(name));
        }
        self.header(&format!("{at}.auth.header"), auth.token_header());
        if let Some(token_url) = auth.token_url() {
            self.url(&format!("{at}.auth.token_url"), token_url, &["https", "http"]);
        }
    }

    /// The URL's scheme, where it is one of these.
    fn url(&mut self, key: &str, url: &str, schemes: &[&'static str]) -> Option<&'static str> {
        let parsed = url.parse::<Uri>().ok().filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
        let scheme = parsed.as_ref().and_then(|uri| schemes.iter().find(|scheme| uri.scheme_str() == Some(scheme)));
        let Some((uri, scheme)) = parsed.as_ref().zip(scheme) else {
            self.push(key, format!("`{url}` is not a URL that starts with {}", schemes.join("://, ") + "://"));
            return None;
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            self.push(key, "credentials do not belong into the URL: use `auth`");
        }
        if uri.query().is_some() {
            self.push(key, "a base URL has no query: the plugin gives it with the path");
        }
        Some(scheme)
    }

    fn methods(&mut self, key: &str, methods: Option<&Vec<String>>) {
        const KNOWN: [&str; 9] = ["GET", "HEAD", "OPTIONS", "QUERY", "POST", "PUT", "PATCH", "MERGE", "DELETE"];
        for (index, method) in methods.into_iter().flatten().enumerate().filter(|(_, method)| !KNOWN.contains(&method.as_str())) {
            let capitals = method.to_uppercase();
            let message = if KNOWN.contains(&capitals.as_str()) {
                format!("methods are written in capitals: `{capitals}`")
            } else {
                format!("`{method}` is not a method; known are {}", KNOWN.join(", "))
            };
            self.push(format!("{key}[{index}]"), message);
        }
    }

    fn header(&mut self, key: &str, name: Option<&str>) {
        if name.is_some_and(|name| HeaderName::from_bytes(name.as_bytes()).is_err()) {
            self.push(key, "not a header's name");
        }
    }

    fn name(&mut self, key: &str, name: &str) {
        let good = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !good {
            self.push(key, "a name is made of a-z, 0-9 and -");
        }
    }
}

fn bad_path(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        Some("a path starts with `/`")
    } else if path.contains(['?', '#', '%', '*']) || path.chars().any(char::is_whitespace) {
        Some("a path is written plainly, without `?`, `#`, `%`, `*` or blanks")
    } else if path.contains("//") || path.split('/').any(|part| part == "." || part == "..") {
        Some("no request has such a path: leave out `//`, `.` and `..`")
    } else {
        None
    }
}

/// A dotted key of these parts, quoted where TOML wants it.
#[must_use]
pub fn dotted(parts: &[&str]) -> String {
    let bare = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let parts: Vec<_> = parts.iter().map(|part| if bare(part) { (*part).to_owned() } else { format!("\"{part}\"") }).collect();
    parts.join(".")
}
