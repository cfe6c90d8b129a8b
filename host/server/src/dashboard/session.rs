//! Who is logged in. Sessions live in memory: a restart ends them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::{COOKIE, HeaderMap};
use jiff::Timestamp;
use rand::Rng;
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::admin::auth::Identity;

/// The cookie that a session is known by.
pub(super) const COOKIE_NAME: &str = "mortar_session";

/// A session that nobody used for so long is over.
const IDLE: Duration = Duration::from_secs(8 * 3600);

/// Sessions at once; of more, the one that was unused the longest ends.
const MOST: usize = 200;

/// Something to be said on the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Notice {
    /// Whether what was asked for was done.
    pub(super) good: bool,
    pub(super) text: String,
}

/// Somebody's visit.
pub(super) struct Session {
    pub(super) who: Identity,
    /// What the API is asked with.
    pub(super) token: String,
    /// What every form carries, so that it can only come from our pages.
    pub(super) form_key: String,
    notice: Mutex<Option<Notice>>,
    used: Mutex<Timestamp>,
}

impl Session {
    /// Says something on the next page.
    pub(super) fn say(&self, notice: Notice) {
        *lock(&self.notice) = Some(notice);
    }

    /// What is to be said now.
    pub(super) fn said(&self) -> Option<Notice> {
        lock(&self.notice).take()
    }

    /// True where a form carries the session's key.
    pub(super) fn is_form_key(&self, given: &str) -> bool {
        bool::from(self.form_key.as_bytes().ct_eq(given.as_bytes()))
    }
}

/// A session's name is kept as its digest: who reads memory cannot visit with it.
type Name = [u8; 32];

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Name, Arc<Session>>>);

impl Sessions {
    /// Begins one; says its name.
    pub(super) fn begin(&self, who: Identity, token: String, now: Timestamp) -> String {
        let name = secret();
        let session = Session { who, token, form_key: secret(), notice: Mutex::default(), used: Mutex::new(now) };
        let mut all = lock(&self.0);
        all.retain(|_, session| is_live(session, now));
        if all.len() >= MOST {
            let oldest = all.iter().min_by_key(|(_, session)| *lock(&session.used)).map(|(name, _)| *name);
            oldest.and_then(|name| all.remove(&name));
        }
        all.insert(digest(&name), Arc::new(session));
        name
    }

    /// The session of a request, which somebody made: it goes on for as long again.
    pub(super) fn of(&self, headers: &HeaderMap, now: Timestamp) -> Option<Arc<Session>> {
        let session = self.look(headers, now)?;
        *lock(&session.used) = now;
        Some(session)
    }

    /// The session of a request that an open page made by itself.
    pub(super) fn look(&self, headers: &HeaderMap, now: Timestamp) -> Option<Arc<Session>> {
        let name = digest(&cookie(headers, COOKIE_NAME)?);
        let mut all = lock(&self.0);
        let session = all.get(&name)?.clone();
        if !is_live(&session, now) {
            all.remove(&name);
            return None;
        }
        Some(session)
    }

    /// Ends the session of a request.
    pub(super) fn end(&self, headers: &HeaderMap) {
        if let Some(name) = cookie(headers, COOKIE_NAME) {
            lock(&self.0).remove(&digest(&name));
        }
    }
}

fn is_live(session: &Session, now: Timestamp) -> bool {
    now.duration_since(*lock(&session.used)).unsigned_abs() < IDLE
}

/// A cookie of a request.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let mut pairs = cookies.filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// Something that nobody can guess.
pub(super) fn secret() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

fn digest(name: &str) -> Name {
    Sha256::digest(name.as_bytes()).into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use mortar_core::operator::Role;

    use super::*;

    fn who() -> Identity {
        Identity { name: "ops".into(), role: Role::Operate }
    }

    fn headers(name: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&format!("other=1; {COOKIE_NAME}={name}")).unwrap())])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_session_is_known_by_its_name_until_it_ends() {
        let sessions = Sessions::default();
        let name = sessions.begin(who(), "token".into(), at(0));
        assert_eq!(sessions.of(&headers(&name), at(1)).unwrap().token, "token");
        assert!(sessions.of(&headers("another"), at(1)).is_none());
        assert!(sessions.of(&HeaderMap::new(), at(1)).is_none());
        sessions.end(&headers(&name));
        assert!(sessions.of(&headers(&name), at(1)).is_none());
    }

    #[test]
    fn a_session_that_nobody_uses_is_over() {
        let sessions = Sessions::default();
        let idle = i64::try_from(IDLE.as_secs()).unwrap();
        let name = sessions.begin(who(), "token".into(), at(0));
        assert!(sessions.of(&headers(&name), at(idle - 1)).is_some());
        assert!(sessions.look(&headers(&name), at(2 * idle - 2)).is_some());
        assert!(sessions.of(&headers(&name), at(2 * idle)).is_none());
    }

    #[test]
    fn there_are_only_so_many() {
        let sessions = Sessions::default();
        let first = sessions.begin(who(), "first".into(), at(0));
        let others: Vec<_> = (0..MOST as i64).map(|n| sessions.begin(who(), "other".into(), at(1 + n))).collect();
        assert!(sessions.of(&headers(&first), at(500)).is_none());
        assert!(others.iter().all(|name| sessions.of(&headers(name), at(500)).is_some()));
    }

    #[test]
    fn a_form_needs_the_key_of_its_session() {
        let sessions = Sessions::default();
        let session = |name: &str| sessions.of(&headers(name), at(1)).unwrap();
        let (one, other) = (sessions.begin(who(), "a".into(), at(0)), sessions.begin(who(), "b".into(), at(0)));
        let key = session(&one).form_key.clone();
        assert!(session(&one).is_form_key(&key));
        assert!(!session(&other).is_form_key(&key) && !session(&one).is_form_key(""));
    }
}
