//! What cannot work is said before anything is sent: all of it, with the key that it is about.

use crate::support::try_connect;

fn keys(toml: &str) -> Vec<String> {
    let problems = try_connect(toml).err().unwrap_or_default();
    problems.iter().map(|problem| format!("{}.{}", problem.connection, problem.key)).collect()
}

#[test]
fn every_problem_is_told_at_once() {
    let toml = r#"
[bad]
url = "https://user:pass@erp.example.com"
auth = { kind = "bearer", token = { env = "MISSING" } }
idempotency_header = "a b"
methods = ["get"]
safe_methods = [""]
paths = ["orders"]
headers = { Host = "x", X-A = "a\nb" }
concurrency = 0
timeout = "0s"
from = "a@example.com"

[good]
url = "https://erp.example.com/api"

[mail]
url = "smtp://127.0.0.1:25/path"
auth = { kind = "bearer", token = { env = "T" } }
paths = ["/x"]
"#;
    let mut found = keys(toml);
    found.sort();
    let expected = [
        "bad.auth.token",
        "bad.concurrency",
        "bad.from",
        "bad.headers.Host",
        "bad.headers.X-A",
        "bad.idempotency_header",
        "bad.methods",
        "bad.paths",
        "bad.safe_methods",
        "bad.timeout",
        "bad.url",
        "mail.auth.kind",
        "mail.from",
        "mail.paths",
        "mail.url",
        "mail.url",
    ];
    assert_eq!(found, expected);
}

#[test]
fn each_problem_names_its_key() {
    for (settings, key) in [
        ("url = \"erp\"", "url"),
        ("url = \"ftp://erp.example.com\"", "url"),
        ("url = \"http://erp.example.com\"\nauth = { kind = \"bearer\", token = { env = \"T\" } }", "url"),
        ("url = \"https://x.example\"\nauth = { kind = \"basic\", user = \"a:b\", password = { env = \"P\" } }", "auth.user"),
        ("url = \"https://x.example\"\nauth = { kind = \"header\", name = \"Host\", value = { env = \"K\" } }", "auth.name"),
        ("url = \"https://x.example\"\nauth = { kind = \"header\", name = \"X-K\", value = { env = \"a\\nb\" } }", "auth.value"),
        ("url = \"https://x.example\"\nidempotency_header = \"X-K\"\nheaders = { x-k = \"1\" }", "headers"),
        ("url = \"https://x.example\"\nheaders = { Authorization = \"x\" }", "headers.Authorization"),
        (
            "url = \"https://x.example\"\nauth = { kind = \"oauth2-client-credentials\", token_url = \"x\", client_id = \"a\", client_secret = { env = \"S\" } }",
            "auth.token_url",
        ),
        (
            "url = \"https://x.example\"\nauth = { kind = \"oauth2-client-credentials\", token_url = \"https://10.0.0.1/t\", client_id = \"a\", client_secret = { env = \"S\" } }",
            "auth.token_url",
        ),
        ("url = \"smtps://mail.example\"\nfrom = \"nobody\"", "from"),
        ("url = \"smtps://\"\nfrom = \"a@example.com\"", "url"),
        ("url = \"smtps://[::1]\"\nfrom = \"a@example.com\"", "url"),
    ] {
        assert_eq!(keys(&format!("[c]\n{settings}")), [format!("c.{key}")], "{settings}");
    }
}

#[test]
fn what_can_work_is_taken_as_it_is() {
    let toml = r#"
[erp]
url = "https://erp.example.com:8443/api/"
auth = { kind = "oauth2-client-credentials", token_url = "https://login.example.com/token", client_id = "a", client_secret = { env = "S" } }
[near]
url = "http://10.0.0.7"
private_addresses = true
auth = { kind = "basic", user = "u", password = { env = "P" } }
[mail]
url = "smtps://mail.example.com"
from = "Shop <shop@merchant.example>"
auth = { kind = "basic", user = "u", password = { env = "P" } }
"#;
    let world = try_connect(toml).unwrap();
    assert_eq!(world.connections.names().collect::<Vec<_>>(), ["erp", "mail", "near"]);
    assert_eq!(world.connections.status()[0].url, "https://erp.example.com:8443/api/");
}
