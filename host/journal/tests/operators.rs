//! Tokens and the audit log.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::operator::{Action, Role, Token};
use mortar_core::ports::{ActionFilter, Clock, Journal, JournalError, Operators};
use mortar_journal::{Options, SqliteJournal};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        at(0)
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_770_000_000 + second).unwrap()
}

fn journal(folder: &tempfile::TempDir, options: Options) -> SqliteJournal {
    SqliteJournal::open(&folder.path().join("mortar.db"), options, Arc::new(Fixed)).unwrap()
}

fn token(name: &str) -> Token {
    Token { name: name.into(), role: Role::Operate, created_at: at(1), created_by: "admin-token".into(), expires_at: Some(at(60)) }
}

fn action(who: &str, second: i64) -> Action {
    Action {
        id: 0,
        at: at(second),
        who: who.into(),
        role: Role::Read,
        remote: Some("192.0.2.7".parse().unwrap()),
        action: "POST /api/alerts/test".into(),
        target: "/api/alerts/test".into(),
        request: Some("{}".into()),
        status: 403,
        code: Some("admin.role".into()),
    }
}

async fn ids(journal: &SqliteJournal, before: Option<u64>, who: Option<&str>) -> Vec<u64> {
    let filter = ActionFilter { before, limit: 2, who: who.map(str::to_owned) };
    journal.actions(filter).await.unwrap().into_iter().map(|action| action.id).collect()
}

#[tokio::test]
async fn a_token_is_known_by_its_hash_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let opened = journal(&folder, Options::default());
    opened.add_token(token("ci"), [7; 32]).await.unwrap();
    opened.add_token(token("ann"), [8; 32]).await.unwrap();
    drop(opened);
    let journal = journal(&folder, Options::default());
    assert_eq!(journal.token([7; 32]).await.unwrap(), Some(token("ci")));
    assert_eq!(journal.token([9; 32]).await.unwrap(), None);
    assert_eq!(journal.tokens().await.unwrap(), [token("ann"), token("ci")]);
    journal.revoke_token("ci".into()).await.unwrap();
    assert_eq!(journal.token([7; 32]).await.unwrap(), None);
    assert!(matches!(journal.revoke_token("ci".into()).await, Err(JournalError::NotFound(_))));
}

#[tokio::test]
async fn a_name_is_taken_once_and_there_are_only_so_many_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder, Options { tokens: 2, ..Options::default() });
    journal.add_token(token("ci"), [1; 32]).await.unwrap();
    assert!(matches!(journal.add_token(token("ci"), [2; 32]).await, Err(JournalError::Refused(_))));
    journal.add_token(token("ann"), [2; 32]).await.unwrap();
    assert!(matches!(journal.add_token(token("bob"), [3; 32]).await, Err(JournalError::Refused(_))));
}

#[tokio::test]
async fn the_audit_log_is_read_page_by_page_and_drops_its_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder, Options { audit_limit: 4, ..Options::default() });
    for second in 1..=5 {
        journal.note(action(if second == 3 { "ann" } else { "ci" }, second)).await.unwrap();
    }
    assert_eq!(ids(&journal, None, None).await, [5, 4]);
    assert_eq!(ids(&journal, Some(4), None).await, [3, 2]);
    assert_eq!(ids(&journal, Some(2), None).await, [0; 0]);
    assert_eq!(ids(&journal, None, Some("ann")).await, [3]);
    let newest = journal.actions(ActionFilter { limit: 1, ..ActionFilter::default() }).await.unwrap();
    assert_eq!(newest, [Action { id: 5, ..action("ci", 5) }]);
}

#[tokio::test]
async fn what_is_older_than_the_audit_log_goes_back_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder, Options { keep_audit: Duration::from_secs(10), ..Options::default() });
    journal.note(action("ci", -11)).await.unwrap();
    journal.note(action("ci", -9)).await.unwrap();
    while journal.purge(at(0)).await.unwrap() {}
    assert_eq!(ids(&journal, None, None).await, [2]);
}
