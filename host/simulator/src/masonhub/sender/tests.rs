use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::erp::{Erp, ErpOptions, Fault, What};
use crate::signing::{DELIVERY, SIGNATURE, sign};

type Answer = Result<u16, String>;

/// Answers each delivery as scripted, then with 200, and keeps what it was sent.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<HashMap<String, VecDeque<Answer>>>>,
    sent: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Script {
    fn answering(self, delivery: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.answers.lock().unwrap().insert(delivery.to_owned(), answers.into_iter().collect());
        self
    }

    fn deliveries(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(headers, _)| headers[DELIVERY].to_str().unwrap().to_owned()).collect()
    }
}

impl Transport for Script {
    async fn post(&self, headers: HeaderMap, body: Bytes) -> Answer {
        let delivery = headers[DELIVERY].to_str().unwrap().to_owned();
        self.sent.lock().unwrap().push((headers, body));
        // Lets the others run, so that only their dependencies keep them in order.
        tokio::task::yield_now().await;
        self.answers.lock().unwrap().get_mut(&delivery).and_then(VecDeque::pop_front).unwrap_or(Ok(200))
    }
}

fn callback(delivery: &str, after: &[usize]) -> Callback {
    Callback {
        message_type: "orderEvent".into(),
        delivery: delivery.into(),
        body: format!("{{\"message_id\":\"{delivery}\"}}").into(),
        kind: Kind::Genuine,
        after: after.to_vec(),
    }
}

/// An hour of MasonHub's takes 36 milliseconds here.
fn sender(url: &str) -> Sender {
    Sender { schedule: Schedule::at_speed(1e-5), ..Sender::new(url, "secret") }
}

async fn run(script: &Script, callbacks: &[Callback]) -> SendReport {
    send_through(script.clone(), &sender(""), callbacks, |_| {}).await.unwrap()
}

fn minutes(tries: &[Try]) -> Vec<u64> {
    tries.iter().map(|t| t.waited.as_secs() / 60).collect()
}

#[test]
fn the_schedule_is_masonhubs() {
    let schedule = Schedule::default();
    let waits: Vec<_> = (1..).map_while(|failures| schedule.delay(failures)).map(|d| d.as_secs() / 60).collect();
    assert_eq!(waits[..5], [1, 5, 15, 60, 60]);
    assert_eq!(waits.iter().sum::<u64>(), 21 + 60 * 23, "the last try begins within a day");
    let once = Schedule { delays: Vec::new(), ..Schedule::default() };
    assert_eq!(once.delay(1), None);
}

#[tokio::test]
async fn a_4xx_is_never_sent_again() {
    for status in [400, 401, 404, 408, 429] {
        let script = Script::default().answering("a", [Ok(status)]);
        let report = run(&script, &[callback("a", &[])]).await;
        assert_eq!((report.sent[0].outcome, report.tries()), (Outcome::Refused(status), 1));
        assert_eq!(report.refused(), [0]);
    }
}

#[tokio::test]
async fn whatever_is_not_an_answer_is_sent_again_by_the_schedule() {
    let script = Script::default().answering("a", [Err("connection refused".into()), Ok(503), Ok(302), Ok(500), Err("reset".into())]);
    let report = run(&script, &[callback("a", &[])]).await;
    assert_eq!(report.sent[0].outcome, Outcome::Acked);
    assert_eq!(minutes(&report.sent[0].tries), [0, 1, 5, 15, 60, 60]);
    assert_eq!(script.deliveries(), ["a"; 6], "every try is the same delivery");
}

#[tokio::test]
async fn a_day_without_an_answer_is_the_end() {
    let script = Script::default().answering("a", (0..100).map(|_| Ok(500)));
    let report = run(&script, &[callback("a", &[])]).await;
    assert_eq!(report.given_up(), [0]);
    assert_eq!(minutes(&report.sent[0].tries).iter().sum::<u64>(), 21 + 60 * 23);
}

#[tokio::test]
async fn a_slow_receiver_is_a_failure() {
    struct Slow(AtomicUsize);
    impl Transport for Slow {
        async fn post(&self, _: HeaderMap, _: Bytes) -> Answer {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => std::future::pending().await,
                _ => Ok(204),
            }
        }
    }
    let sender = Sender { timeout: Duration::from_millis(5), ..sender("") };
    let report = send_through(Slow(AtomicUsize::new(0)), &sender, &[callback("a", &[])], |_| {}).await.unwrap();
    assert_eq!(report.acked(), 1);
    assert_eq!(report.sent[0].tries[0].answer, Err("no answer within 5ms".into()));
}

