//! Snapshots of all stock: asked for, announced by a callback, and read as they are downloaded.

use std::io::{self, BufReader, Read};
use std::time::Duration;

use bytes::{Buf, Bytes};
use mortar_connect::{Download, DownloadError};
use mortar_core::delivery::EventSeq;
use mortar_core::masonhub::fact::{Polled, Resource};
use mortar_core::ports::Filter;
use mortar_pipeline::poll::{Reconciled, reconcile};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{PollError, Poller};

/// The event by which MasonHub announces a snapshot.
const READY: &str = "inventory.snapshot_ready";

/// Between two looks whether it was announced.
const LOOK: Duration = Duration::from_millis(500);

/// Lines that are compared together.
const BATCH: usize = 500;

/// Chunks of the file that are read ahead.
const AHEAD: usize = 16;

impl Poller {
    /// Asks for a snapshot of all stock, waits until it is there, and makes events of the counts that
    /// no callback told.
    ///
    /// # Errors
    /// See [`PollError`]; what was stored before stays.
    pub async fn snapshot(&self, store: bool) -> Result<Reconciled, PollError> {
        let config = self.every.clone().unwrap_or_default().snapshot.unwrap_or_default();
        let newest = self.ports.journal.events(Filter { limit: 1, ..Filter::default() }).await?;
        let after = newest.first().map_or(0, |event| event.seq);
        self.api.request_snapshot().await?;
        let url = self.announced(after, config.wait).await?;
        tracing::info!(source = %self.source, url, "a snapshot of all stock is there");
        let mut download = self.api.download(&url, &config).await.map_err(PollError::Download)?;
        let all = self.compare(&mut download, store).await?;
        self.note(&all, store);
        Ok(all)
    }

    /// The address that the callback after this place names.
    async fn announced(&self, after: EventSeq, wait: Duration) -> Result<String, PollError> {
        let asking = async {
            let mut filter = Filter { after: Some(after), limit: 1, event_type: Some(READY.to_owned()), ..Filter::default() };
            loop {
                match self.ports.journal.events(filter.clone()).await?.pop() {
                    None => tokio::time::sleep(LOOK).await,
                    Some(event) if event.source != *self.source => filter.after = Some(event.seq),
                    Some(event) => {
                        let story = self.ports.journal.story(event.seq.to_string()).await?;
                        let payload: Value = story.and_then(|story| serde_json::from_str(&story.payload).ok()).unwrap_or_default();
                        let url = payload["download_url"].as_str().map(str::to_owned);
                        return url.ok_or_else(|| PollError::Snapshot(format!("the callback {} names no `download_url`", event.id)));
                    }
                }
            }
        };
        let never = |_| {
            PollError::Snapshot(format!(
                "MasonHub did not announce the snapshot within {wait:?}: is snapshotReady registered? `mortar masonhub list`"
            ))
        };
        tokio::time::timeout(wait, asking).await.map_err(never)?
    }

    /// Compares the lines of a file with what is known, as they come.
    async fn compare(&self, download: &mut Download, store: bool) -> Result<Reconciled, PollError> {
        let (chunks, coming) = mpsc::channel(AHEAD);
        let (lines, mut read) = mpsc::channel(BATCH);
        let parsing = tokio::task::spawn_blocking(move || parse(Chunks { coming, current: Bytes::new() }, &lines));
        let pump = async {
            while let Some(chunk) = download.chunk().await.transpose() {
                let over = chunk.is_err();
                // Nobody takes more once a line makes no sense.
                if chunks.send(chunk).await.is_err() || over {
                    break;
                }
            }
            drop(chunks);
        };
        let compare = async {
            let mut all = Reconciled::default();
            let mut batch = Vec::with_capacity(BATCH);
            while read.recv_many(&mut batch, BATCH).await > 0 {
                let records = batch.drain(..).map(|record| Polled { resource: Resource::Stock, record }).collect();
                all = all.and(reconcile(&self.ports, &*self.polls, &self.plugins, &self.source, records, store).await?);
            }
            Ok::<_, PollError>(all)
        };
        let ((), all) = tokio::join!(pump, compare);
        let mut all = all?;
        let parsed = parsing.await.map_err(|error| PollError::Snapshot(error.to_string()))?;
        if let Err(reason) = parsed {
            // What came before is as good as if the rest had come.
            all.unreadable.insert(0, format!("the snapshot could be read for {} lines only: {reason}", all.looked));
        }
        Ok(all)
    }
}

/// A file that comes in chunks, for who reads it in a thread of its own.
struct Chunks {
    coming: mpsc::Receiver<Result<Bytes, DownloadError>>,
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.coming.blocking_recv() {
                None => return Ok(0),
                Some(chunk) => self.current = chunk.map_err(io::Error::other)?,
            }
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Reads the lines of a snapshot, bare or in an object as lists are, and hands them on one by one.
fn parse(file: impl Read, lines: &mpsc::Sender<Value>) -> Result<(), String> {
    let mut file = serde_json::Deserializer::from_reader(BufReader::new(file));
    Lines(lines).deserialize(&mut file).and_then(|()| file.end()).map_err(|error| error.to_string())
}

struct Lines<'a>(&'a mpsc::Sender<Value>);

impl<'de> DeserializeSeed<'de> for Lines<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lines<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of counts, bare or as `data`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut lines: A) -> Result<(), A::Error> {
        while let Some(line) = lines.next_element()? {
            self.0.blocking_send(line).map_err(|_| A::Error::custom("the comparison has ended"))?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(field) = fields.next_key::<String>()? {
            if matches!(field.as_str(), "data" | "sku_snapshots" | "skus") {
                found = true;
                fields.next_value_seed(Lines(self.0))?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(A::Error::custom("an object without `data`")) }
    }
}

#[cfg(test)]
mod tests;
