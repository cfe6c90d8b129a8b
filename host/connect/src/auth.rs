//! Credentials of an HTTP connection.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mortar_core::config;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::grant::Grant;
use crate::header;
use crate::oauth1::Signer;
use crate::setup::Setup;
use crate::token::TokenSource;

/// How requests prove who sends them.
pub(crate) enum Auth {
    /// They do not.
    None,
    /// By a header that never changes.
    Header(HeaderName, HeaderValue),
    /// By a token that is fetched.
    Token(Box<TokenSource>),
    /// By a signature of the request.
    OAuth1(Box<Signer>),
}

impl Auth {
    /// Looks the secrets up.
    pub(crate) fn new(setup: &mut Setup<'_>) -> Option<Self> {
        match &setup.config.auth {
            config::Auth::None => Some(Self::None),
            config::Auth::Bearer { token } => {
                let token = setup.secret("auth.token", token)?;
                Some(Self::Header(AUTHORIZATION, setup.secret_header("auth.token", &format!("Bearer {token}"))?))
            }
            config::Auth::Basic { user, password } => {
                let password = setup.secret("auth.password", password)?;
                if user.contains(':') {
                    setup.problem("auth.user", "a user of basic authentication has no `:` in it");
                }
                Some(Self::Header(AUTHORIZATION, setup.secret_header("auth.password", &basic(user, &password))?))
            }
            config::Auth::Header { name, value } => {
                let name = setup.header_name("auth.name", name);
                let value = setup.secret("auth.value", value).and_then(|value| setup.secret_header("auth.value", &value));
                let name = name?;
                if header::is_host_owned(&name) && name != AUTHORIZATION {
                    setup.problem("auth.name", format!("`{name}` belongs to the transport and cannot carry a key"));
                }
                Some(Self::Header(name, value?))
            }
            config::Auth::OAuth1(oauth) => Some(Self::OAuth1(Box::new(Signer::new(setup, oauth)?))),
            auth => {
                let grant = Grant::new(setup, auth);
                let source = TokenSource::new(setup, auth.token_url()?, grant?)?;
                Some(Self::Token(Box::new(source)))
            }
        }
    }

    /// The header that carries the credentials.
    pub(crate) fn header_name(&self) -> Option<HeaderName> {
        match self {
            Self::None => None,
            Self::Header(name, _) => Some(name.clone()),
            Self::Token(tokens) => Some(tokens.header().clone()),
            Self::OAuth1(_) => Some(AUTHORIZATION),
        }
    }
}

/// The value of a header for basic authentication.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
