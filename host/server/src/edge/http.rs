//! HTTP/1.1 and HTTP/2 on one connection.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use mortar_core::config::EdgeConfig;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Edge;

/// Requests at once on a connection that speaks HTTP/2.
const STREAMS: u32 = 128;

/// Answers the requests of a connection until it ends.
pub(super) async fn serve<S>(stream: S, h2: bool, peer: IpAddr, edge: Arc<Edge>, config: &EdgeConfig, watcher: Watcher) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let ended = if h2 {
        let mut stop = edge.stopping.clone();
        let uses = Arc::new(Uses::default());
        let counted = uses.clone();
        let service = service_fn(move |request| {
            let (edge, used) = (edge.clone(), counted.begin());
            async move {
                let answer = edge.serve(peer, request).await;
                drop(used);
                answer
            }
        });
        let mut connection = pin!(h2_builder(config).serve_connection(TokioIo::new(stream), service));
        let first = tokio::time::Instant::now() + config.header_timeout;
        let mut idle = tokio::time::interval_at(first, config.header_timeout);
        let mut stopping = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => break ended,
                _ = stop.wait_for(|stop| *stop), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = idle.tick() => if uses.are_over() {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    } else {
        let service = service_fn(move |request| edge.clone().serve(peer, request));
        watcher.watch(h1_builder(config).serve_connection(TokioIo::new(stream), service)).await
    };
    ended.map_err(io::Error::other)
}

fn h1_builder(config: &EdgeConfig) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new());
    // Answers are small: copied behind their head, they leave in one plain send.
    http.writev(false);
    http.header_read_timeout(config.header_timeout);
    http.max_buf_size(usize::try_from(config.header_limit.as_u64()).unwrap_or(usize::MAX).max(8192));
    http
}

fn h2_builder(config: &EdgeConfig) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new());
    http.max_concurrent_streams(STREAMS);
    http.max_header_list_size(u32::try_from(config.header_limit.as_u64()).unwrap_or(u32::MAX));
    http.keep_alive_interval(config.header_timeout);
    http.keep_alive_timeout(config.header_timeout);
    http
}

/// The requests of a connection: HTTP/2 has no time-out of its own for one that asks nothing.
#[derive(Default)]
struct Uses {
    /// Under way.
    open: AtomicUsize,
    /// Begun since it was looked at last.
    begun: AtomicUsize,
}

struct Used(Arc<Uses>);

impl Uses {
    fn begin(self: &Arc<Self>) -> Used {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        Used(self.clone())
    }

    /// True where no request is under way, and none was begun since it was looked at last.
    fn are_over(&self) -> bool {
        self.begun.swap(0, Ordering::Relaxed) == 0 && self.open.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_over_with_once_it_asked_nothing_for_a_while() {
        let uses = Arc::new(Uses::default());
        let used = uses.begin();
        assert!(!uses.are_over(), "it was just used");
        assert!(!uses.are_over(), "it is still being used");
        drop(used);
        assert!(uses.are_over());
        drop(uses.begin());
        assert!(!uses.are_over(), "it was used meanwhile");
    }
}
