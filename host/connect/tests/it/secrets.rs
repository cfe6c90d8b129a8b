//! Secrets are sent where they belong and shown nowhere else.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use crate::support::{answer, answering, request, try_connect};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_is_printed_or_logged() {
    let captured = Captured::default();
    // For the whole process: what the tests beside this one log is searched too.
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(captured.clone()).init();

    let (erp, seen) = answering(|seen| match seen.line.as_str() {
        "POST /token HTTP/1.1" => answer(200, "", "{\"access_token\":\"token-s3cret\"}"),
        line if line.contains("/refuse") => answer(401, "", ""),
        _ => answer(200, "", ""),
    })
    .await;
    let address = erp.address;
    let auths = [
        "{ kind = \"bearer\", token = { env = \"T\" } }".to_owned(),
        "{ kind = \"basic\", user = \"u\", password = { env = \"P\" } }".to_owned(),
        "{ kind = \"header\", name = \"X-Key\", value = { env = \"K\" } }".to_owned(),
        format!(
            "{{ kind = \"oauth2-client-credentials\", token_url = \"http://{address}/token\", client_id = \"c\", client_secret = {{ env = \"S\" }} }}"
        ),
    ];
    let mut shown = String::new();
    for auth in auths {
        let world = try_connect(&format!("[erp]\nurl = \"http://{address}\"\nprivate_addresses = true\nauth = {auth}")).unwrap();
        for path in ["/x", "/refuse", "/../x"] {
            shown += &format!("{:?}", world.send(&request("POST", path)).await);
        }
        shown += &format!("{:?} {:?}", world.connections, world.connections.status());
        shown += &format!("{:?}", world.connections.probe("erp").await);
    }
    let dead = "[erp]\nurl = \"http://127.0.0.1:1\"\nprivate_addresses = true\nauth = { kind = \"bearer\", token = { env = \"a\\nb\" } }";
    shown += &format!("{:?}", try_connect(dead).err());
    shown += &String::from_utf8_lossy(&captured.0.lock().unwrap());

    assert!(seen.lock().unwrap().iter().any(|seen| seen.header("authorization") == Some("Bearer token-s3cret")));
    assert!(shown.contains("call") && shown.contains("hyper"), "something was captured");
    for secret in ["s3cret", "dTpQLXMzY3JldA", "YzpTLXMzY3JldA"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}
