//! TLS, HTTP/2 and proxies before the host.

use std::net::SocketAddr;

use mortar_tests::{Host, SECRET, Setup, fixtures, http};
use reqwest::{Certificate, Client, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TLS: &str = "tls = { certificate = \"tls.pem\", key = { file = \"tls.key\" } }";

/// A certificate for this machine, and its key.
fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn client(trusted: &str) -> reqwest::ClientBuilder {
    builder().tls_certs_only([Certificate::from_pem(trusted.as_bytes()).unwrap()])
}

fn builder() -> reqwest::ClientBuilder {
    // An error means that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy()
}

/// Sends a genuine callback with this client.
async fn send(client: &Client, host: &Host, scheme: &str) -> reqwest::Result<reqwest::Response> {
    let body = serde_json::to_vec(&fixtures::fresh("order.created")).unwrap();
    let (name, value) = http::signature(SECRET, &body);
    client.post(host.url().replace("http://", scheme)).header(name, value).body(body).send().await
}

#[tokio::test]
async fn callbacks_come_over_tls_by_http_1_and_http_2_and_the_certificate_is_read_again() {
    let (pem, key) = certificate();
    let mut host = Setup::new().file("tls.pem", &pem).file("tls.key", key).edge(TLS).start().await;
    let modern = client(&pem).build().unwrap();
    let answer = send(&modern, &host, "https://").await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    let plain = send(&client(&pem).http1_only().build().unwrap(), &host, "https://").await.unwrap();
    assert_eq!((plain.status().as_u16(), plain.version()), (200, Version::HTTP_11));

    let (renewed, key) = certificate();
    host.replace("tls.key", key);
    host.replace("tls.pem", &renewed);
    host.logged("the certificate was read again").await;
    let trusting_new = client(&renewed).build().unwrap();
    assert_eq!(send(&trusting_new, &host, "https://").await.unwrap().status().as_u16(), 200);
    assert_eq!(send(&modern, &host, "https://").await.unwrap().status().as_u16(), 200, "the connection that is open goes on");
    assert!(send(&client(&pem).build().unwrap(), &host, "https://").await.is_err());
}

#[tokio::test]
async fn a_client_that_knows_http_2_needs_no_tls() {
    let host = Setup::new().start().await;
    let knowing = builder().tls_certs_only([]).http2_prior_knowledge().build().unwrap();
    let answer = send(&knowing, &host, "http://").await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
}

#[tokio::test]
async fn operators_come_over_tls_and_commands_know_the_certificate() {
    let (pem, key) = certificate();
    let host = Setup::new().file("tls.pem", &pem).file("tls.key", key).admin(TLS).start().await;
    let status = host.mortar(&["status"]).await;
    assert!(status.status.success(), "{status:?}");
    let url = format!("https://{}/livez", host.setup.admin_address());
    assert_eq!(client(&pem).build().unwrap().get(url).send().await.unwrap().status().as_u16(), 200);

    let (another, _) = certificate();
    host.replace("tls.pem", another);
    let refused = String::from_utf8(host.mortar(&["status"]).await.stderr).unwrap();
    assert!(refused.contains("another certificate than admin.tls of the configuration names"), "{refused}");
}

#[tokio::test]
async fn tokens_do_not_travel_unencrypted_unless_it_is_said() {
    let beyond = "[edge]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"0.0.0.0:18081\"\n";
    let setup = Setup::new();
    let checked = async |more: &str| {
        std::fs::write(setup.path().join("mortar.toml"), format!("{beyond}{more}")).unwrap();
        let output = setup.command(&["check", "--offline"]).output().await.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = checked("").await;
    assert!(code == Some(3) && said.contains("tokens would travel unencrypted"), "{said}");
    assert_eq!(setup.command(&["serve"]).output().await.unwrap().status.code(), Some(3), "it does not serve either");
    assert_eq!(checked("allow_plain = true").await.0, Some(0));
    let (code, said) = checked("tls = { certificate = \"none.pem\", key = { env = \"MASONHUB_SECRET\" } }").await;
    assert!(code == Some(3) && said.contains("none.pem cannot be read"), "{said}");
}

#[tokio::test]
async fn a_proxy_that_is_trusted_says_who_sent_a_callback() {
    let allow = "allow = [\"198.51.100.0/24\"]\n";
    let host = Setup::new().edge("trusted_proxies = [\"127.0.0.1/32\"]\nproxy_protocol = true").config(allow).start().await;
    assert_eq!(through_proxy(&host, Some("198.51.100.7:1234")).await, "HTTP/1.1 200 OK");
    assert_eq!(through_proxy(&host, Some("203.0.113.9:1234")).await, "HTTP/1.1 403 Forbidden");
    assert_eq!(through_proxy(&host, None).await, "", "without the header nothing is answered");
}

/// Sends a callback behind a header of the PROXY protocol; says the first line of the answer.
async fn through_proxy(host: &Host, client: Option<&str>) -> String {
    let mut stream = TcpStream::connect(host.edge()).await.unwrap();
    if let Some(client) = client {
        let SocketAddr::V4(client) = client.parse().unwrap() else { panic!("an IPv4 address") };
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        header.extend(client.ip().octets());
        header.extend([127, 0, 0, 1]);
        header.extend(client.port().to_be_bytes());
        header.extend(443_u16.to_be_bytes());
        stream.write_all(&header).await.unwrap();
    }
    let body = serde_json::to_vec(&fixtures::fresh("order.created")).unwrap();
    let (name, value) = http::signature(SECRET, &body);
    let head = format!(
        "POST /webhooks/masonhub HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{name}: {value}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    // It may be refused before all of it is written.
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}
