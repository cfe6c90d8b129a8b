//! The ERP, behind two connections: `keyed` dedupes writes by idempotency key, `plain` does not.
//! It knows every write that it applied.
//!
//! An ERP is at most [`TIMEOUT`] at a request, counted from when it was sent, also where nobody
//! waits for the answer any longer: the connection was cut, or the host was killed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::call::{Request, Response};
use mortar_core::ports::{BoxFuture, Connector, Manners, SendError};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep};

use crate::chance::Chance;
use crate::faults::{Fate, Faults};
use crate::life::Life;
use crate::mutation::Mutation;
use crate::plugins::Write;
use crate::trace::Trace;

/// How long a connection waits for an answer.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A write that the ERP has applied.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What.
    pub write: Write,
    /// Through which connection.
    pub connection: String,
    /// True where nobody waited for its answer any longer.
    pub late: bool,
}

/// The ERP.
pub struct Erp {
    faults: Arc<Faults>,
    chance: Chance,
    began: Instant,
    outages: Vec<(Duration, Duration)>,
    books: Mutex<Books>,
    hurry: Notify,
    trace: Trace,
}

#[derive(Default)]
struct Books {
    applied: Vec<Applied>,
    by_key: BTreeMap<String, Response>,
    /// Requests that the ERP is at.
    under_way: BTreeMap<u64, Write>,
    requests: u64,
}

impl Erp {
    /// An ERP that is out between these times.
    #[must_use]
    pub fn new(faults: Arc<Faults>, chance: Chance, outages: Vec<(Duration, Duration)>, trace: Trace) -> Self {
        Self { faults, chance, began: Instant::now(), outages, books: Mutex::default(), hurry: Notify::new(), trace }
    }

    /// Everything that it has applied, in order.
    #[must_use]
    pub fn applied(&self) -> Vec<Applied> {
        self.books().applied.clone()
    }

    /// Whether it has applied a step; none while it may be at it.
    #[must_use]
    pub fn knows(&self, event: &str, plugin: &str, step: &str) -> Option<bool> {
        let books = self.books();
        let is = |write: &Write| write.event == event && write.plugin == plugin && write.step == step;
        if books.under_way.values().any(is) { None } else { Some(books.applied.iter().any(|applied| is(&applied.write))) }
    }

    /// The clock jumps forwards. For whoever looks at it time has passed, so nothing that no host
    /// waits for is under way any longer.
    pub fn jumps(&self) {
        self.hurry.notify_waiters();
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_out(&self) -> bool {
        let now = self.began.elapsed();
        self.outages.iter().any(|(from, to)| (*from..*to).contains(&now))
    }

    /// The ERP's side of a request. It goes on whatever becomes of the host.
    async fn work(self: Arc<Self>, request: Request, key: String, fate: Fate, answer: oneshot::Sender<Response>) {
        let write = Write::read(&request);
        let number = write.as_ref().map(|write| self.books().begins(write));
        // It is quick, or as slow as it can be.
        let quick = self.chance.hits(0.8);
        let takes = self.chance.up_to(if quick { Duration::from_millis(300) } else { TIMEOUT - Duration::from_secs(1) });
        tokio::select! {
            biased;
            () = sleep(takes) => {}
            () = self.hurried(&answer) => {}
        }
        let response = match (fate, write) {
            (Fate::Denied, _) => response(422, "no"),
            (Fate::Failed, _) => response(500, "broken"),
            (_, Some(write)) => {
                self.trace.note(|| format!("the ERP has {write:?}"));
                let answered = self.books().apply(&request.connection, write, key, answer.is_closed());
                if fate == Fate::FailedAfter { response(500, "broken") } else { answered }
            }
            (Fate::FailedAfter, None) => response(500, "broken"),
            (_, None) => self.look(&request),
        };
        if let Some(number) = number {
            self.books().under_way.remove(&number);
        }
        // The way back.
        sleep(self.chance.up_to(Duration::from_millis(100))).await;
        let _ = answer.send(response);
    }

    async fn hurried(&self, answer: &oneshot::Sender<Response>) {
        loop {
            self.hurry.notified().await;
            if answer.is_closed() {
                return;
            }
        }
    }

    /// Answers a read: whether a write was applied.
    fn look(&self, request: &Request) -> Response {
        let applied = self.books().applied.iter().any(|applied| applied.write.place() == request.path);
        if applied { response(200, "found") } else { response(404, "unknown") }
    }
}

impl Books {
    fn begins(&mut self, write: &Write) -> u64 {
        self.requests += 1;
        self.under_way.insert(self.requests, write.clone());
        self.requests
    }

