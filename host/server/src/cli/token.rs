//! `mortar token`: who may ask the admin API, and for what.

use clap::Subcommand;
use jiff::Timestamp;
use mortar_core::config::duration;
use mortar_core::operator::{Role, Token};

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, clean, time};
use crate::admin_types::CreateToken;

/// `mortar token …`
#[derive(Debug, Subcommand)]
pub(super) enum Tokens {
    /// Make a token, and print it: it cannot be shown again
    ///
    /// Commands present it where MORTAR_TOKEN is set to it, other programs as `Authorization: Bearer TOKEN`.
    Create {
        /// Its name, which the audit log says
        name: String,
        /// read (look at everything), operate (see after deliveries and plugins too), admin (everything)
        #[arg(long)]
        role: Role,
        /// When it ends to count: a time, or in how long (`12h`, `90d`); without it, never
        #[arg(long, value_name = "WHEN", value_parser = expiry)]
        expires: Option<Expiry>,
    },
    /// List tokens
    List,
    /// Have a token count no more, from now on
    Revoke {
        /// Its name
        name: String,
    },
}

/// When a token ends to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    At(Timestamp),
    In(std::time::Duration),
}

impl Expiry {
    fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::In(time) => now.saturating_add(time).unwrap_or(Timestamp::MAX),
        }
    }
}

fn expiry(text: &str) -> Result<Expiry, String> {
    let at = || text.parse().ok().map(Expiry::At);
    let unknown = || format!("`{text}` is neither a time (2027-01-31T00:00:00Z) nor how long from now (12h, 90d)");
    duration::parse(text).map(Expiry::In).or_else(at).ok_or_else(unknown)
}

pub(super) async fn run(command: &Tokens, client: &Client, now: Timestamp, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
        Tokens::Create { name, role, expires } => {
            let expires_at = expires.map(|expires| expires.resolve(now));
            let created = client.create_token(&CreateToken { name: name.clone(), role: *role, expires_at }).await?;
            if output.is_json() {
                output.json(&created)?;
            } else {
                let ends = expires_at.map_or_else(|| "until it is revoked".to_owned(), |at| format!("until {}", time(at)));
                output.line(&created.token)?;
                output.line(format_args!("{} permits {role} {ends}; keep it now, it is not shown again", clean(name)))?;
            }
        }
        Tokens::List => {
            let tokens = client.tokens().await?;
            if output.is_json() { output.json(&tokens)? } else { list(&tokens, now, output)? }
        }
        Tokens::Revoke { name } => {
            client.revoke_token(name).await?;
            if !output.is_json() {
                output.line(format_args!("{} counts no more", clean(name)))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn list(tokens: &[Token], now: Timestamp, output: &mut Output<'_>) -> Result<(), Failure> {
    let rows = tokens.iter().map(|token| {
        let expires = match token.expires_at {
            None => Cell::toned("never", Tone::Faint),
            Some(at) if at <= now => Cell::toned(format_args!("expired {}", time(at)), Tone::Bad),
            Some(at) => time(at).into(),
        };
        vec![Cell::from(&token.name), token.role.into(), time(token.created_at).into(), Cell::from(&token.created_by), expires]
    });
    let nothing = "there is no token but the host's own; `mortar token create NAME --role read` makes one";
    Ok(output.table(&["name", "role", "created", "by", "expires"], rows.collect(), nothing)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_time_or_a_distance() {
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let resolved = |text: &str| expiry(text).map(|expiry| expiry.resolve(now).to_string());
        assert_eq!(resolved("2d").unwrap(), "2026-03-03T00:00:00Z");
        assert_eq!(resolved("2027-01-31T00:00:00Z").unwrap(), "2027-01-31T00:00:00Z");
        assert!(resolved("soon").unwrap_err().starts_with("`soon` is neither a time"));
    }
}
