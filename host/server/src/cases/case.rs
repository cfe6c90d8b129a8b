//! The format of a case: one TOML file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mortar_core::call::{Request, Response};
use mortar_core::config::ConnectionConfig;
use mortar_core::plugin::PluginSettings;
use mortar_core::toml_problems::read_toml;
use mortar_simulator::samples;
use serde::Deserialize;

use crate::rehearsal::{Canned, Incoming, Script};

/// When callbacks of cases come in, where the case does not say it. A whole second, so that a plugin that
/// writes a clock's fractions is not taken for one that writes the time of receipt.
const RECEIVED: &str = "2026-01-05T12:00:00Z";

/// A case, as its file says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    /// A built-in sample, by its name (`mortar event send --samples`).
    pub event: Option<String>,
    /// In its place: the callback's body, as TOML or as a text.
    pub body: Option<toml::Value>,
    /// In its place: a file beside the case that holds the body.
    pub file: Option<PathBuf>,
    /// Which event of the body, from 0.
    pub record: usize,
    /// The source that the callback comes in by.
    pub source: Option<String>,
    /// When it comes in.
    pub received_at: Option<Timestamp>,
    /// What the plugin remembers of earlier events, by key.
    pub state: BTreeMap<String, toml::Value>,
    /// Goes over `[config]` of the plugin's settings, key by key.
    pub config: toml::Table,
    /// Connections, as in `mortar.toml`; their addresses are never used. One that is not here is an HTTPS
    /// connection with the defaults of everything.
    pub connections: BTreeMap<String, toml::Table>,
    /// What is answered to which step.
    pub answers: BTreeMap<String, OneOrMore>,
    /// What is expected.
    pub expect: Option<Expect>,
}

/// An answer, or some that follow each other.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "answers are a status, \"lost\", \"unavailable\", { status, headers, body }, or a list of those")]
pub enum OneOrMore {
    /// Several.
    More(Vec<Answer>),
    /// One.
    One(Answer),
}

/// An answer of the ERP.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "an answer is a status, \"lost\", \"unavailable\" or { status, headers, body }")]
pub enum Answer {
    /// A status, with `{}`.
    Status(u16),
    /// None.
    Fault(Missing),
    /// All of it.
    Full {
        /// The status.
        status: u16,
        /// Headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body, as TOML or as a text.
        body: Option<toml::Value>,
    },
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The ERP did it, and the answer was lost.
    Lost,
    /// The ERP could not be reached.
    Unavailable,
}

/// What is expected of a delivery.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// `done`, `ignored`, `dead`, or `not-delivered`.
    pub outcome: String,
    /// The error code of a dead letter.
    pub code: Option<String>,
    /// Words of the reason.
    pub reason: Option<String>,
    /// Attempts.
    pub attempts: Option<u32>,
    /// Every call, in order.
    pub calls: Vec<ExpectedCall>,
    /// The plugin's state afterwards, by key.
    pub state: BTreeMap<String, toml::Value>,
}

/// A call that is expected.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCall {
    /// Its step.
    pub step: String,
    /// Its connection.
    #[serde(default = "erp")]
    pub connection: String,
    /// Its method.
    pub method: String,
    /// Its path.
    #[serde(default)]
    pub path: String,
    /// Its headers; absent where they do not matter.
    pub headers: Option<BTreeMap<String, String>>,
    /// Its body, as TOML or as a text: JSON is compared by value.
    pub body: Option<toml::Value>,
}

/// Why a case cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct CaseError(pub Vec<String>);

impl Case {
    /// Reads a case's file.
    ///
    /// # Errors
    /// Every problem with its place.
    pub fn read(file: &Path) -> Result<(Self, String), CaseError> {
        let text = fs::read_to_string(file).map_err(|error| CaseError(vec![format!("{}: {error}", file.display())]))?;
        let case = read_toml(&text).map_err(|problems| {
            let told = problems.into_iter().map(|problem| {
                let suggestion = problem.suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
                format!("{}:{}:{}: {}{suggestion}", file.display(), problem.line, problem.column, problem.message)
            });
            CaseError(told.collect())
        })?;
        Ok((case, text))
    }

    /// The callback that comes in. Files are beside the case.
    ///
    /// # Errors
    /// There is none, or more than one is named.
    pub fn incoming(&self, folder: &Path) -> Result<Incoming, String> {
        let body = match (&self.event, &self.body, &self.file) {
            (Some(sample), None, None) => samples::stored(sample).map_err(|error| error.to_string())?.as_bytes().to_vec(),
            (None, Some(body), None) => bytes(body),
            (None, None, Some(file)) => {
                let file = folder.join(file);
                fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?
            }
            _ => return Err("say what comes in, in one of three ways: `event` (a sample), `body` or `file`".into()),
        };
        let received_at = self.received_at.or_else(|| RECEIVED.parse().ok()).unwrap_or_default();
        let source = self.source.as_deref().unwrap_or("masonhub").into();
        let state = self.state.iter().map(|(key, value)| (key.clone(), bytes(value))).collect();
        Ok(Incoming { body: body.into(), record: self.record, source, received_at, state })
    }

