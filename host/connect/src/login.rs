//! A login: what is posted, where its answer has the token, and which answers say that the token is
//! not valid any more.

use mortar_core::config;
use serde_json::Value;

use crate::classify::Answer;
use crate::setup::Setup;

/// What stands for the password in the body.
const PASSWORD: &str = "{password}";

/// How one logs in.
pub(crate) struct Login {
    /// With the password in it.
    pub(crate) body: String,
    token: Place,
    refused: Option<config::Refused>,
}

/// Where an answer has something.
enum Place {
    /// In the header of this name, in lower case.
    Header(String),
    /// Where this JSON pointer leads.
    Body(String),
}

impl Login {
    /// Looks the password up.
    pub(crate) fn new(setup: &mut Setup<'_>, config: &config::Login) -> Option<Self> {
        let password = setup.secret("auth.password", &config.password);
        let token = match config.token.strip_prefix('/') {
            Some(_) => Some(Place::Body(config.token.clone())),
            None => setup.header_name("auth.token", &config.token).map(|name| Place::Header(name.as_str().to_owned())),
        };
        if config.refused.as_ref().is_some_and(|refused| !refused.at.starts_with('/')) {
            setup.problem("auth.refused.at", "a JSON pointer starts with `/`");
        }
        let mut body = config.body.clone();
        if put(&mut body, password.as_deref().unwrap_or_default()) == 0 {
            setup.problem("auth.body", format!("no text in it is `{PASSWORD}`, so the password would not be sent"));
        }
        password?;
        Some(Self { body: body.to_string(), token: token?, refused: config.refused.clone() })
    }

    /// The token that the answer to a login brings.
    pub(crate) fn token(&self, answer: &Answer) -> Option<String> {
        let token = match &self.token {
            Place::Header(name) => answer.header(name)?.to_owned(),
            Place::Body(pointer) => json(answer)?.pointer(pointer)?.as_str()?.to_owned(),
        };
        Some(token).filter(|token| !token.is_empty())
    }

    /// True where an answer says that the token is not valid.
    pub(crate) fn is_refused_by(&self, answer: &Answer) -> bool {
        let says = |refused: &config::Refused| json(answer)?.pointer(&refused.at)?.as_str().map(|text| text == refused.is);
        self.refused.as_ref().and_then(says).unwrap_or(false)
    }
}

fn json(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(answer.body.as_deref().ok()?).ok()
}

/// Puts the password where it belongs, and says into how many places.
fn put(body: &mut Value, password: &str) -> usize {
    match body {
        Value::String(text) if text == PASSWORD => {
            password.clone_into(text);
            1
        }
        Value::Array(values) => values.iter_mut().map(|value| put(value, password)).sum(),
        Value::Object(fields) => fields.values_mut().map(|value| put(value, password)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
