//! Who may ask the admin API, and what is kept of what they did.

use std::time::Duration;

use mortar_tests::{Host, PATIENCE, Setup};
use serde_json::Value;
use tokio::time::Instant;

/// Makes a token by command, and says it.
async fn token(host: &Host, name: &str, role: &str, more: &[&str]) -> String {
    let made = host.mortar(&[&["--json", "token", "create", name, "--role", role], more].concat()).await;
    assert!(made.status.success(), "{made:?}");
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    made["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_role_permits_what_it_says_and_no_more() {
    let host = Setup::new().start().await;
    let mut seen = Vec::new();
    for role in ["read", "operate", "admin"] {
        let token = token(&host, role, role, &[]).await;
        let mut answers = Vec::new();
        for (method, path) in [("GET", "/api/status"), ("POST", "/api/rejected/1/admit"), ("GET", "/api/tokens")] {
            answers.push(host.ask_as(&token, method, path, "").await.status);
        }
        seen.push(answers);
    }
    assert_eq!(seen, [[200, 403, 403], [200, 404, 403], [200, 404, 200]]);
}

#[tokio::test]
async fn a_token_that_is_revoked_or_over_counts_no_more() {
    let host = Setup::new().start().await;
    let revoked = token(&host, "revoked", "read", &[]).await;
    assert_eq!(host.ask_as(&revoked, "GET", "/api/whoami", "").await.json()["name"], "revoked");
    assert!(host.mortar(&["token", "revoke", "revoked"]).await.status.success());
    assert_eq!(host.ask_as(&revoked, "GET", "/api/whoami", "").await.json()["code"], "admin.token");

    let short = token(&host, "short", "read", &["--expires", "10s"]).await;
    let deadline = Instant::now() + PATIENCE;
    let answer = loop {
        let answer = host.ask_as(&short, "GET", "/api/whoami", "").await;
        if answer.status != 200 {
            break answer;
        }
        assert!(Instant::now() < deadline, "it counts for ever");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("admin.token_expired")));
}

#[tokio::test]
async fn commands_present_the_token_that_they_are_given() {
    let host = Setup::new().start().await;
    let token = token(&host, "looker", "read", &[]).await;
    let command = |arguments: &[&str]| {
        let mut command = host.setup.command(arguments);
        command.env("MORTAR_TOKEN", &token);
        command
    };
    assert!(command(&["status"]).output().await.unwrap().status.success());
    let refused = command(&["alerts", "test"]).output().await.unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(6), "{said}");
    assert!(said.contains("this needs the role operate, and the token `looker` has read"), "{said}");
}

#[tokio::test]
async fn what_operators_do_is_in_the_audit_log_and_tokens_are_nowhere() {
    let mut host = Setup::new().start().await;
    let token = token(&host, "looker", "read", &[]).await;
    host.ask_as(&token, "POST", "/api/deliveries/7-1/discard", r#"{"reason":"by mistake"}"#).await;
    assert!(!host.mortar(&["dead", "discard", "7-1", "--reason", "old"]).await.status.success());
    let log = host.ask("/api/audit").await;
    let log = log.json();
    let told: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| {
            let text = |key: &str| action[key].as_str().unwrap_or_default().to_owned();
            format!("{} {} {} {} {} {}", text("who"), text("remote"), text("action"), text("request"), action["status"], text("code"))
        })
        .collect();
    let discard = "127.0.0.1 POST /api/deliveries/{delivery}/discard";
    assert_eq!(
        told,
        [
            format!("admin-token {discard} {{\"reason\":\"old\"}} 404 admin.not_found"),
            format!("looker {discard} {{\"reason\":\"by mistake\"}} 403 admin.role"),
            "admin-token 127.0.0.1 POST /api/tokens {\"name\":\"looker\",\"role\":\"read\"} 200 ".to_owned(),
        ]
    );
    let listed = host.mortar(&["audit", "list", "--who", "looker"]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("403 admin.role") && !listed.contains("admin-token"), "{listed}");
    assert!(!host.logged("an operator acts").await.contains(&token));
    assert!(!String::from_utf8(host.ask("/api/tokens").await.body.to_vec()).unwrap().contains(&token));
}
