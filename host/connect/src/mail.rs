//! A mail server: one conversation for each e-mail, so that the loss of a connection is the loss of
//! one e-mail, and it is known how far that one had come.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error as SmtpError, response::Response};
use mortar_core::call::Request;
use mortar_core::config::Auth;
use mortar_core::ports::{Clock, SendError};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use crate::address;
use crate::classify::{Answer, Outcome};
use crate::exchange::root_cause;
use crate::letter::{self, Letter};
use crate::setup::Setup;

/// How long the server may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection to a mail server.
pub(crate) struct MailClient {
    url: Url,
    host: String,
    port: u16,
    /// TLS from the first byte; otherwise STARTTLS.
    implicit_tls: bool,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    from: Mailbox,
    hello: ClientId,
    private_addresses: bool,
    connect_timeout: Duration,
    timeout: Duration,
    request_limit: usize,
    clock: Arc<dyn Clock>,
}

/// Why an e-mail was not handed over.
enum Refusal {
    /// The server said so.
    Reply(u16, String),
    /// It could not be asked.
    Fault(String),
}

impl From<SmtpError> for Refusal {
    fn from(error: SmtpError) -> Self {
        let words = root_cause(&error);
        match error.status() {
            Some(code) => Self::Reply(code.into(), words),
            None => Self::Fault(words),
        }
    }
}

impl MailClient {
    /// Builds it, or notes why it cannot be built.
    pub(crate) fn new(setup: &mut Setup<'_>, url: Url) -> Option<Self> {
        let config = setup.config;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()).filter(|host| !host.is_empty());
        if host.is_none() || !bare || !url.username().is_empty() || url.password().is_some() {
            setup.problem("url", "a mail server is written smtps://host or smtp://host, with a port where it is unusual");
        }
        if let Some(address) = host.as_deref().and_then(address::literal)
            && !config.private_addresses
            && !address::is_public(address)
        {
            setup.problem("url", address::refusal(&address.to_string(), address));
        }
        let senseless = [
            ("headers", !config.headers.is_empty()),
            ("idempotency_header", config.idempotency_header.is_some()),
            ("methods", config.methods.is_some()),
            ("paths", config.paths.is_some()),
        ];
        for (key, _) in senseless.into_iter().filter(|(_, given)| *given) {
            setup.problem(key, "means nothing to a mail server; leave it out");
        }
        let credentials = credentials(setup);
        let from = config.from.as_deref().ok_or_else(|| "a mail server needs the sender's address".to_owned()).and_then(letter::mailbox);
        let from = setup.keep("from", from);
        let host = host?;
        let tls = setup.keep("url", TlsParameters::new(host.clone()).map_err(|e| root_cause(&e)));
        let implicit_tls = url.scheme() == "smtps";
        Some(Self {
            port: url.port().unwrap_or(if implicit_tls { 465 } else { 587 }),
            url,
            host,
            implicit_tls,
            tls: tls?,
            credentials: credentials?,
            from: from?,
            hello: ClientId::default(),
            private_addresses: config.private_addresses,
            connect_timeout: config.connect_timeout,
            timeout: config.timeout,
            request_limit: usize::try_from(config.request_limit.as_u64()).unwrap_or(usize::MAX),
            clock: setup.clock.clone(),
        })
    }

    /// The server's URL.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Checks a request.
    ///
    /// # Errors
    /// It is no e-mail, or too large.
    pub(crate) fn prepare(&self, request: &Request) -> Result<Letter, SendError> {
        if request.method != Request::MAIL {
            return Err(SendError::Denied("this connection is a mail server: it takes e-mails only".into()));
        }
        let body = request.body.as_deref().unwrap_or_default();
        if body.len() > self.request_limit {
            let reason = format!("the e-mail is over {} bytes; send less, or raise `request_limit`", self.request_limit);
            return Err(SendError::TooLarge { reason, sent: false });
        }
        Letter::read(body).map_err(SendError::Denied)
    }

    /// Sends an e-mail, to all recipients or to none.
    pub(crate) async fn send(&self, letter: Letter, key: &str) -> Outcome {
        let unsent = |reason| Outcome::Unsent { reason, after: None };
        let date = self.clock.now().try_into().map_err(|e| format!("the clock is off: {e}"));
        let message = match date.and_then(|date| letter.message(&self.from, key, date)) {
            Ok(message) => message,
            Err(reason) => return unsent(reason),
        };
        let deadline = Instant::now() + self.connect_timeout + self.timeout;
        let late = || format!("{} did not take the e-mail within {:?}", self.host, self.timeout);
        let mut session = match timeout_at(deadline, self.open()).await {
            Ok(Ok(session)) => session,
            Ok(Err(reason)) => return unsent(reason),
            Err(_) => return unsent(late()),
        };
        let outcome = match timeout_at(deadline, offer(&mut session, message.envelope())).await {
            Ok(Ok(())) => match timeout_at(deadline, session.message(&message.formatted())).await {
                Ok(result) => handed_over(result),
                Err(_) => Outcome::Lost(late()),
            },
            Ok(Err(Refusal::Reply(code, words))) => reply(code, words),
            Ok(Err(Refusal::Fault(words))) => unsent(format!("{} broke off before the e-mail: {words}", self.host)),
            Err(_) => unsent(late()),
        };
        goodbye(session).await;
        outcome
    }

    /// Connects, greets, encrypts and authenticates. Changes nothing.
    ///
    /// # Errors
    /// One of these failed.
    pub(crate) async fn probe(&self) -> Result<String, String> {
        let opened = timeout(self.connect_timeout + self.timeout, self.open()).await;
        let session = opened.map_err(|_| format!("{} did not answer within {:?}", self.host, self.timeout))??;
        let encrypted = if session.is_encrypted() { "encrypted" } else { "not encrypted" };
        goodbye(session).await;
        let known = if self.credentials.is_some() { "credentials accepted" } else { "no credentials" };
        Ok(format!("{} answered, {encrypted}, {known}", self.url))
    }

    /// A session in which e-mail can be offered. Whatever goes wrong here is the connection's fault
    /// and not the e-mail's.
    async fn open(&self) -> Result<AsyncSmtpConnection, String> {
        let failed = |e: SmtpError| format!("cannot connect to {}:{}: {}", self.host, self.port, root_cause(&e));
        let found = timeout(self.connect_timeout, address::resolve(&self.host, self.port, self.private_addresses)).await;
        let addresses = found.map_err(|_| format!("cannot find the address of `{}` within {:?}", self.host, self.connect_timeout))??;
        let tls = self.implicit_tls.then(|| self.tls.clone());
        let mut session = AsyncSmtpConnection::connect_tokio1(&addresses[..], Some(self.connect_timeout), &self.hello, tls, None)
            .await
            .map_err(failed)?;

        match encryption(session.is_encrypted(), session.can_starttls(), self.private_addresses, &addresses) {
            Encryption::AsItIs => {}
            Encryption::StartTls => session.starttls(self.tls.clone(), &self.hello).await.map_err(failed)?,
            Encryption::Missing => {
                return Err(format!(
                    "{} does not offer STARTTLS, and nothing is sent unencrypted over the internet; use smtps://",
                    self.host
                ));
            }
        }
        if let Some(credentials) = &self.credentials {
            let refused = |e: SmtpError| format!("{} refuses the credentials in `auth`: {}", self.host, root_cause(&e));
            session.auth(DEFAULT_MECHANISMS, credentials).await.map_err(refused)?;
        }
        Ok(session)
    }
}

