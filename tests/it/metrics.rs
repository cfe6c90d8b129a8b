//! Metrics, as Prometheus itself reads them, and the rules that look at them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use mortar_core::delivery::State;
use mortar_tests::paths::root;
use mortar_tests::{Host, Setup, fixtures, http, tools};
use serde_json::Value;

use super::{QUICK, erp, rest_settings};

fn deploy(file: &str) -> PathBuf {
    root().join("examples/deploy").join(file)
}

/// A host that has delivered, refused and heard twice.
async fn busy_host() -> Host {
    let (url, _erp) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    let callback = fixtures::fresh("order.fulfilled");
    host.send(&callback).await;
    host.send(&callback).await;
    http::send("POST", &host.url(), &[("x-masonhub-signature", "00")], "{}").await.unwrap();
    host.until(&fixtures::event_id(&callback), State::Done).await;
    host
}

#[tokio::test]
async fn prometheus_reads_them() {
    let Some(program) = tools::debian("prometheus", "prometheus") else { return };
    let host = busy_host().await;
    let (admin, token) = host.setup.admin_access();
    let place = host.setup.path().join("prometheus");
    std::fs::create_dir(&place).unwrap();
    let config = format!(
        "global: {{ scrape_interval: 1s }}\nrule_files: [{:?}]\nscrape_configs:\n- job_name: mortar\n  authorization: {{ credentials: {token} }}\n  \
         static_configs: [{{ targets: [\"{admin}\"] }}]\n",
        deploy("alerts.yml").canonicalize().unwrap()
    );
    std::fs::write(place.join("prometheus.yml"), config).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut prometheus = tokio::process::Command::new(program)
        .arg(format!("--web.listen-address={free}"))
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
        .current_dir(&place)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let ask = async |query: &str| {
        let answer = http::send("GET", &format!("http://{free}/api/v1/query?query={query}"), &[], "").await.ok()?;
        let answer: Value = serde_json::from_slice(&answer.body).ok()?;
        answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    };
    let scraped = async {
        while ask("up").await.as_deref() != Some("1") {
            assert!(prometheus.try_wait().unwrap().is_none(), "Prometheus has ended");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), scraped).await.expect("Prometheus reads the page");
    for (query, value) in [
        ("mortar_ready", "1"),
        ("mortar_events_stored_total", "1"),
        ("mortar_events_duplicate_total", "1"),
        ("mortar_callback_duration_seconds_count{result=\"rejected\"}", "1"),
        ("mortar_callbacks_verified_total{secret=\"1\"}", "2"),
        ("mortar_attempts_total{type=\"order.fulfilled\",result=\"done\"}", "1"),
        ("mortar_connection_breaker{connection=\"erp\",state=\"closed\"}", "1"),
    ] {
        let encoded = query.replace('{', "%7B").replace('}', "%7D").replace('"', "%22").replace(',', "%2C");
        assert_eq!(ask(&encoded).await.as_deref(), Some(value), "{query}");
    }
}

#[test]
fn the_alert_rules_are_rules_and_fire_when_they_should() {
    let Some(promtool) = tools::debian("prometheus", "promtool") else { return };
    for arguments in [["check", "rules"].as_slice(), &["test", "rules"]] {
        let file = if arguments[0] == "check" { "alerts.yml" } else { "alerts.test.yml" };
        let output = Command::new(&promtool).args(arguments).arg(deploy(file)).output().unwrap();
        assert!(output.status.success(), "{file}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_grafana_dashboard_is_one() {
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(deploy("grafana.json")).unwrap()).unwrap();
    assert!(dashboard["uid"].is_string() && dashboard["schemaVersion"].as_u64() >= Some(36), "{dashboard}");
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: std::collections::BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has a number of its own");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(panel["title"].is_string() && panel["gridPos"]["w"].is_u64() && !targets.is_empty(), "{panel}");
        assert!(targets.iter().all(|target| target["expr"].as_str().unwrap().contains("mortar_")), "{panel}");
    }
}

#[test]
fn the_expressions_of_the_dashboard_can_be_read() {
    let Some(promtool) = tools::debian("prometheus", "promtool") else { return };
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(deploy("grafana.json")).unwrap()).unwrap();
    let targets = dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let rule = |target: &Value| {
        let expression = target["expr"].as_str().unwrap().replace("$__rate_interval", "5m").replace("$instance", ".*");
        format!("  - record: dashboard\n    expr: {}\n", Value::from(expression))
    };
    let rules: String = targets.map(rule).collect();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("rules.yml");
    std::fs::write(&file, format!("groups:\n- name: dashboard\n  rules:\n{rules}")).unwrap();
    let output = Command::new(promtool).args(["check", "rules", "--lint=none"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
