//! E-mail through a mail server made by hand.

use std::sync::{Arc, Mutex};

use futures::future::join_all;
use mortar_core::call::{Mail, Request};
use mortar_core::ports::{Connector, Manners};

use crate::support::{Peer, Server, World, kind, request, serve, try_connect};

const SOON: &str = "timeout = \"300ms\"\nconnect_timeout = \"300ms\"\n";

/// What the mail server does at a command instead of what it should: a reply, or one of these.
const CLOSE: &str = "close";
const HANG: &str = "hang";

/// The lines that a mail server was sent.
type Lines = Arc<Mutex<Vec<String>>>;

/// A mail server that misbehaves at the command that starts so (`.`: at the end of the e-mail).
async fn mail_server(at: &'static str, instead: &'static str) -> (Server, Lines) {
    let lines = Lines::default();
    let kept = lines.clone();
    let server = serve(move |peer| converse(peer, kept.clone(), at, instead)).await;
    (server, lines)
}

pub(crate) async fn converse(mut peer: Peer, lines: Lines, at: &'static str, instead: &'static str) {
    if at != "greeting" {
        peer.write("220 test ESMTP\r\n").await;
    } else if !misbehave(&mut peer, instead).await {
        return;
    }
    let mut in_data = false;
    while let Some(line) = peer.line().await {
        lines.lock().unwrap().push(line.clone());
        if in_data && line != "." {
            continue;
        }
        if !at.is_empty() && line.starts_with(at) {
            if !misbehave(&mut peer, instead).await {
                return;
            }
            in_data = false;
            continue;
        }
        let command = line.split(' ').next().unwrap();
        in_data = command == "DATA";
        let reply = match command {
            "EHLO" => "250-test\r\n250 AUTH PLAIN LOGIN\r\n",
            "AUTH" => "235 welcome\r\n",
            "DATA" => "354 go on\r\n",
            "QUIT" => "221 bye\r\n",
            "." => "250 queued as 1\r\n",
            _ => "250 ok\r\n",
        };
        peer.write(reply).await;
    }
}

/// True where the conversation goes on.
async fn misbehave(peer: &mut Peer, instead: &str) -> bool {
    match instead {
        CLOSE => false,
        HANG => {
            peer.until_closed().await;
            false
        }
        reply => peer.write(format!("{reply}\r\n")).await,
    }
}

fn connect(server: &Server, settings: &str) -> World {
    let url = format!("smtp://{}", server.address);
    try_connect(&format!("[erp]\nurl = \"{url}\"\nprivate_addresses = true\nfrom = \"Shop <shop@merchant.example>\"\n{settings}")).unwrap()
}

pub(crate) fn letter() -> Request {
    let mail = Mail {
        to: vec!["Ann <ann@example.com>".into(), "bob@example.com".into()],
        reply_to: None,
        subject: "Your parcel".into(),
        text: "On its way\n.\n.hidden".into(),
        html: None,
    };
    Request { body: Some(serde_json::to_vec(&mail).unwrap()), ..request(Request::MAIL, "") }
}

#[tokio::test]
async fn an_e_mail_is_handed_over_whole() {
    let (server, lines) = mail_server("", "").await;
    let world = connect(&server, "auth = { kind = \"basic\", user = \"u\", password = { env = \"P\" } }");
    assert_eq!(world.connections.manners("erp", Request::MAIL), Some(Manners { idempotent: false, safe: false }));

    let response = world.send(&letter()).await.unwrap();

    assert_eq!((response.status, response.body.as_slice()), (250, &b"queued as 1"[..]));
    assert_eq!(*world.observed.0.lock().unwrap(), [("erp".to_owned(), Some(250))]);
    let lines = lines.lock().unwrap().clone();
    assert_eq!(
        lines[1..6],
        [
            "AUTH PLAIN AHUAUC1zM2NyZXQ=",
            "MAIL FROM:<shop@merchant.example>",
            "RCPT TO:<ann@example.com>",
            "RCPT TO:<bob@example.com>",
            "DATA"
        ]
    );
    for line in [
        "From: Shop <shop@merchant.example>",
        "To: Ann <ann@example.com>, bob@example.com",
        "Subject: Your parcel",
        "Message-ID: <key1@merchant.example>",
        "Date: Wed, 01 Jan 2025 00:00:00 +0000",
        "On its way",
        "..",
        "..hidden",
        ".",
    ] {
        assert!(lines.iter().any(|l| l == line), "{line} in {lines:#?}");
    }
    assert_eq!(lines.last().map(String::as_str), Some("QUIT"));
}

