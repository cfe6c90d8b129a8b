//! A plugin directory for each test, an event, and a host that answers what the test wants.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use jiff::Timestamp;
use mortar_core::call::{CallError, Mail, Request, Response, Settlement};
use mortar_core::delivery::Ending;
use mortar_core::event::TypedEvent;
use mortar_core::plugin::PluginProblem;
use mortar_core::ports::{BoxFuture, Clock, Host, JournalError, Plugin, PutError, Ran, Run, StateEntry, StateWrite, StoredEvent};
use mortar_sandbox::{SandboxOptions, WasmSandbox};
use tempfile::TempDir;
use tokio::sync::Semaphore;

/// A directory of plugins, with its cache.
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A directory with one plugin, `it`.
    pub(crate) fn with(component: &[u8], settings: &str) -> Self {
        Self::new().file("it.wasm", component).file("it.toml", settings)
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("plugins").join(name)
    }

    pub(crate) fn options(&self) -> SandboxOptions {
        SandboxOptions { cache: self.0.path().join("cache"), instances: 4, ..SandboxOptions::default() }
    }

    pub(crate) async fn load(&self) -> (Vec<Plugin>, Vec<PluginProblem>) {
        self.load_with(self.options()).await
    }

    pub(crate) async fn load_with(&self, options: SandboxOptions) -> (Vec<Plugin>, Vec<PluginProblem>) {
        WasmSandbox::open(options, &self.path(""), Arc::new(Still)).unwrap().load_all().await
    }

    /// The one plugin of a directory in which nothing is wrong.
    pub(crate) async fn plugin(&self) -> Plugin {
        let (plugins, problems) = self.load().await;
        assert_eq!(problems, []);
        let [plugin] = <[_; 1]>::try_from(plugins).unwrap();
        plugin
    }
}

/// Runs the plugin `it` on an event, in a sandbox of its own.
pub(crate) async fn run(component: &[u8], settings: &str, host: TestHost) -> Ran {
    let directory = Directory::with(component, settings);
    directory.plugin().await.handler.run(attempt("m1:0"), None, Arc::new(host)).await
}

/// The words of `ignored`, by which test plugins say what they saw.
pub(crate) fn said(ran: Ran) -> String {
    match ran.ending {
        Ending::Ignored(words) => words,
        ending => panic!("the plugin did not answer: {ending:?}"),
    }
}

pub(crate) fn attempt(id: &str) -> Run {
    let event = StoredEvent {
        seq: 7,
        id: id.into(),
        event_type: "order.shipped".into(),
        subject: "order:SO-1".into(),
        source: "masonhub".into(),
        received_at: "2024-05-01T10:00:00Z".parse().unwrap(),
        as_of: None,
        payload: Bytes::from_static(b"{\"n\":1}"),
    };
    Run { event: Arc::new(event), attempt: 2 }
}

pub(crate) async fn run_on(plugin: &Plugin, event: &str, typed: Option<TypedEvent>) -> Ran {
    plugin.handler.run(attempt(event), typed, Arc::new(TestHost::default())).await
}

/// A clock that stands.
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2024-05-01T10:00:00Z".parse().unwrap()
    }
}

/// Answers calls as told, and keeps what it was asked.
pub(crate) struct TestHost {
    pub(crate) answer: Result<Response, CallError>,
    pub(crate) state: Result<Option<StateEntry>, JournalError>,
    /// Where there is one, a call takes a permit of it first.
    pub(crate) gate: Option<Arc<Semaphore>>,
    pub(crate) asked: Arc<Mutex<Vec<(String, Request)>>>,
}

impl Default for TestHost {
    fn default() -> Self {
        let answer = Ok(Response { status: 201, headers: vec![("etag".into(), "x".into())], body: b"created".to_vec() });
        Self { answer, state: Ok(None), gate: None, asked: Arc::default() }
    }
}

impl Host for TestHost {
    fn call(&self, step: String, request: Request) -> BoxFuture<'_, Result<Response, CallError>> {
        self.asked.lock().unwrap().push((step, request));
        Box::pin(async {
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            self.answer.clone()
        })
    }

    fn settle(&self, _: String, _: Settlement) -> BoxFuture<'_, Result<Result<(), String>, JournalError>> {
        Box::pin(async { Ok(Ok(())) })
    }

    fn mail(&self, _: String, _: String, _: Mail) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(async { Ok(()) })
    }

    fn state_get(&self, _: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>> {
        Box::pin(async { self.state.clone() })
    }

    fn state_put(&self, _: StateWrite) -> BoxFuture<'_, Result<Result<(), PutError>, JournalError>> {
        Box::pin(async { Ok(Ok(())) })
    }
}
