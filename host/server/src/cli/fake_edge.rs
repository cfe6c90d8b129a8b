//! An edge for tests: it verifies MasonHub's signature and notes what comes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use mortar_simulator::signing::{DELIVERY, SIGNATURE, SignatureForm, sign};

const SECRET: &str = "s3cret";

/// A callback that came in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) delivery: String,
    pub(super) genuine: bool,
    pub(super) body: Bytes,
}

/// An edge, and a configuration that leads to it.
pub(super) struct FakeEdge {
    seen: Arc<Mutex<Vec<Seen>>>,
    folder: tempfile::TempDir,
}

impl FakeEdge {
    pub(super) async fn start() -> Self {
        let seen = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let address = listener.local_addr().unwrap();
        let config =
            format!("edge.listen = \"{address}\"\n[sources.masonhub]\nverify = \"masonhub\"\nsecrets = [{{ file = \"secret\" }}]\n");
        std::fs::write(folder.path().join("mortar.toml"), config).unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&seen));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { seen, folder }
    }

    pub(super) fn config(&self) -> PathBuf {
        self.folder.path().join("mortar.toml")
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What came since the last time.
    pub(super) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn answer(State(seen): State<Arc<Mutex<Vec<Seen>>>>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let genuine = header(SIGNATURE) == sign(SECRET, &body, SignatureForm::Prefixed);
    seen.lock().unwrap().push(Seen { delivery: header(DELIVERY), genuine, body });
    if genuine { (StatusCode::OK, r#"{"status":"accepted"}"#) } else { (StatusCode::UNAUTHORIZED, r#"{"status":"rejected"}"#) }
}
