//! Why the admin API says no, and with it every command that asks it.

use super::known::entries;

entries! {
    /// The admin token is missing or wrong.
    TOKEN => "admin.token", "give the commands the host's own configuration (`--config`), or the token that `admin.token` or the file admin-token beside the journal holds";
    /// The token has expired.
    TOKEN_EXPIRED => "admin.token_expired", "have another one made: `mortar token create NAME --role ROLE`";
    /// The token's role does not permit it.
    ROLE => "admin.role", "ask who has the role that the answer names; `mortar token list` shows roles";
    /// The page does not take this method.
    METHOD => "admin.method", "ask as `mortar openapi` describes it";
    /// The request is too large.
    TOO_LARGE => "admin.too_large", "send less in one request";
    /// The configuration was not read again: it is wrong, and what was in force stays so.
    RELOAD => "admin.reload", "mend what the answer names, prove it with `mortar check`, then `mortar reload`";
    /// There is no such event, delivery, plugin or page.
    NOT_FOUND => "admin.not_found", "look the name or number up: `mortar event list`, `mortar dead list`, `mortar plugin list`";
    /// The request cannot be understood.
    BAD_REQUEST => "admin.bad_request", "mend what the answer names; commands and host should be of one version (`mortar --version`, `mortar status`)";
    /// The state of what was asked for does not permit it.
    REFUSED => "admin.refused", "read the answer: it says which state it is in, and what to do first";
    /// A backup cannot be written.
    BACKUP => "admin.backup", "see that the file is not there yet, and that its folder exists, has room and can be written by the host's user";
    /// MasonHub's API did not answer as it should.
    MASONHUB => "admin.masonhub", "look at `[sources.NAME.api]`: its URL and token; `mortar masonhub list` asks the same API";
    /// The journal has more to do than it can take.
    JOURNAL_BUSY => "journal.busy", "try again; if it lasts, the disk is too slow (`mortar_callback_duration_seconds`), or `journal.queue` too short";
    /// The journal cannot store: the disk is full, slow or fails.
    JOURNAL_STORAGE => "journal.storage", "make room on the journal's disk, or see after it; the host goes on by itself";
    /// What is stored makes no sense: the journal's file is damaged.
    JOURNAL_DAMAGED => "journal.damaged", "stop the host, keep a copy of the file, run `mortar check --journal`; then `mortar restore` the last backup";
}