#[tokio::test]
async fn what_the_server_says_and_when_it_falls_silent_decides() {
    let cases = [
        ("greeting", CLOSE, "not sent"),
        ("greeting", HANG, "not sent"),
        ("greeting", "554 no", "not sent"),
        ("EHLO", CLOSE, "not sent"),
        ("EHLO", "nonsense", "not sent"),
        ("MAIL", "421 later", "not sent"),
        ("MAIL", CLOSE, "not sent"),
        ("MAIL", "550 not you", "550"),
        ("RCPT TO:<bob", "450 greylisted", "not sent"),
        ("RCPT TO:<bob", "550 no such user", "550"),
        ("RCPT", HANG, "not sent"),
        ("DATA", CLOSE, "not sent"),
        ("DATA", "451 busy", "not sent"),
        (".", CLOSE, "lost"),
        (".", HANG, "lost"),
        (".", "nonsense", "lost"),
        (".", "452 disk full", "not sent"),
        (".", "554 spam", "554"),
    ];
    let cases = cases.map(async |(at, instead, expected)| {
        let (server, _) = mail_server(at, instead).await;
        // Only what would never end by itself is cut short.
        let world = connect(&server, if instead == HANG { SOON } else { "" });
        let result = world.send(&letter()).await;
        let seen = result.as_ref().map_or_else(|_| kind(&result).to_owned(), |response| response.status.to_string());
        assert_eq!(seen, expected, "{at} {instead}: {result:?}");
    });
    join_all(cases).await;
}

#[tokio::test]
async fn one_refused_recipient_refuses_the_whole_and_is_named() {
    let (server, lines) = mail_server("RCPT TO:<bob", "550 no such user").await;
    let response = connect(&server, "").send(&letter()).await.unwrap();
    assert_eq!(String::from_utf8(response.body).unwrap(), "bob@example.com: no such user");
    assert!(!lines.lock().unwrap().iter().any(|line| line == "DATA"));
}

#[tokio::test]
async fn refused_credentials_are_the_connections_fault() {
    let (server, lines) = mail_server("AUTH", "535 no").await;
    let world = connect(&server, "auth = { kind = \"basic\", user = \"u\", password = { env = \"P\" } }");
    let result = world.send(&letter()).await;
    assert_eq!(kind(&result), "not sent");
    let probed = world.connections.probe("erp").await.unwrap_err();
    for words in [result.unwrap_err().to_string(), probed] {
        assert!(words.contains("refuses the credentials") && !words.contains("s3cret"), "{words}");
    }
    assert!(!lines.lock().unwrap().iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test]
async fn a_probe_sends_no_e_mail() {
    let (server, lines) = mail_server("", "").await;
    let seen = connect(&server, "").connections.probe("erp").await.unwrap();
    assert!(seen.contains("answered, not encrypted, no credentials"), "{seen}");
    let lines = lines.lock().unwrap();
    assert!(lines[0].starts_with("EHLO ") && lines[1..] == ["QUIT"], "{lines:?}");
}

#[tokio::test]
async fn what_is_no_e_mail_never_leaves() {
    let (server, lines) = mail_server("", "").await;
    let world = connect(&server, "request_limit = \"1 KiB\"");
    let with_body = |body: &str| Request { body: Some(body.into()), ..request(Request::MAIL, "") };
    for (request, expected) in [
        (request("POST", "/"), "denied"),
        (request(Request::MAIL, ""), "denied"),
        (with_body("{}"), "denied"),
        (with_body("{\"to\":[],\"reply_to\":null,\"subject\":\"x\",\"text\":\"x\",\"html\":null}"), "denied"),
        (with_body(&"x".repeat(1025)), "request too large"),
    ] {
        assert_eq!(kind(&world.send(&request).await), expected, "{request:?}");
    }
    assert!(lines.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_private_mail_server_is_refused_unless_the_connection_says_so() {
    let (server, lines) = mail_server("", "").await;
    let url = format!("smtp://localhost:{}", server.address.port());
    let world = try_connect(&format!("[erp]\nurl = \"{url}\"\nfrom = \"a@example.com\"")).unwrap();
    let result = world.send(&letter()).await;
    assert_eq!(kind(&result), "not sent");
    assert!(result.unwrap_err().to_string().contains("`private_addresses = true`"));
    assert!(lines.lock().unwrap().is_empty());
}