#[tokio::test]
async fn one_order_waits_for_its_own_events_and_for_nobody_else() {
    let script = Script::default().answering("a1", [Ok(503), Ok(503)]).answering("a2", [Ok(400)]);
    let plan = [callback("a1", &[]), callback("b1", &[]), callback("a2", &[0]), callback("b2", &[1]), callback("a3", &[2])];
    let report = run(&script, &plan).await;
    let sent = script.deliveries();
    let of = |order: &str| sent.iter().filter(|d| d.starts_with(order)).cloned().collect::<Vec<_>>();
    assert_eq!(of("a"), ["a1", "a1", "a1", "a2", "a3"]);
    let place = |delivery: &str| sent.iter().rposition(|d| d == delivery).unwrap();
    assert!(place("b2") < place("a1"), "b went on while a waited: {sent:?}");
    assert_eq!(report.acked(), 4, "what was refused holds nobody up");
}

#[tokio::test]
async fn no_more_requests_at_once_than_allowed() {
    /// Lets nobody on until three are here.
    struct Three {
        here: tokio::sync::Barrier,
        now: AtomicUsize,
        most: Arc<AtomicUsize>,
    }
    impl Transport for Three {
        async fn post(&self, _: HeaderMap, _: Bytes) -> Answer {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            self.here.wait().await;
            self.now.fetch_sub(1, Ordering::SeqCst);
            Ok(200)
        }
    }
    let most = Arc::new(AtomicUsize::new(0));
    let transport = Three { here: tokio::sync::Barrier::new(3), now: AtomicUsize::new(0), most: Arc::clone(&most) };
    let callbacks: Vec<_> = (0..30).map(|n| callback(&n.to_string(), &[])).collect();
    let sender = Sender { concurrency: 3, ..sender("") };
    let report = send_through(transport, &sender, &callbacks, |_| {}).await.unwrap();
    assert_eq!((report.acked(), most.load(Ordering::SeqCst)), (30, 3));
}

#[tokio::test]
async fn only_what_is_forged_has_a_wrong_signature() {
    let script = Script::default();
    let forged = Callback { kind: Kind::Forged, ..callback("forged", &[]) };
    run(&script, &[callback("genuine", &[]), forged]).await;
    for (headers, body) in script.sent.lock().unwrap().iter() {
        let right = headers[SIGNATURE] == sign("secret", body, SignatureForm::Prefixed);
        assert_eq!(right, headers[DELIVERY] == "genuine");
        assert_eq!(headers[signing::EVENT], "orderEvent");
    }
}

#[tokio::test]
async fn over_http_nothing_is_lost_while_the_receiver_is_down_or_fails() {
    let receiver = Erp::bind(ErpOptions::default()).await.unwrap();
    let (address, url, handle) = (receiver.address(), format!("{}/webhooks", receiver.url()), receiver.handle());
    drop(receiver);
    handle.fault(Fault::new(What::Unavailable { retry_after: None }).next(2));
    handle.fault(Fault::new(What::Cut).next(1));
    let (failed, mut failures) = watch::channel(0);
    let observe = move |this: &Try| failed.send_modify(|count| *count += u32::from(this.answer.is_err()));
    let up = async {
        // Both have met the closed port before it opens.
        failures.wait_for(|count| *count >= 2).await.unwrap();
        handle.reopen(address).await.unwrap().run(std::future::pending()).await;
    };
    let callbacks = [callback("a", &[]), callback("b", &[])];
    let sender = sender(&url);
    let report = tokio::select! {
        report = send(&sender, &callbacks, observe) => report.unwrap(),
        () = up => unreachable!("the receiver runs for ever"),
    };
    assert_eq!(report.acked(), 2);
    let ids: Vec<_> = handle.ledger().writes.iter().map(|w| w.body["message_id"].clone()).collect();
    assert!(ids.len() == 2 && ids.contains(&"a".into()) && ids.contains(&"b".into()), "{ids:?}");
}

#[tokio::test]
async fn each_message_type_can_have_its_own_address() {
    let receiver = Erp::bind(ErpOptions::default()).await.unwrap();
    let (url, handle) = (format!("{}/webhooks/", receiver.url()), receiver.handle());
    let sender = Sender { url_per_type: true, ..sender(&url) };
    let callbacks = [callback("a", &[])];
    tokio::select! {
        report = send(&sender, &callbacks, |_| {}) => assert_eq!(report.unwrap().acked(), 1),
        () = receiver.run(std::future::pending()) => unreachable!("the receiver runs for ever"),
    }
    assert_eq!(handle.ledger().applied("POST", "/webhooks/orderEvent"), 1);
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_refused_before_sending() {
    for url in ["https://127.0.0.1/x", "/webhooks", "not a url"] {
        let error = send(&Sender::new(url, "s"), &[callback("a", &[])], |_| {}).await.unwrap_err();
        assert!(error.to_string().contains(url), "{error}");
    }
}
