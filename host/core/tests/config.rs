//! Configuration files with mistakes: all are told at once, each with its place.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use mortar_core::config::{Auth, Config, Preset, Verify, dotted};
use mortar_core::plugin::PluginSettings;
use mortar_core::toml_problems::{locate, read_toml};
use proptest::prelude::*;

const GOOD: &str = r#"
[edge]
listen = "127.0.0.1:9000"
body_limit = "2 MiB"
trusted_proxies = ["10.0.0.0/8", "::1/128"]

[sources.masonhub]
verify = "masonhub"
secrets = [{ env = "MASONHUB_SECRET" }, { file = "old-secret" }]

[sources.other]
path = "/in/other/"
verify = [{ scheme = "t-v1", header = "X-Signature", secrets = [{ env = "OTHER" }], past = "1h 30m" }]

[connections.erp]
url = "https://erp.example.com/api"
auth = { kind = "bearer", token = { env = "ERP_TOKEN" } }
methods = ["GET", "POST"]

rate = 5
burst = 20
breaker = { failures = 3, probes = 2 }
retry = { attempts = 7 }

[connections.mail]
url = "smtps://mail.example.com:465"
rate = 0.5
from = "Shop <shop@example.com>"
"#;

/// The problems of a text, as `line:column: message`.
fn toml_problems<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> Vec<String> {
    read_toml::<T>(text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// The problems of a configuration that can be read, as `key: message`.
fn problems(text: &str) -> Vec<String> {
    read_toml::<Config>(text).unwrap().problems().iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_configuration_has_no_problems() {
    let config: Config = read_toml(GOOD).unwrap();
    assert_eq!(config.problems(), []);
    assert_eq!(config.sources["masonhub"].verify, Verify::Preset(Preset::Masonhub));
    assert_eq!(config.sources["masonhub"].base_path("masonhub"), "/webhooks/masonhub");
    assert_eq!(config.sources["other"].base_path("other"), "/in/other");
    assert!(matches!(&config.sources["other"].verify, Verify::All(conditions) if conditions[0].past.as_secs() == 5400));
    assert!(matches!(config.connections["erp"].auth, Auth::Bearer { .. }));
    let [erp, mail] = ["erp", "mail"].map(|name| &config.connections[name]);
    assert_eq!((erp.rate, erp.burst, mail.rate, mail.burst), (Some(5.0), 20, Some(0.5), 1));
    assert_eq!((erp.breaker.failures, erp.breaker.first_open, mail.breaker.failures), (3, Duration::from_secs(5), 10));
    assert_eq!((erp.retry.as_ref().map(|retry| retry.attempts), &mail.retry), (Some(7), &None));
    assert_eq!(read_toml::<Config>("").unwrap().problems(), [], "an empty file is a good one");
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let text = r#"
[edge]
lisen = "127.0.0.1:9000"
body_limit = "2 houses"
connections = "many"
body_timeout = "30 fortnights"
trusted_proxies = ["10.0.0.0/8", 5, "nowhere"]

[journl]
path = "x"

[delivery]
retry = { first_delay = "2s", atempts = 5 }

[sources.a]
verify = "masonhubb"
secrets = ["the secret itself", { env = "A" }, { envi = "B" }]

[sources.b]
secrets = []

[[sources.c.verify]]
scheme = "hexx"
header = "X"
secrets = []

[[sources.c.verify]]
scheme = "hex"
heder = "X"

[connections.erp]
auth = { kind = "bearer", tokn = { env = "T" } }
timeout = -5
[connections.erp.headers]
X-A = 5
"#;
    assert_eq!(
        toml_problems::<Config>(text),
        [
            "3:1: unknown key `lisen`; did you mean `listen`?",
            "4:14: invalid value: string \"2 houses\", expected a size such as \"1 MiB\", or a number of bytes",
            "5:15: invalid type: string \"many\", expected a whole number",
            "6:16: `30 fortnights` is not a duration; one looks like \"30s\", \"15m\", \"12h\" or \"35d\"",
            "7:34: invalid type: integer `5`, expected IPv4 or IPv6 network address",
            "7:37: invalid IP address syntax",
            "9:2: unknown key `journl`; did you mean `journal`?",
            "13:31: unknown key `atempts`; did you mean `attempts`?",
            "16:10: unknown value `masonhubb`; did you mean `masonhub`?",
            "17:12: a secret is not written into this file: use { env = \"NAME\" }, { file = \"path\" } or { credential = \"name\" }",
            "17:50: unknown key `envi`; did you mean `env`?",
            "19:1: missing key `verify`",
            "23:10: unknown value `hexx`; did you mean `hex`?",
            "27:1: missing key `secrets`",
            "29:1: unknown key `heder`; did you mean `header`?",
            "31:1: missing key `url`",
            "32:27: unknown key `tokn`; did you mean `token`?",
            "33:11: invalid type: integer `-5`, expected a string",
            "35:7: invalid type: integer `5`, expected a string",
        ]
    );
}

#[test]
fn what_follows_from_a_mistake_is_not_told() {
    assert_eq!(toml_problems::<Config>("[sources.a]\nverify = 5").len(), 1, "`verify` is wrong, but not missing");
    assert_eq!(toml_problems::<Config>("[admin]\ntoken = { env = 'A', file = 'b' }").len(), 1, "a secret is in one place");
    assert_eq!(toml_problems::<Config>("edge = 5"), ["1:8: invalid type: integer `5`, expected a table"]);
}

#[test]
fn a_name_like_no_other_gets_the_list() {
    let problems = toml_problems::<Config>("[log]\nzzz = 1");
    assert_eq!(problems, ["2:1: unknown key `zzz`, expected `level` or `format`"]);
}

#[test]
fn what_is_not_toml_is_one_problem() {
    let problems = toml_problems::<Config>("[edge]\nlisten = \n[edge");
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("2:"), "{problems:?}");
}

#[test]
fn plugin_settings_are_read_the_same_way() {
    let text = "events = ['order.*']\nconections = ['erp']\n[limits]\nmemory = 'lots'\ncpu = 5\n[config]\nany = { thing = 1 }";
    assert_eq!(
        toml_problems::<PluginSettings>(text),
        [
            "2:1: unknown key `conections`; did you mean `connections`?",
            "4:10: invalid value: string \"lots\", expected a size such as \"1 MiB\", or a number of bytes",
            "5:7: invalid type: integer `5`, expected a string",
        ]
    );
    let settings: PluginSettings =
        read_toml("events = ['order.*', '', 'a*b', 'ö', '*ö', '**']\nconcurrency = 0\n[limits]\ncpu = '0s'\n[retry]\nattempts = 0")
            .unwrap();
    let keys: Vec<_> = settings.problems().into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["retry.attempts", "events[1]", "events[2]", "events[4]", "events[5]", "limits.cpu"]);
}

#[test]
fn what_makes_no_sense_is_told_with_its_key() {
    let text = r#"
[edge]
listen = "0.0.0.0:80"
connections = 0
body_timeout = "0s"

[admin]
listen = "192.168.0.1:81"

[journal]
dedupe_window = "1h"
queue = 0

[delivery]
concurrency = 0
retry = { attempts = 1001, first_delay = "1h", longest_delay = "1m" }

[plugins]
instances = 0

[sources.anyone]
verify = "none"

[sources.Bad_Name]
path = "no/slash"
verify = "masonhub"

[sources.listed]
verify = [{ scheme = "v0", secrets = [], past = "0s" }, { scheme = "hex", header = "a b", secrets = [{ env = "A" }] }]
secrets = [{ env = "A" }]

[sources.twin]
path = "/webhooks/listed/"
verify = []

[connections.erp]
url = "ftp://erp.example.com"
methods = ["get", "PSOT"]
paths = ["orders/*", "/orders/*"]
timeout = "0s"
idempotency_header = "X Key"
headers = { "X-Bad" = "a\nb" }

[connections."my mail"]
url = "smtp://mail.example.com"
auth = { kind = "bearer", token = { env = "T" } }

[connections.api]
url = "https://user:secret@api.example.com/v1?x=1"
from = "a@example.com"
auth = { kind = "oauth2-client-credentials", token_url = "nowhere", client_id = "c", client_secret = { env = "S" } }
"#;
    let found = problems(text);
    let keys: Vec<_> = found.iter().map(|problem| problem.split_once(": ").unwrap().0).collect();
    assert_eq!(
        keys,
        [
            "edge.connections",
            "edge.body_timeout",
            "admin.listen",
            "journal.queue",
            "plugins.instances",
            "journal.dedupe_window",
            "delivery.retry.attempts",
            "delivery.retry.first_delay",
            "delivery.concurrency",
            "sources.Bad_Name",
            "sources.Bad_Name.path",
            "sources.Bad_Name.secrets",
            "sources.anyone.verify",
            "sources.listed.secrets",
            "sources.listed.verify[0].header",
            "sources.listed.verify[0].timestamp_header",
            "sources.listed.verify[0].secrets",
            "sources.listed.verify[0].past",
            "sources.listed.verify[1].header",
            "sources.twin.verify",
            "sources.twin.path",
            "connections.api.url",
            "connections.api.url",
            "connections.api.from",
            "connections.api.auth.token_url",
            "connections.erp.url",
            "connections.erp.idempotency_header",
            "connections.erp.headers.X-Bad",
            "connections.erp.methods[0]",
            "connections.erp.methods[1]",
            "connections.erp.paths[0]",
            "connections.erp.timeout",
            "connections.\"my mail\"",
            "connections.\"my mail\".auth",
            "connections.\"my mail\".from",
        ]
    );
    assert!(found.contains(&"sources.twin.path: the source `listed` has this path too: /webhooks/listed".to_owned()));
    assert!(found.contains(&"connections.erp.methods[0]: methods are written in capitals: `GET`".to_owned()));
    assert!(keys.iter().all(|key| locate(text, key).is_some()), "each has a place in the file");
}

#[test]
fn every_limit_of_a_connection_has_its_bounds() {
    for (settings, problem) in [
        ("concurrency = 0", "concurrency: must be 1 to 4096"),
        ("concurrency = 4097", "concurrency: must be 1 to 4096"),
        ("rate = 0", "rate: must be 0.001 to 1000 requests per second"),
        ("rate = -1.5", "rate: must be 0.001 to 1000 requests per second"),
        ("rate = nan", "rate: must be 0.001 to 1000 requests per second"),
        ("rate = inf", "rate: must be 0.001 to 1000 requests per second"),
        ("rate = 1\nburst = 0", "burst: must be 1 to 10000"),
        ("rate = 1\nburst = 10001", "burst: must be 1 to 10000"),
        ("burst = 2", "burst: means nothing without `rate`"),
        ("breaker.failures = 0", "breaker.failures: must be 1 to 1000"),
        ("breaker.failures = 1001", "breaker.failures: must be 1 to 1000"),
        ("breaker.probes = 0", "breaker.probes: must be 1 to 100"),
        ("breaker.first_open = '0s'", "breaker.first_open: must be more than zero"),
        ("breaker.first_open = '61s'", "breaker.first_open: must not be longer than `longest_open`"),
        ("connect_timeout = '0s'", "connect_timeout: must be more than zero"),
        ("request_limit = 0", "request_limit: must be more than zero"),
        ("response_limit = 0", "response_limit: must be more than zero"),
        ("retry.attempts = 0", "retry.attempts: must be 1 to 1000"),
        ("retry = { first_delay = '2h' }", "retry.first_delay: must not be longer than `longest_delay`"),
    ] {
        let text = format!("[connections.erp]\nurl = 'https://erp.example.com'\n{settings}");
        assert_eq!(problems(&text), [format!("connections.erp.{problem}")]);
    }
    let text = "[connections.erp]\nurl = 'https://erp.example.com'\nbreaker = { failure = 3 }";
    assert_eq!(toml_problems::<Config>(text), ["3:13: unknown key `failure`; did you mean `failures`?"]);
}

#[test]
fn one_source_may_be_below_another() {
    let text = "[sources.a]\nverify = 'none'\n[sources.b]\nverify = 'none'\npath = '/webhooks/a/b'";
    assert_eq!(problems(text), [""; 0]);
}

#[test]
fn one_address_does_not_serve_operators_and_callbacks() {
    assert_eq!(problems("[edge]\nlisten = '127.0.0.1:8081'"), ["admin.listen: is the address of `edge.listen`: give it another port"]);
    assert_eq!(problems("[edge]\nlisten = '127.0.0.1:0'\n[admin]\nlisten = '127.0.0.1:0'"), [""; 0], "port 0 is any free one");
}

#[test]
fn a_key_is_found_in_its_file() {
    let text = "edge.listen = 'x'\n[sources.a]\nverify = [\n  { scheme = 'hex' },\n  { header = 'é', past = '1s' },\n]\n[sources.\"b c\"]\nx = 1\n";
    assert_eq!(locate(text, "edge.listen"), Some((1, 6)));
    assert_eq!(locate(text, "sources.a.verify"), Some((3, 1)));
    assert_eq!(locate(text, "sources.a.verify[1]"), Some((5, 3)));
    assert_eq!(locate(text, "sources.a.verify[1].past"), Some((5, 19)), "columns count characters");
    assert_eq!(locate(text, &dotted(&["sources", "b c", "x"])), Some((8, 1)));
    assert_eq!(locate(text, "sources.a.secrets[3]"), Some((2, 10)), "what is absent is where it would belong");
    assert_eq!(locate(text, "journal.path"), None);
    assert_eq!(locate("not toml", "a"), None);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_or_turn_in_circles(text in "(\\[\\[?(edge|sources\\.a|delivery\\.retry|x)\\]\\]?\n|(listen|verify|path|secrets|x\\.y) = (5|'x'|\\[\\]|\\{ a = 1 \\}|\\[1, 'x'\\])\n|\\PC){0,12}") {
        if let Err(problems) = read_toml::<Config>(&text) {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|p| p.line >= 1 && p.column >= 1 && p.line <= text.lines().count().max(1) + 1));
        }
        let _ = locate(&text, &text);
    }
}

#[test]
fn a_gate_is_bounded() {
    let problems =
        |text: &str| read_toml::<PluginSettings>(text).unwrap().problems().into_iter().map(|p| p.to_string()).collect::<Vec<_>>();
    let most = "[gate]\npolicy = \"block\"\nlast = 10000\nsize = \"256 MiB\"\ntime = \"10m\"\n";
    assert_eq!(problems(most), Vec::<String>::new());
    assert_eq!(
        problems("[gate]\nlast = 10001\nsize = \"257 MiB\"\ntime = \"11m\"\n"),
        ["gate.last: must be 10000 at most", "gate.size: must be 256 MiB at most", "gate.time: must be 10m at most"]
    );
    assert_eq!(problems("gate = { last = 0, size = \"0 B\", time = \"0s\" }").len(), 3);
}
