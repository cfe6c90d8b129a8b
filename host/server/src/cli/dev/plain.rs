//! The picture in lines: each note, and each event when something happened to it. Keys are read from lines.

use std::collections::BTreeMap;
use std::io::BufRead;

use tokio::sync::mpsc::UnboundedSender;

use super::seen::{Key, Seen};
use crate::cli::exit::Failure;
use crate::cli::output::Output;
use crate::cli::story;

pub(super) struct Plain {
    /// Notes that were printed, of all that there were.
    notes: usize,
    keys: String,
    /// Attempts of each event that were told, and whether it was over.
    told: BTreeMap<String, Vec<(u32, bool)>>,
}

impl Plain {
    /// Reads keys in a thread of its own: nothing else can wait for a line.
    pub(super) fn start(keys: UnboundedSender<Key>) -> Self {
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if line.chars().filter_map(Key::of).any(|key| keys.send(key).is_err()) {
                    return;
                }
            }
            // Who closed it can press nothing any more; it goes on until it is interrupted.
            std::mem::forget(keys);
        });
        Self { notes: 0, keys: String::new(), told: BTreeMap::new() }
    }

    pub(super) fn print(&mut self, seen: &mut Seen, output: &mut Output<'_>) -> Result<(), Failure> {
        for (tone, note) in seen.notes.drain(..) {
            let note = output.paint(tone, note);
            output.line(format_args!("-- {note}"))?;
            self.notes += 1;
        }
        if seen.keys() != self.keys {
            self.keys = seen.keys();
            output.line(format_args!("-- keys, each with Enter: {}", self.keys))?;
        }
        for event in seen.events.iter().rev() {
            let Some(story) = seen.story_of(event) else { continue };
            let now: Vec<_> = story.deliveries.iter().map(|told| (told.delivery.attempts, !told.delivery.state.is_open())).collect();
            // What has not been tried yet is told when it has.
            if now.iter().all(|(attempts, over)| *attempts == 0 && !over) || self.told.get(&event.id) == Some(&now) {
                continue;
            }
            for delivery in &story.deliveries {
                output.line(format_args!("event {}  {}  {}", event.seq, event.event_type, event.subject))?;
                story::delivery(delivery, false, output)?;
            }
            self.told.insert(event.id.clone(), now);
        }
        output.writer().flush()?;
        Ok(())
    }
}
