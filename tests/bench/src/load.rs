//! The load generator: signed callbacks over kept-alive connections, each unlike any other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mortar_simulator::signing::{SignatureForm, sign};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The secret of every benchmark.
pub(crate) const SECRET: &str = "bench-secret-0123456789abcdef";

/// Size of a callback's body, in bytes.
pub(crate) const BODY: usize = 1505;

/// Makes callbacks that were never sent before.
#[derive(Clone)]
pub(crate) struct Callbacks {
    next: Arc<AtomicU64>,
    path: &'static str,
}

impl Callbacks {
    pub(crate) fn new() -> Self {
        Self { next: Arc::new(AtomicU64::new(1)), path: "/webhooks/masonhub/orders" }
    }

    /// The next number; it is part of the message id and the order number.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The order that a number stands for.
    pub(crate) fn order(number: u64) -> String {
        format!("SO-{number:010}")
    }

    /// The body of a number: one `order.fulfilled` with one parcel.
    pub(crate) fn body(number: u64) -> String {
        let order = Self::order(number);
        let body = format!(
            "{{\"callback_url\":\"https://erp.example.com/webhooks/masonhub/orders\",\"message_type\":\"orderEvent\",\
             \"message_id\":\"00000000-0000-4000-8000-{number:012}\",\"api_version\":\"1.0\",\"data\":[{{\"id\":\"5b0f6b1e-7c2d-4f0e-9d55-{number:012}\",\
             \"customer_identifier\":\"{order}\",\"status\":\"fulfilled\",\"shipments\":[{{\"shipment_id\":\"shp_{number}\",\
             \"customer_order_id\":\"{order}\",\"shipping_provider\":\"UPS\",\"shipper_service_level\":\"ground\",\
             \"tracking_number\":\"1Z999AA1{number:010}\",\"tracking_url\":\"https://track.example.com/1Z999AA1{number:010}\",\
             \"shipment_date_time\":\"2026-01-05T18:20:00Z\",\"shipment_line_items\":[{{\"sku_customer_id\":\"TEE-BLU-M\",\"quantity\":3}}],\
             \"shipment_weight\":2.4,\"shipment_weight_uom\":\"LB\",\"carton_id\":\"{number:012}\",\"inventory_location_short_code\":\"FN1\"}}],\
             \"shorts\":null,\"updated_at\":\"2026-01-05T18:21:00Z\",\"line_items\":[{{\"sku_customer_id\":\"TEE-BLU-M\",\"quantity\":3}}],\"notes\":\""
        );
        let end = "\"}]}";
        let fill = BODY.saturating_sub(body.len() + end.len());
        format!("{body}{}{end}", "x".repeat(fill))
    }

    /// The whole request of a number.
    pub(crate) fn request(&self, number: u64) -> Vec<u8> {
        self.signed(number, SECRET)
    }

    /// The same, signed with a secret that is nobody's.
    pub(crate) fn forged(&self, number: u64) -> Vec<u8> {
        self.signed(number, "a guess")
    }

    fn signed(&self, number: u64, secret: &str) -> Vec<u8> {
        let body = Self::body(number);
        let signature = sign(secret, body.as_bytes(), SignatureForm::Prefixed);
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nUser-Agent: MasonHub-Webhook/1.0\r\n\
             X-MasonHub-Event: orderEvent\r\nX-MasonHub-Delivery: 00000000-0000-4000-9000-{number:012}\r\n\
             X-MasonHub-Signature: {signature}\r\nContent-Length: {}\r\n\r\n",
            self.path,
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body.as_bytes());
        request
    }
}

/// One kept-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads the whole answer; anything but 200 is an error.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<()> {
        let status = self.exchange(request).await?;
        if status != 200 {
            bail!("the server answered {status}: {}", String::from_utf8_lossy(&self.buffer));
        }
        Ok(())
    }

    /// Sends a request and reads the whole answer; says its status.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            let Some(head) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
            let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
            let status = text.strip_prefix("http/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
            let status = status.with_context(|| format!("this is not HTTP: {text}"))?;
            let length = text.lines().find_map(|l| l.strip_prefix("content-length: ")).and_then(|l| l.parse::<usize>().ok());
            if self.buffer.len() >= head + 4 + length.unwrap_or(0) {
                return Ok(status);
            }
        }
    }
}

/// What a load measured.
pub(crate) struct Measured {
    /// Answers of the measured time, per second.
    pub(crate) per_second: f64,
    /// From sending to answer, in nanoseconds, sorted.
    pub(crate) latencies: Vec<u64>,
    /// All answers, those of the warm-up included.
    pub(crate) answers: u64,
}

/// Sends as fast as the answers come, over so many connections.
pub(crate) async fn closed(address: SocketAddr, callbacks: &Callbacks, connections: usize, lasting: Duration) -> Result<Measured> {
    let warm = Instant::now() + Duration::from_secs(1);
    let end = warm + lasting;
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let callbacks = callbacks.clone();
        senders.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut latencies = Vec::new();
            let mut answers = 0;
            loop {
                let request = callbacks.request(callbacks.number());
                let sent = Instant::now();
                if sent >= end {
                    return anyhow::Ok((latencies, answers));
                }
                connection.send(&request).await?;
                answers += 1;
                if sent >= warm {
                    latencies.push(u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX));
                }
            }
        });
    }
    let mut latencies = Vec::new();
    let mut answers = 0;
    while let Some(sender) = senders.join_next().await {
        let (mine, all) = sender??;
        latencies.extend(mine);
        answers += all;
    }
    latencies.sort_unstable();
    #[allow(clippy::cast_precision_loss)]
    let per_second = latencies.len() as f64 / lasting.as_secs_f64();
    Ok(Measured { per_second, latencies, answers })
}
