//! TLS, with an authority that only this test trusts. The trusted authorities come from the
//! environment, so the test that needs its own starts itself in a process with another one.

use std::process::Command;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::mail::{converse, letter};
use crate::support::{Peer, Server, answer, kind, serve_raw, try_connect};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

/// A server for `localhost` that runs `serve` within TLS.
async fn serve_tls<F, Fut>(serve: F) -> Server
where
    F: Fn(Peer) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let chain = CertificateDer::pem_file_iter(format!("{FIXTURES}/localhost.pem")).unwrap().collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{FIXTURES}/localhost.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()));
    serve_raw(move |stream, number| {
        let (acceptor, serve) = (acceptor.clone(), serve.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(Peer::new(Box::new(stream), number)).await;
            }
        }
    })
    .await
}

async fn https_server() -> Server {
    serve_tls(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.write(answer(200, "", "secure")).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_genuine_server_is_spoken_to() {
    let authority = format!("{FIXTURES}/authority.pem");
    if std::env::var("SSL_CERT_FILE").as_ref() != Ok(&authority) {
        let mut again = Command::new(std::env::current_exe().unwrap());
        let output = again.args(["--exact", "tls::a_genuine_server_is_spoken_to"]).env("SSL_CERT_FILE", authority).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let erp = https_server().await;
    let port = erp.address.port();
    let world = try_connect(&format!("[erp]\nurl = \"https://localhost:{port}\"\nprivate_addresses = true")).unwrap();
    assert_eq!(world.post("/x", "y").await.unwrap().body, b"secure");
    assert!(world.connections.probe("erp").await.is_ok());

    // The certificate is for the name, not for the address.
    let world = try_connect(&format!("[erp]\nurl = \"https://127.0.0.1:{port}\"\nprivate_addresses = true")).unwrap();
    assert_eq!(kind(&world.post("/x", "y").await), "not sent");

    let server = serve_tls(|peer| converse(peer, Arc::default(), "", "")).await;
    let url = format!("smtps://localhost:{}", server.address.port());
    let world = try_connect(&format!("[erp]\nurl = \"{url}\"\nprivate_addresses = true\nfrom = \"a@example.com\"")).unwrap();
    assert_eq!(world.send(&letter()).await.unwrap().status, 250);
    assert!(world.connections.probe("erp").await.unwrap().contains("answered, encrypted"));
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_spoken_to() {
    let erp = https_server().await;
    let url = format!("https://localhost:{}", erp.address.port());
    let world = try_connect(&format!("[erp]\nurl = \"{url}\"\nprivate_addresses = true")).unwrap();
    let result = world.post("/x", "y").await;
    assert_eq!(kind(&result), "not sent");
    let words = result.unwrap_err().to_string();
    assert!(words.contains("certificate"), "{words}");
}
