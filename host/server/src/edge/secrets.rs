//! Which secrets of a source still prove callbacks genuine, and when each last did: after a rotation,
//! the old one can go once nobody signs with it any more.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;
use mortar_core::config::{Secret, SourceConfig, Verify};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The secrets of a source, counted since the host started.
pub(super) struct Uses(Vec<Use>);

struct Use {
    secret: Secret,
    callbacks: AtomicU64,
    /// In microseconds since 1970; as long as nothing was counted, it means nothing.
    last: AtomicI64,
}

/// How a secret is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretUse {
    /// The source.
    pub source: String,
    /// Which of its secrets, from 1.
    pub secret: usize,
    /// Where it is to be found.
    pub place: String,
    /// Callbacks that it proved genuine.
    pub callbacks: u64,
    /// When it last did.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used: Option<Timestamp>,
}

impl Uses {
    /// Of the secrets that [`Proof::secret`](mortar_core::verify::Proof) counts.
    pub(super) fn new(config: &SourceConfig) -> Self {
        let secrets = match &config.verify {
            Verify::Preset(_) => &config.secrets[..],
            Verify::All(conditions) => conditions.first().map_or(&[][..], |first| &first.secrets),
        };
        let unused = |secret: &Secret| Use { secret: secret.clone(), callbacks: AtomicU64::new(0), last: AtomicI64::new(0) };
        Self(secrets.iter().map(unused).collect())
    }

    /// Counts a callback that this secret, from 1, proved genuine.
    pub(super) fn count(&self, secret: Option<u8>, now: Timestamp) {
        let used = secret.and_then(|secret| self.0.get(usize::from(secret).checked_sub(1)?));
        if let Some(used) = used {
            used.callbacks.fetch_add(1, Ordering::Relaxed);
            used.last.fetch_max(now.as_microsecond(), Ordering::Relaxed);
        }
    }

    /// Goes on where the same secrets were counted before.
    pub(super) fn go_on(&self, before: &Self) {
        for used in &self.0 {
            if let Some(before) = before.0.iter().find(|before| before.secret == used.secret) {
                used.callbacks.store(before.callbacks.load(Ordering::Relaxed), Ordering::Relaxed);
                used.last.store(before.last.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
    }

    /// How each is used.
    pub(super) fn told(&self, source: &str) -> impl Iterator<Item = SecretUse> {
        self.0.iter().enumerate().map(move |(index, used)| {
            let callbacks = used.callbacks.load(Ordering::Relaxed);
            let last = Timestamp::from_microsecond(used.last.load(Ordering::Relaxed)).ok();
            let last_used = last.filter(|_| callbacks > 0);
            SecretUse { source: source.to_owned(), secret: index + 1, place: used.secret.to_string(), callbacks, last_used }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(secrets: &str) -> Uses {
        Uses::new(&toml::from_str(&format!("verify = \"masonhub\"\nsecrets = {secrets}")).unwrap())
    }

    #[test]
    fn each_secret_is_counted_and_goes_on_where_it_stands_elsewhere() {
        let now = Timestamp::from_second(1_770_000_000).unwrap();
        let before = uses("[{ env = \"OLD\" }, { file = \"new\" }]");
        before.count(Some(2), now);
        before.count(Some(3), now);
        before.count(None, now);
        let after = uses("[{ file = \"new\" }, { credential = \"newest\" }]");
        after.go_on(&before);
        after.count(Some(1), now);
        let told: Vec<_> = after.told("shop").map(|one| (one.secret, one.place, one.callbacks, one.last_used)).collect();
        assert_eq!(told, [(1, "file new".to_owned(), 2, Some(now)), (2, "credential newest".to_owned(), 0, None)]);
    }
}