    fn apply(&mut self, connection: &str, write: Write, key: String, late: bool) -> Response {
        if connection == "keyed"
            && let Some(known) = self.by_key.get(&key)
        {
            return known.clone();
        }
        let answer = response(201, &format!("applied {}", write.step));
        self.applied.push(Applied { write, connection: connection.to_owned(), late });
        self.by_key.insert(key, answer.clone());
        answer
    }
}

fn response(status: u16, body: &str) -> Response {
    Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

/// The connections of one host.
pub struct SimConnector {
    /// The ERP that they lead to.
    pub erp: Arc<Erp>,
    /// The host.
    pub life: Life,
    /// The time, for keys that never repeat.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// The rule that it breaks.
    pub mutation: Option<Mutation>,
}

impl SimConnector {
    async fn exchange(&self, request: &Request, key: &str) -> Result<Response, SendError> {
        let erp = &self.erp;
        let fate = erp.faults.fate(erp.is_out());
        erp.trace.note(|| {
            let write = Write::read(request);
            let what = write.map_or_else(|| request.path.clone(), |write| format!("{write:?}"));
            format!("{} is sent to {}: {fate:?}", what, request.connection)
        });
        let not_sent = |reason: &str, after, spent| Err(SendError::NotSent { reason: reason.into(), after, spent });
        match fate {
            Fate::Refused => return not_sent("no connection", None, true),
            Fate::HeldBack => return not_sent("the breaker is open", Some(erp.chance.up_to(Duration::from_secs(20))), false),
            Fate::Unavailable => return not_sent("503", Some(erp.chance.up_to(Duration::from_secs(20))), true),
            Fate::LostBefore => {
                sleep(erp.chance.up_to(TIMEOUT)).await;
                return Err(SendError::Lost("reset".into()));
            }
            _ => {}
        }
        let (reply, answer) = oneshot::channel();
        tokio::spawn(erp.clone().work(request.clone(), key.to_owned(), fate, reply));
        // A connection that is cut is cut at any time.
        let patience = if fate == Fate::LostAfter { erp.chance.up_to(TIMEOUT) } else { TIMEOUT };
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(_)) if fate == Fate::TooLarge => Err(SendError::TooLarge { reason: "a large answer".into(), sent: true }),
            Ok(Ok(response)) if fate != Fate::LostAfter => Ok(response),
            _ => Err(SendError::Lost("reset".into())),
        }
    }
}

impl Connector for SimConnector {
    fn manners(&self, connection: &str, method: &str) -> Option<Manners> {
        Some(Manners { idempotent: connection == "keyed", safe: method == "GET" })
    }

    fn patience(&self, _: &str) -> Duration {
        TIMEOUT
    }

    fn check(&self, _: &Request) -> Result<(), SendError> {
        Ok(())
    }

    fn send<'a>(&'a self, request: &'a Request, idempotency_key: &'a str) -> BoxFuture<'a, Result<Response, SendError>> {
        Box::pin(async move {
            self.life.point().await;
            let key = match self.mutation {
                Some(Mutation::ForgetKeys) => format!("{idempotency_key} at {}", (self.now)()),
                _ => idempotency_key.to_owned(),
            };
            let result = self.exchange(request, &key).await;
            self.life.point().await;
            match result {
                Err(SendError::Lost(reason)) if self.mutation == Some(Mutation::LostIsUnsent) => {
                    Err(SendError::NotSent { reason, after: None, spent: true })
                }
                result => result,
            }
        })
    }
}
