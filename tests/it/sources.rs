//! Verification as it is configured.

use mortar_tests::http::send;
use mortar_tests::paths::root;
use mortar_tests::{Setup, fixtures};
use serde_json::Value;

fn vector(scheme: &str) -> (Value, Value) {
    let file = std::fs::read(root().join("tests/fixtures/signature-vectors.json")).unwrap();
    let all: Value = serde_json::from_slice(&file).unwrap();
    let found = all["vectors"].as_array().unwrap().iter().find(|v| v["scheme"] == scheme).unwrap().clone();
    (all, found)
}

async fn status(source: &str, headers: &[(&str, &str)], body: &str) -> u16 {
    let host = Setup::new().config(source).start().await;
    send("POST", &format!("http://{}/webhooks/other", host.edge()), headers, body.to_owned()).await.unwrap().status
}

#[tokio::test]
async fn base64_signatures_and_keys_in_files() {
    let (all, vector) = vector("base64");
    let setup = Setup::new().file("secret", format!("{}\n", all["secret"].as_str().unwrap()));
    let source = "[sources.other]\nverify = [{ scheme = \"base64\", header = \"X-Sig\", secrets = [{ file = \"secret\" }] }]";
    let host = setup.config(source).start().await;
    let url = format!("http://{}/webhooks/other", host.edge());
    let good = vector["expect"].as_str().unwrap();
    let body = all["body"].as_str().unwrap().to_owned();
    assert_eq!(send("POST", &url, &[("x-sig", good)], body.clone()).await.unwrap().status, 200);
    assert_eq!(send("POST", &url, &[("x-sig", good)], format!("{body} ")).await.unwrap().status, 401);
}

#[tokio::test]
async fn old_timestamps_are_refused() {
    let (all, vector) = vector("t=,v1= over '<timestamp>.<body>'");
    let source =
        "[sources.other]\nverify = [{ scheme = \"t-v1\", header = \"X-Sig\", secrets = [{ env = \"MASONHUB_SECRET\" }], past = \"PAST\" }]";
    let (header, body) = (vector["expect"].as_str().unwrap(), all["body"].as_str().unwrap());
    assert_eq!(status(&source.replace("PAST", "5m"), &[("x-sig", header)], body).await, 401);
    assert_eq!(status(&source.replace("PAST", "9000d"), &[("x-sig", header)], body).await, 200);
}

#[tokio::test]
async fn all_conditions_must_hold() {
    let source = "[sources.other]\nverify = [\n\
        { scheme = \"token-header\", header = \"Authorization\", secrets = [{ env = \"MASONHUB_SECRET\" }] },\n\
        { scheme = \"token-body\", field = \"token\", secrets = [{ env = \"MASONHUB_SECRET\" }] },\n]";
    let mut callback = fixtures::fresh("order.created");
    callback["token"] = mortar_tests::SECRET.into();
    let bearer = format!("Bearer {}", mortar_tests::SECRET);
    assert_eq!(status(source, &[("authorization", &bearer)], &callback.to_string()).await, 200);
    assert_eq!(status(source, &[], &callback.to_string()).await, 401);
    callback["token"] = "wrong".into();
    assert_eq!(status(source, &[("authorization", &bearer)], &callback.to_string()).await, 401);
}

#[tokio::test]
async fn a_source_without_verification_is_for_loopback_only() {
    let open = "[sources.other]\nverify = \"none\"";
    let body = fixtures::fresh("order.created").to_string();
    assert_eq!(status(open, &[], &body).await, 200);
    let setup = Setup::new().config(open);
    let file = setup.write();
    let text = std::fs::read_to_string(&file).unwrap();
    let exposed = text.replacen("listen = \"127.0.0.1", "listen = \"0.0.0.0", 1);
    let setup = setup.file("exposed.toml", exposed);
    let checked = setup.mortar(&["--config", "exposed.toml", "check", "--offline"]).await;
    assert!(!checked.status.success());
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(said.contains("loopback"), "{said}");
}
