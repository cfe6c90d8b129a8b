//! The servers that the host is compared with: one that only answers, and one that only makes
//! the body durable.

use std::convert::Infallible;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// Commands in line, and commands of one commit at most: as the journal has them.
const QUEUE: usize = 8192;
const BATCH: usize = 1024;

fn accepted() -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from_static(b"{\"status\":\"accepted\"}")))
}

/// Announces its address on standard output, as the benchmark expects of a child.
async fn announced() -> Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    Ok(listener)
}

/// Reads each body and answers.
pub(crate) async fn bare() -> Result<()> {
    let listener = announced().await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(|request: Request<Incoming>| async {
            let _ = request.into_body().collect().await;
            Ok::<_, Infallible>(accepted())
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

type Line = (Bytes, oneshot::Sender<()>);

/// Reads each body, appends it to a file in group commits with fdatasync, and answers.
pub(crate) async fn log(file: &Path) -> Result<()> {
    let listener = announced().await?;
    let file = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
    let (send, receive) = mpsc::channel::<Line>(QUEUE);
    std::thread::spawn(move || write(file, receive));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let send = send.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let send = send.clone();
            async move {
                if let Ok(body) = request.into_body().collect().await {
                    let (done, durable) = oneshot::channel();
                    if send.send((body.to_bytes(), done)).await.is_ok() {
                        let _ = durable.await;
                    }
                }
                Ok::<_, Infallible>(accepted())
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn write(mut file: std::fs::File, mut lines: mpsc::Receiver<Line>) {
    let mut buffer = Vec::new();
    let mut waiting = Vec::new();
    while let Some(first) = lines.blocking_recv() {
        let mut next = Some(first);
        while let Some((body, done)) = next.take() {
            buffer.extend_from_slice(&body);
            buffer.push(b'\n');
            waiting.push(done);
            if waiting.len() < BATCH {
                next = lines.try_recv().ok();
            }
        }
        if file.write_all(&buffer).and_then(|()| file.sync_data()).is_err() {
            return;
        }
        buffer.clear();
        for done in waiting.drain(..) {
            let _ = done.send(());
        }
    }
}
