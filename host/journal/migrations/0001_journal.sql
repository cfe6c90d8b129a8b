-- The journal. Read it with the views at the end of this file (`SELECT * FROM event LIMIT 10`);
-- the tables are laid out for writing: every hot one grows at its end only, and keys nest, so that
-- nothing needs a second index.
--
--   delivery id = event seq << 10 | plugin no
--   call id     = delivery id << 10 | ordinal
--   attempt id  = delivery id << 10 | attempt number (the last slot is used again beyond 1023)
--
-- Times are microseconds since 1970, UTC.

-- keys: random keys of the hashes; sealed: the last event whose id is in a run; next_seq: the
-- lowest place that the next event may take; open_from: no delivery below it is pending;
-- retention: the time up to which what is past its time was forgotten, at most; counts: present
-- after a clean close only.
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

-- Names that many rows share.
CREATE TABLE sources (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE types (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE plugins (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE components (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT; -- generations of plugins, by digest

-- Bodies of callbacks, several to a pack: a pack's pages are full whatever the size of a body.
-- The id is the place of the first event in it.
CREATE TABLE packs (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    source INTEGER NOT NULL,
    type INTEGER NOT NULL,
    subject TEXT NOT NULL,
    as_of INTEGER,
    received_at INTEGER NOT NULL,
    pack INTEGER NOT NULL,       -- where the callback's body is,
    start INTEGER NOT NULL,      -- and in the pack the record, in bytes
    length INTEGER NOT NULL,
    callback INTEGER NOT NULL,   -- the first event that the callback brought
    body_start INTEGER,          -- from here on only in the callback's first event
    body_length INTEGER,
    remote TEXT,
    delivery_header TEXT,
    secret INTEGER,
    origin INTEGER               -- none: a callback brought it; 1: a poll found that it was missing
) STRICT;
-- Few rows: what callbacks that come late are compared with.
CREATE INDEX polled ON events (subject) WHERE origin = 1;

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,      -- see states; running is not stored
    at INTEGER NOT NULL,         -- when the next attempt is due (waiting), else since when
    subject INTEGER NOT NULL,    -- keyed hash of source and subject
    as_of INTEGER,               -- of an absolute count: the newest wins
    attempts INTEGER NOT NULL,
    spent INTEGER NOT NULL,      -- attempts that count against the retry policy
    since INTEGER,               -- the last replay; none: the event's receipt
    code TEXT,
    reason TEXT,
    gap INTEGER,                 -- of a dead letter: 1 later deliveries of its subject wait, 2 a later one supersedes it
    keep_steps INTEGER           -- 1: answered calls answer whatever is asked now
) STRICT;
-- Few rows at a time: what is found again at the start of the host, and what waits for an operator.
CREATE INDEX unsettled ON deliveries (state, id) WHERE state = 2 OR state = 6;
CREATE INDEX gaps ON deliveries (gap, subject) WHERE gap IS NOT NULL;

CREATE TABLE states (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO states VALUES (0, 'pending'), (1, 'running'), (2, 'waiting'), (3, 'done'), (4, 'ignored'), (5, 'superseded'), (6, 'dead');

-- The newest count of each subject that a plugin is through with, dead letters included.
CREATE TABLE newest (
    plugin INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    delivery INTEGER NOT NULL,   -- of counts of the same time the last one is the newest
    PRIMARY KEY (plugin, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    step TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    connection TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    headers TEXT,                -- JSON
    body BLOB,
    sent_at INTEGER NOT NULL,
    fate INTEGER NOT NULL,       -- 0 intended, 1 unsent, 2 answered
    lost TEXT,
    answered_at INTEGER,
    status INTEGER,
    response_headers TEXT,       -- JSON
    response_body BLOB,
    settled_by TEXT
) STRICT;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    component INTEGER NOT NULL,
    ending TEXT NOT NULL,
    code TEXT,
    reason TEXT,
    trace TEXT,                  -- JSON
    log TEXT                     -- JSON
) STRICT;

-- What the ERP said when it was read back after a delivery was done.
CREATE TABLE round_trips (
    id INTEGER PRIMARY KEY,      -- the delivery's
    state INTEGER NOT NULL,      -- see round_trip_states
    at INTEGER NOT NULL,         -- when it is due, else when the ERP was looked at last
    since INTEGER NOT NULL,      -- when it was made due
    looks INTEGER NOT NULL,
    spent INTEGER NOT NULL,      -- looks that count against the retry policy
    reason TEXT,                 -- the evidence, or why the ERP was not read
    expected TEXT,               -- of a mismatch
    found TEXT,
    log TEXT                     -- JSON
) STRICT;
CREATE INDEX unconfirmed ON round_trips (state, at) WHERE state = 0 OR state = 2 OR state = 3;

CREATE TABLE round_trip_states (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO round_trip_states VALUES (0, 'due'), (1, 'confirmed'), (2, 'mismatch'), (3, 'unconfirmed'), (4, 'not-applicable');

-- The plugins' own key-value store.
CREATE TABLE state (
    plugin INTEGER NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (plugin, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    remote TEXT,
    delivery_header TEXT,
    secret INTEGER,
    reason TEXT NOT NULL,
    released_at INTEGER,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE rejected (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    remote TEXT,
    delivery_header TEXT,
    reason TEXT NOT NULL,
    admitted_at INTEGER,
    body BLOB NOT NULL
) STRICT;

-- Who may operate the host. What has to be presented is random, and only its SHA-256 is kept.
CREATE TABLE tokens (
    name TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

-- What operators did.
CREATE TABLE actions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    remote TEXT,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    request TEXT,
    status INTEGER NOT NULL,
    code TEXT
) STRICT;

-- Ids of events, sorted by their keyed hash, in immutable runs: what tells a duplicate. A block
-- holds records of 20 bytes: hash (16, big-endian), place minus the run's first (4, little-endian).
CREATE TABLE id_runs (
    id INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    newest INTEGER NOT NULL,     -- when the last of its events was received
    blocks INTEGER NOT NULL,
    filter BLOB NOT NULL
) STRICT;
CREATE TABLE id_blocks (id INTEGER PRIMARY KEY, records BLOB NOT NULL) STRICT; -- run id << 24 | block

CREATE VIEW event AS
SELECT e.seq, e.event_id AS id, t.name AS type, e.subject, s.name AS source,
    strftime('%Y-%m-%dT%H:%M:%fZ', e.received_at / 1e6, 'unixepoch') AS received_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', e.as_of / 1e6, 'unixepoch') AS as_of,
    iif(e.origin = 1, 'poll', 'callback') AS origin,
    CAST(substr(p.bytes, e.start + 1, e.length) AS TEXT) AS payload
FROM events e JOIN types t ON t.no = e.type JOIN sources s ON s.no = e.source JOIN packs p ON p.id = e.pack;

CREATE VIEW callback AS
SELECT e.seq AS first_event, s.name AS source,
    strftime('%Y-%m-%dT%H:%M:%fZ', e.received_at / 1e6, 'unixepoch') AS received_at,
    e.remote, e.delivery_header, e.secret,
    CAST(substr(p.bytes, e.body_start + 1, e.body_length) AS TEXT) AS body
FROM events e JOIN sources s ON s.no = e.source JOIN packs p ON p.id = e.pack
WHERE e.body_length IS NOT NULL;

CREATE VIEW delivery AS
SELECT (d.id >> 10) || '-' || (d.id & 1023) AS id, d.id >> 10 AS event, e.event_id, e.subject, p.name AS plugin, s.name AS state,
    strftime('%Y-%m-%dT%H:%M:%fZ', d.at / 1e6, 'unixepoch') AS at, d.attempts, d.spent, d.code, d.reason
FROM deliveries d JOIN events e ON e.seq = d.id >> 10 JOIN plugins p ON p.no = d.id & 1023 JOIN states s ON s.no = d.state;

CREATE VIEW call AS
SELECT (c.id >> 20) || '-' || ((c.id >> 10) & 1023) AS delivery, c.id & 1023 AS ordinal, c.step, c.attempt, c.connection, c.method, c.path,
    c.headers, CAST(c.body AS TEXT) AS body, strftime('%Y-%m-%dT%H:%M:%fZ', c.sent_at / 1e6, 'unixepoch') AS sent_at,
    CASE c.fate WHEN 0 THEN 'intended' WHEN 1 THEN 'unsent' ELSE 'answered' END AS fate, c.lost,
    strftime('%Y-%m-%dT%H:%M:%fZ', c.answered_at / 1e6, 'unixepoch') AS answered_at, c.status,
    c.response_headers, CAST(c.response_body AS TEXT) AS response_body, c.settled_by
FROM calls c;

CREATE VIEW attempt AS
SELECT (a.id >> 20) || '-' || ((a.id >> 10) & 1023) AS delivery, a.number,
    strftime('%Y-%m-%dT%H:%M:%fZ', a.started_at / 1e6, 'unixepoch') AS started_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', a.ended_at / 1e6, 'unixepoch') AS ended_at,
    c.name AS digest, a.ending, a.code, a.reason, a.trace, a.log
FROM attempts a JOIN components c ON c.no = a.component;

CREATE VIEW round_trip AS
SELECT (r.id >> 10) || '-' || (r.id & 1023) AS delivery, e.event_id, e.subject, p.name AS plugin, s.name AS state,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.at / 1e6, 'unixepoch') AS at, r.looks, r.reason, r.expected, r.found, r.log
FROM round_trips r JOIN events e ON e.seq = r.id >> 10 JOIN plugins p ON p.no = r.id & 1023 JOIN round_trip_states s ON s.no = r.state;

CREATE VIEW dead_letter AS SELECT * FROM delivery WHERE state = 'dead';
