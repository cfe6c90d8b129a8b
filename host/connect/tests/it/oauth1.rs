//! OAuth 1.0a: each request is signed anew. How, is told by the unit tests.

use std::collections::HashSet;

use crate::support::{answer, answering, connect};

const AUTH: &str = "auth = { kind = \"oauth1\", consumer_key = \"ck\", consumer_secret = { env = \"C\" }, token = \"tk\", \
                    token_secret = { env = \"T\" }, realm = \"1234567_SB1\" }";

#[tokio::test]
async fn each_request_has_a_signature_of_its_own() {
    let (server, log) = answering(|_| answer(200, "", "")).await;
    let world = connect(server.address, AUTH);
    for _ in 0..3 {
        world.post("/x?deep=1", "{}").await.unwrap();
    }
    let log = log.lock().unwrap();
    let headers: HashSet<_> = log.iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(headers.len(), 3, "no nonce is used twice");
    let header = headers.iter().next().unwrap();
    assert!(header.starts_with("OAuth realm=\"1234567_SB1\", oauth_consumer_key=\"ck\", oauth_nonce=\""), "{header}");
    assert!(header.contains("oauth_timestamp=\"1735689600\", oauth_token=\"tk\"") && !header.contains("s3cret"), "{header}");
}
