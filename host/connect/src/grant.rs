//! How an access token is asked for: with a secret, with a signed statement, with a refresh token, as
//! MasonHub wants it, with a secret phrase, or by a login.

use jiff::Timestamp;
use mortar_core::config::{Auth, Secret};
use reqwest::header::HeaderValue;
use url::form_urlencoded;
use uuid::Uuid;

use crate::assertion::Assertion;
use crate::auth::basic;
use crate::login::Login;
use crate::setup::{Keeper, Setup};

/// What a client asks a token endpoint with.
pub(crate) enum Grant {
    /// By the rules of OAuth 2.
    OAuth2(Box<OAuth2>),
    /// As MasonHub's `POST /secrets` wants it: the body, which has the phrase in it.
    Phrase(String),
    /// As the configuration says.
    Login(Box<Login>),
}

/// A client of an OAuth 2 server.
pub(crate) struct OAuth2 {
    client: Client,
    refresh: Option<Refresh>,
    scope: Option<String>,
}

/// How a client says who it is.
enum Client {
    /// By its name alone.
    Named(String),
    /// By a secret...
    Secret {
        id: String,
        secret: String,
        /// ...as basic authentication, which every server must know, unless it wants it in the form,
        /// which is all that some do.
        basic: HeaderValue,
    },
    /// By a signed statement.
    Statement(Box<Assertion>),
}

struct Refresh {
    /// As it was configured.
    token: String,
    /// Where another one is kept; none where it can only be remembered.
    keeper: Option<Keeper>,
}

/// What earlier answers of a token endpoint say of how to ask it.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    /// True where the server wants the credentials in the form.
    in_form: bool,
    /// The refresh token that the last answer brought.
    refresh_token: Option<String>,
}

/// What is sent.
pub(crate) struct Asked {
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Grant {
    /// Looks the secrets up. None for credentials that need no token, too.
    pub(crate) fn new(setup: &mut Setup<'_>, auth: &Auth) -> Option<Self> {
        if let Auth::SecretPhrase { secret_phrase, .. } = auth {
            let phrase = setup.secret("auth.secret_phrase", secret_phrase)?;
            return Some(Self::Phrase(serde_json::json!({ "secret_phrase": phrase }).to_string()));
        }
        if let Auth::Login(login) = auth {
            return Login::new(setup, login).map(|login| Self::Login(Box::new(login)));
        }
        OAuth2::new(setup, auth).map(|oauth| Self::OAuth2(Box::new(oauth)))
    }

    /// How to ask instead, where a refusal may only mean that the server wants to be asked so.
    pub(crate) fn other_manner(&self, manner: &Manner) -> Option<Manner> {
        match self {
            Self::OAuth2(oauth) => oauth.other_manner(manner),
            Self::Phrase(_) | Self::Login(_) => None,
        }
    }

    /// The login, where it is one.
    pub(crate) fn login(&self) -> Option<&Login> {
        match self {
            Self::Login(login) => Some(login),
            Self::OAuth2(_) | Self::Phrase(_) => None,
        }
    }

    /// What is sent to the token endpoint now.
    pub(crate) fn ask(&self, manner: &Manner, now: Timestamp) -> Result<Asked, String> {
        match self {
            Self::OAuth2(oauth) => oauth.ask(manner, now),
            Self::Phrase(body) => Ok(Asked { authorization: None, content_type: "application/json", body: body.clone() }),
            Self::Login(login) => Ok(Asked { authorization: None, content_type: "application/json", body: login.body.clone() }),
        }
    }

    /// Another refresh token takes the place of the one that was used, which may be worth nothing now.
    pub(crate) fn rotate(&self, manner: &mut Manner, token: &str) {
        if let Self::OAuth2(oauth) = self {
            oauth.rotate(manner, token);
        }
    }
}

impl OAuth2 {
    /// Looks the secrets up. None for credentials that are no OAuth 2, too.
    fn new(setup: &mut Setup<'_>, auth: &Auth) -> Option<Self> {
        match auth {
            Auth::OAuth2ClientCredentials { client_id, client_secret, scope, .. } => {
                let client = Client::with_secret(setup, client_id, client_secret)?;
                Some(Self { client, refresh: None, scope: scope.clone() })
            }
            Auth::OAuth2Jwt(jwt) => {
                let client = Client::Statement(Box::new(Assertion::new(setup, jwt)?));
                Some(Self { client, refresh: None, scope: jwt.scope.clone() })
            }
            Auth::OAuth2RefreshToken(refresh) => {
                let client = match &refresh.client_secret {
                    Some(secret) => Client::with_secret(setup, &refresh.client_id, secret),
                    None => Some(Client::Named(refresh.client_id.clone())),
                };
                let token = setup.secret("auth.refresh_token", &refresh.refresh_token)?;
                let keeper = setup.secrets.keeper(&refresh.refresh_token);
                Some(Self { client: client?, refresh: Some(Refresh { token, keeper }), scope: refresh.scope.clone() })
            }
            Auth::None
            | Auth::Bearer { .. }
            | Auth::Basic { .. }
            | Auth::Header { .. }
            | Auth::OAuth1(_)
            | Auth::SecretPhrase { .. }
            | Auth::Login(_) => None,
        }
    }

    fn other_manner(&self, manner: &Manner) -> Option<Manner> {
        let other = matches!(self.client, Client::Secret { .. }) && !manner.in_form;
        other.then(|| Manner { in_form: true, ..manner.clone() })
    }

    fn ask(&self, manner: &Manner, now: Timestamp) -> Result<Asked, String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        match &self.refresh {
            Some(refresh) => {
                let token = manner.refresh_token.as_deref().unwrap_or(&refresh.token);
                form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token)
            }
            None => form.append_pair("grant_type", "client_credentials"),
        };
        form.extend_pairs(self.scope.as_ref().map(|scope| ("scope", scope)));
        let authorization = match &self.client {
            Client::Secret { basic, .. } if !manner.in_form => Some(basic.clone()),
            Client::Secret { id, secret, .. } => {
                form.append_pair("client_id", id).append_pair("client_secret", secret);
                None
            }
            Client::Named(id) => {
                form.append_pair("client_id", id);
                None
            }
            Client::Statement(assertion) => {
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                let statement = assertion.sign(now, &Uuid::new_v4().to_string())?;
                form.append_pair("client_assertion_type", kind).append_pair("client_assertion", &statement);
                None
            }
        };
        Ok(Asked { authorization, content_type: "application/x-www-form-urlencoded", body: form.finish() })
    }

    fn rotate(&self, manner: &mut Manner, token: &str) {
        let Some(refresh) = &self.refresh else { return };
        if manner.refresh_token.as_deref().unwrap_or(&refresh.token) == token {
            return;
        }
        manner.refresh_token = Some(token.to_owned());
        let kept = match &refresh.keeper {
            Some(keeper) => keeper(token),
            None => Err("it is not in a file".into()),
        };
        if let Err(reason) = kept {
            tracing::error!(
                "the server gave a new refresh token, and it cannot be kept ({reason}): after a restart the host will not get in any more; \
                 use `refresh_token = {{ file = \"path\" }}` with a file that the host may write"
            );
        }
    }
}

impl Client {
    fn with_secret(setup: &mut Setup<'_>, id: &str, secret: &Secret) -> Option<Self> {
        let secret = setup.secret("auth.client_secret", secret)?;
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = setup.secret_header("auth.client_secret", &basic(&encode(id), &encode(&secret)))?;
        Some(Self::Secret { id: id.to_owned(), secret, basic })
    }
}