    /// The connections that a plugin of these settings finds.
    ///
    /// # Errors
    /// What is wrong with one.
    pub fn connections(&self, settings: &PluginSettings) -> Result<BTreeMap<String, ConnectionConfig>, String> {
        let names = settings.connections.iter().chain(self.connections.keys());
        let connection = |name: &String| {
            let mut table = self.connections.get(name).cloned().unwrap_or_default();
            table.entry("url").or_insert_with(|| toml::Value::String("https://erp.invalid".into()));
            let config = table.try_into().map_err(|error: toml::de::Error| format!("connections.{name}: {}", error.message()))?;
            Ok((name.clone(), config))
        };
        names.map(connection).collect()
    }

    /// What the ERP answers.
    #[must_use]
    pub fn script(&self) -> Script {
        let answers = self.answers.iter().map(|(step, answers)| {
            let answers = match answers {
                OneOrMore::One(answer) => vec![answer.canned()],
                OneOrMore::More(answers) => answers.iter().map(Answer::canned).collect(),
            };
            (step.clone(), answers)
        });
        Script { answers: answers.collect(), fault: None }
    }
}

impl Answer {
    /// The answer as it is played.
    #[must_use]
    pub fn canned(&self) -> Canned {
        match self {
            Self::Status(status) => Canned::Answer(Response { status: *status, headers: Vec::new(), body: b"{}".to_vec() }),
            Self::Fault(Missing::Lost) => Canned::Lost,
            Self::Fault(Missing::Unavailable) => Canned::Unavailable,
            Self::Full { status, headers, body } => {
                let headers = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
                let body = body.as_ref().map_or_else(|| b"{}".to_vec(), bytes);
                Canned::Answer(Response { status: *status, headers, body })
            }
        }
    }
}

impl ExpectedCall {
    /// The request. Headers that do not matter are those of `made`.
    #[must_use]
    pub fn request(&self, made: Option<&Request>) -> Request {
        let given = self.headers.as_ref().map(|headers| headers.clone().into_iter().collect());
        let headers = given.unwrap_or_else(|| made.map(|made| made.headers.clone()).unwrap_or_default());
        let (connection, method, path) = (self.connection.clone(), self.method.clone(), self.path.clone());
        Request { connection, method, path, headers, body: self.body.as_ref().map(bytes) }
    }
}

/// A text as it is, anything else as JSON.
#[must_use]
pub fn bytes(value: &toml::Value) -> Vec<u8> {
    match value {
        toml::Value::String(text) => text.clone().into_bytes(),
        other => serde_json::to_vec(other).unwrap_or_default(),
    }
}

fn erp() -> String {
    "erp".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(text: &str) -> Case {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn answers_are_short_where_they_can_be() {
        let case = case("[answers]\na = 201\nb = [\"lost\", { status = 429, headers = { Retry-After = \"5\" } }, 200]\n");
        let script = case.script();
        assert!(matches!(&script.answers["a"][..], [Canned::Answer(Response { status: 201, .. })]));
        let [Canned::Lost, Canned::Answer(busy), Canned::Answer(_)] = &script.answers["b"][..] else { panic!("{script:?}") };
        assert_eq!((busy.status, &busy.headers[..]), (429, &[("retry-after".to_owned(), "5".to_owned())][..]));
    }

    #[test]
    fn what_comes_in_is_named_once() {
        let incoming = |text: &str| case(text).incoming(Path::new("/nowhere"));
        assert_eq!(incoming("event = \"order.fulfilled\"").unwrap().event().unwrap().event_type, "order.fulfilled");
        assert!(incoming("").unwrap_err().contains("one of three ways"));
        assert!(incoming("event = \"order.fulfilled\"\nfile = \"x\"").is_err());
        assert!(incoming("event = \"order.fulfiled\"").unwrap_err().contains("there is no sample"));
        assert!(incoming("file = \"x.json\"").unwrap_err().contains("/nowhere/x.json"));
        assert!(incoming("event = \"order.fulfilled\"\nrecord = 7").unwrap().event().is_err());
    }

    #[test]
    fn a_connection_that_is_not_named_has_the_defaults() {
        let settings: PluginSettings = toml::from_str("connections = [\"erp\"]").unwrap();
        let plain = case("").connections(&settings).unwrap();
        assert_eq!(plain["erp"].idempotency_header, None);
        let keyed = case("[connections.erp]\nidempotency_header = \"Idempotency-Key\"").connections(&settings).unwrap();
        assert_eq!(keyed["erp"].idempotency_header.as_deref(), Some("Idempotency-Key"));
        assert!(case("[connections.erp]\nurll = \"x\"").connections(&settings).unwrap_err().starts_with("connections.erp: "));
    }
}
