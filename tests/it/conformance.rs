//! The admin API does what its OpenAPI document says, whatever it is asked.

use mortar_core::delivery::State;
use mortar_tests::{Setup, fixtures};
use tokio::process::Command;

use super::{QUICK, erp};

/// What schemathesis proves of every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      negative_data_rejection,unsupported_method,ignored_auth";

/// Examples of each operation.
const EXAMPLES: &str = "25";

#[tokio::test]
#[ignore = "needs schemathesis: `cargo xtask conformance` installs it and runs this"]
async fn every_answer_is_as_the_document_says() {
    let schemathesis = std::env::var("MORTAR_SCHEMATHESIS").expect("run it by `cargo xtask conformance`");
    let (url, _) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").misbehaving("reject", "").start().await;
    for order in ["SO-1", "SO-2"] {
        let callback = fixtures::about("order.created", order);
        host.send(&callback).await;
        host.until(&fixtures::event_id(&callback), State::Dead).await;
    }
    host.send_bytes(b"no JSON".to_vec()).await;
    let document = host.mortar(&["openapi"]).await.stdout;
    let file = host.setup.path().join("openapi.json");
    std::fs::write(&file, document).unwrap();
    let served = host.ask("/api/openapi.json").await.body;
    let [printed, served] =
        [std::fs::read(&file).unwrap(), served.to_vec()].map(|text| serde_json::from_slice::<serde_json::Value>(&text).unwrap());
    assert_eq!(printed, served);

    let base = format!("http://{}", host.setup.admin_address());
    let ran = Command::new(schemathesis)
        .args(["run", &file.to_string_lossy(), "--url", &base, "--checks", CHECKS, "--phases", "coverage,fuzzing"])
        .args(["--max-examples", EXAMPLES, "--seed", "1", "--continue-on-failure", "--no-color", "--request-timeout", "60"])
        // It would write files wherever it thinks of.
        .args(["--exclude-operation-id", "backup_backup"])
        .args(["-H", &format!("Authorization: Bearer {}", mortar_tests::TOKEN)])
        .current_dir(host.setup.path())
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{told}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(host.ask("/livez").await.status, 200, "it still answers");
}
