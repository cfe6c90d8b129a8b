PRAGMA application_id = 1299149428;
PRAGMA user_version = 1;
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('keys', X'CE59FB579266C6281512A4BA16188FC835C9C3C96ED24725D5FC1FAABC6D1EDA');
INSERT INTO meta VALUES ('sealed', 4);
CREATE TABLE sources (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO sources VALUES (1, 'masonhub');
CREATE TABLE types (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO types VALUES (1, 'order.fulfilled');
INSERT INTO types VALUES (2, 'inventory.updated');
CREATE TABLE plugins (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO plugins VALUES (1, 'erp');
CREATE TABLE components (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO components VALUES (1, 'd1');
CREATE TABLE packs (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
INSERT INTO packs VALUES (1, X'7B2264617461223A5B7B226964223A22646F6E65227D2C5D7D');
INSERT INTO packs VALUES (2, X'7B2264617461223A5B7B226964223A2277616974696E67227D2C5D7D');
INSERT INTO packs VALUES (3, X'7B2264617461223A5B7B226964223A2264656164227D2C5D7D');
INSERT INTO packs VALUES (4, X'7B2264617461223A5B7B226964223A22636F756E7430227D2C5D7D');
INSERT INTO packs VALUES (5, X'7B2264617461223A5B7B226964223A22636F756E7431227D2C5D7D');
INSERT INTO packs VALUES (6, X'7B2264617461223A5B7B226964223A22636F756E7432227D2C5D7D');
INSERT INTO packs VALUES (7, X'7B2264617461223A5B7B226964223A22636F756E7433227D2C5D7D');
INSERT INTO packs VALUES (8, X'7B2264617461223A5B7B226964223A22636F756E7434227D2C5D7D');
INSERT INTO packs VALUES (9, X'7B2264617461223A5B7B226964223A2270656E64696E67227D2C5D7D');
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
INSERT INTO events VALUES (1, 'done', 1, 1, 'order:done', NULL, 1750000000000000, 1, 9, 13, 1, 0, 25, '192.0.2.7', 'delivery-1', 2, NULL);
INSERT INTO events VALUES (2, 'waiting', 1, 1, 'order:waiting', NULL, 1750000000000000, 2, 9, 16, 2, 0, 28, '192.0.2.7', 'delivery-1', 2, NULL);
INSERT INTO events VALUES (3, 'dead', 1, 1, 'order:dead', NULL, 1750000000000000, 3, 9, 13, 3, 0, 25, '192.0.2.7', 'delivery-1', 2, NULL);
INSERT INTO events VALUES (4, 'count0', 1, 2, 'sku:SKU-1', 1750000000000000, 1750000000000000, 4, 9, 15, 4, 0, 27, '192.0.2.7', 'delivery-1', 2, NULL);
INSERT INTO events VALUES (5, 'count1', 1, 2, 'sku:SKU-1', 1750003600000000, 1750000000000000, 5, 9, 15, 5, 0, 27, '192.0.2.7', 'delivery-1', 2, NULL);
INSERT INTO events VALUES (6, 'count2', 1, 2, 'sku:SKU-1', 1750007200000000, 1750000000000000, 6, 9, 15, 6, 0, 27, '192.0.2.7', 'delivery-1', 2, NULL);
INSERT INTO events VALUES (7, 'count3', 1, 2, 'sku:SKU-1', 1750010800000000, 1750000000000000, 7, 9, 15, 7, 0, 27, '192.0.2.7', 'delivery-1', 2, NULL);
INSERT INTO events VALUES (8, 'count4', 1, 2, 'sku:SKU-1', 1750014400000000, 1750000000000000, 8, 9, 15, 8, 0, 27, '192.0.2.7', 'delivery-1', 2, NULL);
INSERT INTO events VALUES (9, 'pending', 1, 1, 'order:pending', NULL, 1750000000000000, 9, 9, 16, 9, 0, 28, '192.0.2.7', 'delivery-1', 2, NULL);
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
INSERT INTO deliveries VALUES (1025, 3, 1750000000000000, 7036621968582727697, NULL, 1, 1, NULL, NULL, NULL, NULL, NULL);
INSERT INTO deliveries VALUES (2049, 2, 1750003600000000, -2131626240316037263, NULL, 1, 1, NULL, 'erp.unavailable', '503', NULL, NULL);
INSERT INTO deliveries VALUES (3073, 6, 1750000000000000, -3250182295633915652, NULL, 1, 1, NULL, 'plugin.rejected', 'no such order', NULL, NULL);
INSERT INTO deliveries VALUES (4097, 5, 1750000000000000, -7285064715364592310, 1750000000000000, 0, 0, NULL, NULL, 'a newer count took its place', NULL, NULL);
INSERT INTO deliveries VALUES (5121, 5, 1750000000000000, -7285064715364592310, 1750003600000000, 0, 0, NULL, NULL, 'a newer count took its place', NULL, NULL);
INSERT INTO deliveries VALUES (6145, 5, 1750000000000000, -7285064715364592310, 1750007200000000, 0, 0, NULL, NULL, 'a newer count took its place', NULL, NULL);
INSERT INTO deliveries VALUES (7169, 5, 1750000000000000, -7285064715364592310, 1750010800000000, 0, 0, NULL, NULL, 'a newer count took its place', NULL, NULL);
INSERT INTO deliveries VALUES (8193, 0, 1750000000000000, -7285064715364592310, 1750014400000000, 0, 0, NULL, NULL, NULL, NULL, NULL);
INSERT INTO deliveries VALUES (9217, 0, 1750000000000000, 7188258424570580934, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL);
CREATE INDEX unsettled ON deliveries (state, id) WHERE state = 2 OR state = 6;
CREATE INDEX gaps ON deliveries (gap, subject) WHERE gap IS NOT NULL;
CREATE TABLE states (no INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO states VALUES (0, 'pending');
INSERT INTO states VALUES (1, 'running');
INSERT INTO states VALUES (2, 'waiting');
INSERT INTO states VALUES (3, 'done');
INSERT INTO states VALUES (4, 'ignored');
INSERT INTO states VALUES (5, 'superseded');
INSERT INTO states VALUES (6, 'dead');
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
INSERT INTO calls VALUES (1049600, 'ship', 1, 'erp', 'POST', '/orders/1/ship', '[["accept","*/*"]]', X'7B2261223AFF7D', 1750000000000000, 2, NULL, 1750000000000000, 201, '[["etag","x"]]', X'00FF01', NULL);
INSERT INTO calls VALUES (3146752, 'ship', 1, 'erp', 'POST', '/orders/1/ship', '[["accept","*/*"]]', X'7B2261223AFF7D', 1750000000000000, 0, 'reset', NULL, NULL, NULL, NULL, NULL);
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
INSERT INTO attempts VALUES (1049601, 1, 1750000000000000, 1750000000000000, 1, 'done', NULL, NULL, NULL, NULL);
INSERT INTO attempts VALUES (2098177, 1, 1750000000000000, 1750000000000000, 1, 'done', NULL, NULL, NULL, NULL);
INSERT INTO attempts VALUES (3146753, 1, 1750000000000000, 1750000000000000, 1, 'done', NULL, NULL, NULL, NULL);
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
INSERT INTO round_trip_states VALUES (0, 'due');
INSERT INTO round_trip_states VALUES (1, 'confirmed');
INSERT INTO round_trip_states VALUES (2, 'mismatch');
INSERT INTO round_trip_states VALUES (3, 'unconfirmed');
INSERT INTO round_trip_states VALUES (4, 'not-applicable');
CREATE TABLE state (
    plugin INTEGER NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (plugin, key)
) STRICT, WITHOUT ROWID;
INSERT INTO state VALUES (1, 'seen', X'31', 1);
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
INSERT INTO quarantine VALUES (1, 'masonhub', 1750000000000000, '192.0.2.7', 'delivery-1', 2, 'no JSON', NULL, X'7B2264617461223A5B5D7D');
INSERT INTO sqlite_sequence VALUES ('quarantine', 1);
INSERT INTO sqlite_sequence VALUES ('rejected', 1);
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
INSERT INTO rejected VALUES (1, 'masonhub', 1750000000000000, NULL, NULL, 'no signature', NULL, X'7B7D');
CREATE TABLE tokens (
    name TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
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
CREATE TABLE id_runs (
    id INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    newest INTEGER NOT NULL,     -- when the last of its events was received
    blocks INTEGER NOT NULL,
    filter BLOB NOT NULL
) STRICT;
INSERT INTO id_runs VALUES (1, 1, 4, 1750000000000000, 1, X'00000000000810300000400000001000000000800404000080800000000800C000000000000006B0040000000200000000020004010000040004000004000002');
CREATE TABLE id_blocks (id INTEGER PRIMARY KEY, records BLOB NOT NULL) STRICT;
INSERT INTO id_blocks VALUES (16777216, X'6813E34993FA842BAB6155F30079C89A0200000095AC23D75F895474F2834CA88E94FA1000000000B1C79CA98CFDFF3C0B13574AA80A8D8103000000E6BF2CFC4A8A7BBA90514DE3E0ED9BEE01000000');
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
