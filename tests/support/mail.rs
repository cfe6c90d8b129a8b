//! A mail server that keeps what it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail as it was taken.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The recipients' addresses.
    pub to: Vec<String>,
    /// Headers and body, lines ended by `\n`.
    pub data: String,
}

/// A running mail server.
#[derive(Clone)]
pub struct MailServer {
    pub address: SocketAddr,
    letters: Arc<Mutex<Vec<Letter>>>,
    /// How many of the next mails are put off.
    put_off: Arc<Mutex<u32>>,
}

impl MailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), letters: Arc::default(), put_off: Arc::default() };
        let each = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(each.clone().converse(stream));
            }
        });
        server
    }

    /// The connection `mail` of a host.
    pub fn connection(&self) -> String {
        format!("[connections.mail]\nurl = \"smtp://{}\"\nfrom = \"shop@example.com\"\nprivate_addresses = true", self.address)
    }

    /// Puts the next mails off with 451.
    pub fn put_off(&self, next: u32) {
        *self.put_off.lock().unwrap() = next;
    }

    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }

    async fn converse(self, stream: TcpStream) {
        let (reading, mut writing) = stream.into_split();
        let mut lines = BufReader::new(reading).lines();
        let _ = writing.write_all(b"220 test ESMTP\r\n").await;
        let mut letter = Letter { to: Vec::new(), data: String::new() };
        let mut in_data = false;
        while let Ok(Some(line)) = lines.next_line().await {
            let reply = match line.split([' ', ':']).next().unwrap() {
                "." if in_data => {
                    in_data = false;
                    self.taken(std::mem::replace(&mut letter, Letter { to: Vec::new(), data: String::new() }))
                }
                _ if in_data => {
                    letter.data += line.strip_prefix('.').unwrap_or(&line);
                    letter.data.push('\n');
                    continue;
                }
                "RCPT" => {
                    letter.to.push(line.split(['<', '>']).nth(1).unwrap_or_default().to_owned());
                    "250 ok\r\n"
                }
                "DATA" => {
                    in_data = true;
                    "354 go on\r\n"
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
            if writing.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn taken(&self, letter: Letter) -> &'static str {
        let mut put_off = self.put_off.lock().unwrap();
        if *put_off > 0 {
            *put_off -= 1;
            return "451 later\r\n";
        }
        self.letters.lock().unwrap().push(letter);
        "250 queued\r\n"
    }
}