/// What to do about encryption once the server has said what it offers.
#[derive(Debug, PartialEq, Eq)]
enum Encryption {
    AsItIs,
    StartTls,
    Missing,
}

fn encryption(encrypted: bool, offered: bool, private_addresses: bool, addresses: &[SocketAddr]) -> Encryption {
    let private = private_addresses && addresses.iter().all(|address| !address::is_public(address.ip()));
    // Within one machine TLS protects nothing, and certificates rarely fit.
    let within = private && addresses.iter().all(|address| address.ip().is_loopback());
    match (encrypted || within, offered) {
        (true, _) => Encryption::AsItIs,
        (false, true) => Encryption::StartTls,
        (false, false) if private => Encryption::AsItIs,
        (false, false) => Encryption::Missing,
    }
}

/// Credentials of a mail server. The outer none: a problem was noted.
fn credentials(setup: &mut Setup<'_>) -> Option<Option<Credentials>> {
    match &setup.config.auth {
        Auth::None => Some(None),
        Auth::Basic { user, password } => {
            let password = setup.secret("auth.password", password)?;
            Some(Some(Credentials::new(user.clone(), password)))
        }
        _ => {
            setup.problem("auth.kind", "a mail server knows \"basic\" and \"none\"");
            None
        }
    }
}

/// Everything before the e-mail itself: nothing is sent yet. One refused recipient refuses it all.
async fn offer(session: &mut AsyncSmtpConnection, envelope: &Envelope) -> Result<(), Refusal> {
    session.command(Mail::new(envelope.from().cloned(), Vec::new())).await?;
    for recipient in envelope.to() {
        session.command(Rcpt::new(recipient.clone(), Vec::new())).await.map_err(|error| match Refusal::from(error) {
            Refusal::Reply(code, words) => Refusal::Reply(code, format!("{recipient}: {words}")),
            fault => fault,
        })?;
    }
    session.command(Data).await?;
    Ok(())
}

/// What came of the e-mail itself: the server's word, or silence.
fn handed_over(result: Result<Response, SmtpError>) -> Outcome {
    match result.map_err(Refusal::from) {
        Ok(response) => reply(response.code().into(), response.message().collect::<Vec<_>>().join("\n")),
        Err(Refusal::Reply(code, words)) => reply(code, words),
        Err(Refusal::Fault(words)) => Outcome::Lost(format!("the e-mail was sent, and then the server broke off: {words}")),
    }
}

fn reply(code: u16, words: String) -> Outcome {
    Outcome::Answered(Answer { status: code, headers: Vec::new(), body: Ok(words.into_bytes()) })
}

/// Ends a session politely, without waiting for it for long.
async fn goodbye(mut session: AsyncSmtpConnection) {
    let _ = timeout(GOODBYE, session.abort()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_private_network_is_spoken_to_unencrypted() {
        use Encryption::{AsItIs, Missing, StartTls};
        let (loopback, private, public) = ("127.0.0.1:25", "10.0.0.1:25", "8.8.8.8:25");
        for (encrypted, offered, private_addresses, addresses, expected) in [
            (true, false, false, vec![public], AsItIs),
            (false, true, false, vec![public], StartTls),
            (false, false, false, vec![public], Missing),
            (false, false, true, vec![public], Missing),
            (false, false, true, vec![private, public], Missing),
            (false, true, true, vec![private], StartTls),
            (false, false, true, vec![private], AsItIs),
            (false, true, true, vec![loopback], AsItIs),
            (false, true, true, vec![loopback, private], StartTls),
        ] {
            let parsed: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().expect("an address")).collect();
            assert_eq!(encryption(encrypted, offered, private_addresses, &parsed), expected, "{addresses:?}");
        }
    }
}
