use clap::Parser;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::fake_edge::FakeEdge;
use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    send: Send,
}

async fn send(edge: &FakeEdge, line: &str) -> (Result<Exit, Failure>, String) {
    let command = Line::try_parse_from(["send"].into_iter().chain(line.split_whitespace())).unwrap_or_else(|e| panic!("{e}")).send;
    let mut buffer = Vec::new();
    let mut output = Output::plain(&mut buffer, false);
    let end = run(&command, &edge.config(), Timestamp::UNIX_EPOCH, &mut StdRng::seed_from_u64(1), &mut output).await;
    (end, String::from_utf8(buffer).unwrap())
}

#[tokio::test]
async fn a_sample_is_signed_as_the_configuration_says() {
    let edge = FakeEdge::start().await;
    let (end, printed) = send(&edge, "order.fulfilled --number SO-77").await;
    assert_eq!((end.unwrap(), printed.as_str()), (Exit::Done, "order.fulfilled → 200 {\"status\":\"accepted\"}\n"));
    let [seen] = &edge.seen()[..] else { panic!("one callback was sent") };
    assert!(seen.genuine && std::str::from_utf8(&seen.body).unwrap().contains("SO-77"));

    let (end, printed) = send(&edge, "order.fulfilled --bad-signature").await;
    assert_eq!((end.unwrap(), printed.as_str()), (Exit::Refused, "order.fulfilled → 401 {\"status\":\"rejected\"}\n"));
}

#[tokio::test]
async fn times_are_new_events_and_a_duplicate_is_the_same_one() {
    let edge = FakeEdge::start().await;
    send(&edge, "order.shipped --times 2 --duplicate").await.0.unwrap();
    let [first, again, second, second_again] = &edge.seen()[..] else { panic!("four callbacks were sent") };
    assert!(first.body == again.body && second.body == second_again.body && first.body != second.body);
    assert_ne!(first.delivery, again.delivery);
}

#[tokio::test]
async fn a_file_is_sent_byte_for_byte() {
    let edge = FakeEdge::start().await;
    let file = edge.folder().join("callback.json");
    std::fs::write(&file, b"{ not json \xff").unwrap();
    assert_eq!(send(&edge, file.to_str().unwrap()).await.0.unwrap(), Exit::Done);
    assert_eq!(edge.seen()[0].body, &b"{ not json \xff"[..]);
    let (end, _) = send(&edge, &format!("{} --number SO-1", file.display())).await;
    assert!(matches!(end, Err(Failure::Usage(_))), "{end:?}");
}

#[tokio::test]
async fn what_cannot_be_sent_says_why() {
    let edge = FakeEdge::start().await;
    let (end, _) = send(&edge, "order.fulfiled").await;
    assert!(matches!(&end, Err(Failure::NotFound(text)) if text.contains("order.fulfilled")), "{end:?}");
    let (end, _) = send(&edge, "order.fulfilled --source shop").await;
    assert!(matches!(&end, Err(Failure::Usage(text)) if text == "there is no source `shop`; there are: masonhub"), "{end:?}");
    std::fs::remove_file(edge.folder().join("secret")).unwrap();
    let (end, _) = send(&edge, "order.fulfilled").await;
    assert!(matches!(&end, Err(Failure::Failed(text)) if text.starts_with("cannot sign: the secret file")), "{end:?}");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    std::fs::write(edge.folder().join("secret"), "s3cret").unwrap();
    let (end, _) = send(&edge, &format!("order.fulfilled --to http://{closed}/")).await;
    assert!(matches!(&end, Err(Failure::Unreachable(text)) if text.contains("is `mortar serve` running")), "{end:?}");
}
