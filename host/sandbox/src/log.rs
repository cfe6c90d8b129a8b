//! What a plugin logs and prints, kept with the attempt within a number of bytes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use bytesize::ByteSize;
use mortar_core::story::LogLine;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// The log of one attempt. It outlives the instance, however that ends.
#[derive(Clone)]
pub(crate) struct Log(Arc<Mutex<Lines>>);

struct Lines {
    kept: Vec<LogLine>,
    limit: ByteSize,
    left: u64,
    dropped: u64,
    /// What was printed after the last line break, on standard output and standard error.
    unfinished: [Vec<u8>; 2],
}

/// One of the two streams that a plugin can print to.
#[derive(Clone, Copy)]
pub(crate) enum Printed {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Printed {
    fn level(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

impl Log {
    pub(crate) fn new(limit: ByteSize) -> Self {
        Self(Arc::new(Mutex::new(Lines { kept: Vec::new(), limit, left: limit.as_u64(), dropped: 0, unfinished: Default::default() })))
    }

    /// Keeps a line, or counts it as dropped.
    pub(crate) fn add(&self, level: &str, message: String) {
        self.lock().add(level, message);
    }

    /// What was logged. The last line says how many are missing.
    pub(crate) fn finish(self) -> Vec<LogLine> {
        let mut lines = self.lock();
        for stream in [Printed::Stdout, Printed::Stderr] {
            lines.end_line(stream, false);
        }
        let mut kept = std::mem::take(&mut lines.kept);
        if lines.dropped > 0 {
            let message = format!("{} more lines were dropped: limits.log is {}", lines.dropped, lines.limit);
            kept.push(LogLine { level: "warn".into(), message });
        }
        kept
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// After the first line that does not fit all are dropped, so that there is no hole.
    fn add(&mut self, level: &str, message: String) {
        let bytes = (level.len() + message.len()) as u64;
        if self.dropped > 0 || bytes > self.left {
            self.dropped += 1;
        } else {
            self.left -= bytes;
            self.kept.push(LogLine { level: level.to_owned(), message });
        }
    }

    fn print(&mut self, stream: Printed, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            let unfinished = &mut self.unfinished[stream as usize];
            // A line that is longer than what is left is dropped anyway: no need to hold it all.
            let room = usize::try_from(self.left + 1).unwrap_or(usize::MAX).saturating_sub(unfinished.len());
            unfinished.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                self.end_line(stream, true);
            }
        }
    }

    fn end_line(&mut self, stream: Printed, keep_empty: bool) {
        let bytes = std::mem::take(&mut self.unfinished[stream as usize]);
        if keep_empty || !bytes.is_empty() {
            self.add(stream.level(), String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}

/// A stream of the guest that ends in the log.
pub(crate) struct Stream {
    log: Log,
    stream: Printed,
}

impl Stream {
    pub(crate) fn new(log: &Log, stream: Printed) -> Self {
        Self { log: log.clone(), stream }
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Self::new(&self.log, self.stream))
    }

    /// Only WASI 0.3 asks for it, and that is not linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}

#[async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.lock().print(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(log: Log) -> Vec<(String, String)> {
        log.finish().into_iter().map(|line| (line.level, line.message)).collect()
    }

    fn line(level: &str, message: &str) -> (String, String) {
        (level.to_owned(), message.to_owned())
    }

    #[test]
    fn what_is_printed_becomes_lines_in_the_order_of_their_ends() {
        let log = Log::new(ByteSize::kib(1));
        let print = |stream, text: &'static str| Stream::new(&log, stream).write(Bytes::from(text)).unwrap();
        print(Printed::Stdout, "one\ntw");
        print(Printed::Stderr, "\nlast words");
        log.add("info", "logged".into());
        print(Printed::Stdout, "o\n");
        assert_eq!(
            lines(log),
            [line("stdout", "one"), line("stderr", ""), line("info", "logged"), line("stdout", "two"), line("stderr", "last words")]
        );
    }

    #[test]
    fn past_the_limit_everything_is_dropped_and_counted() {
        let log = Log::new(ByteSize::b(20));
        log.add("info", "0123456789".into());
        log.add("info", "0123456789".into());
        log.add("info", "".into());
        Stream::new(&log, Printed::Stdout).write(Bytes::from(vec![b'x'; 10_000])).unwrap();
        assert!(log.lock().unfinished[0].len() <= 20, "an endless line is not held");
        assert_eq!(lines(log), [line("info", "0123456789"), line("warn", "3 more lines were dropped: limits.log is 20 B")]);
    }
}
