//! What is known of plugin and events: the picture that is shown. Pure, so that it is tested without a host.

use std::collections::BTreeMap;

use mortar_core::delivery::State;
use mortar_core::event::Family;
use mortar_core::plugin::PluginSettings;
use mortar_core::story::{EventStory, EventSummary};
use mortar_simulator::samples;

use crate::admin_types::PluginStatus;
use crate::cli::output::Tone;
use crate::cli::status::short;

/// Events that are shown, at most.
pub(super) const EVENTS: usize = 100;

/// Notes that are kept, at most.
const NOTES: usize = 500;

/// Lines that a page is.
const PAGE: i16 = 10;

/// What can be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Sends a sample of an event type, by its place in the list.
    Sample(usize),
    /// Has the ERP be out of order.
    Refuse,
    /// Has the ERP lose an answer.
    Lose,
    /// Builds the plugin again.
    Build,
    /// Selects the event above.
    Up,
    /// Selects the event below.
    Down,
    /// Shows more of the selected event: what is below, or above.
    Scroll(i8),
    /// Ends.
    Quit,
}

impl Key {
    /// The key of a letter or digit.
    pub(super) fn of(c: char) -> Option<Self> {
        match c {
            '1'..='9' => Some(Self::Sample(c as usize - '1' as usize)),
            'f' => Some(Self::Refuse),
            'l' => Some(Self::Lose),
            'b' => Some(Self::Build),
            'k' => Some(Self::Up),
            'j' => Some(Self::Down),
            'd' => Some(Self::Scroll(1)),
            'u' => Some(Self::Scroll(-1)),
            'q' => Some(Self::Quit),
            _ => None,
        }
    }
}

/// The picture.
pub(super) struct Seen {
    /// The plugin's name.
    pub(super) name: String,
    /// Where calls go.
    pub(super) erp: String,
    /// True while the plugin is built.
    pub(super) building: bool,
    /// The generation in force, and what keeps the plugin's files from being so.
    pub(super) generation: Option<String>,
    /// Event types that keys send, in order.
    pub(super) types: Vec<String>,
    /// What happened, oldest first.
    pub(super) notes: Vec<(Tone, String)>,
    /// Events, newest first.
    pub(super) events: Vec<EventSummary>,
    /// The selected one's place among them.
    pub(super) selected: usize,
    /// Lines of it that are above what is shown.
    pub(super) above: u16,
    problems: Vec<String>,
    /// What is known of each event, with the deliveries as they stood then.
    stories: BTreeMap<String, (Standing, EventStory)>,
}

/// By this it is known that something happened to an event.
type Standing = Vec<(State, u32)>;

impl Seen {
    pub(super) fn new(name: &str, erp: &Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            erp: erp.clone().unwrap_or_else(|| "the configured connections".to_owned()),
            building: false,
            generation: None,
            types: Vec::new(),
            notes: Vec::new(),
            events: Vec::new(),
            selected: 0,
            above: 0,
            problems: Vec::new(),
            stories: BTreeMap::new(),
        }
    }

    pub(super) fn note(&mut self, tone: Tone, text: impl Into<String>) {
        self.notes.push((tone, text.into()));
        let over = self.notes.len().saturating_sub(NOTES);
        self.notes.drain(..over);
    }

    /// What the host says of the plugin, whose settings narrow what it gets.
    pub(super) fn plugin(&mut self, plugin: &PluginStatus, settings: &PluginSettings) {
        let handles = |name: &str| {
            let interface = Family::of(name).map(Family::interface);
            let exported = plugin.handles.iter().any(|handled| handled == "any-event" || Some(handled.as_str()) == interface);
            exported && settings.takes(name)
        };
        // What comes after a second dot is a spelling.
        self.types = samples::names().filter(|name| name.matches('.').count() == 1 && handles(name)).map(str::to_owned).collect();
        if plugin.digest != self.generation {
            self.generation.clone_from(&plugin.digest);
            if let Some(digest) = &plugin.digest {
                self.note(Tone::Good, format!("generation {} is in force", short(digest)));
            }
        }
        if plugin.problems != self.problems {
            self.problems.clone_from(&plugin.problems);
            plugin.problems.iter().for_each(|problem| self.note(Tone::Bad, problem));
        }
    }

    /// The newest events.
    pub(super) fn events(&mut self, events: Vec<EventSummary>) {
        // Who looks at an event goes on doing so when others come; who looks at the newest sees the newest.
        let at = self.events.get(self.selected).filter(|_| self.selected > 0).map(|event| event.seq);
        let newest = self.events.first().map(|event| event.seq);
        if at.is_none() && events.first().map(|event| event.seq) != newest {
            self.above = 0;
        }
        self.selected = events.iter().position(|event| Some(event.seq) == at).unwrap_or(0);
        self.events = events;
    }

    /// Events to which something happened since they were read, oldest first.
    pub(super) fn unread(&self) -> Vec<String> {
        let news = |event: &&EventSummary| self.stories.get(&event.id).is_none_or(|(then, _)| *then != standing(event));
        self.events.iter().rev().filter(news).map(|event| event.id.clone()).collect()
    }

    /// An event was read.
    pub(super) fn story(&mut self, story: EventStory) {
        if let Some(event) = self.events.iter().find(|event| event.id == story.event.id) {
            self.stories.insert(event.id.clone(), (standing(event), story));
        }
    }

    /// All that is known of an event.
    pub(super) fn story_of(&self, event: &EventSummary) -> Option<&EventStory> {
        self.stories.get(&event.id).map(|(_, story)| story)
    }

    pub(super) fn select(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.events.len().saturating_sub(1));
        self.above = 0;
    }

    pub(super) fn scroll(&mut self, pages: i8) {
        self.above = self.above.saturating_add_signed(i16::from(pages) * PAGE);
    }

    /// What the keys do.
    pub(super) fn keys(&self) -> String {
        let samples = self.types.iter().take(9).enumerate().map(|(at, name)| format!("{} {name}", at + 1));
        let rest = ["f ERP out of order", "l lose an answer", "b build", "j k select", "d u scroll", "q quit"].map(str::to_owned);
        samples.chain(rest).collect::<Vec<_>>().join("   ")
    }
}

fn standing(event: &EventSummary) -> Standing {
    event.deliveries.iter().map(|delivery| (delivery.state, delivery.attempts)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// An event with one delivery.
    pub(in crate::cli::dev) fn event(seq: u64, state: &str, attempts: u32) -> EventSummary {
        let at = "2026-01-05T12:00:00Z";
        let delivery = json!({ "id": format!("{seq}-1"), "plugin": "shop", "state": state, "attempts": attempts, "at": at });
        let event = json!({ "seq": seq, "id": format!("m{seq}:0"), "event_type": "order.fulfilled", "subject": format!("order:SO-{seq}"),
            "source": "masonhub", "received_at": at, "deliveries": [delivery] });
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn an_event_is_read_again_when_something_happened_to_it() {
        let mut seen = Seen::new("shop", &None);
        seen.events(vec![event(2, "done", 1), event(1, "waiting", 1)]);
        assert_eq!(seen.unread(), ["m1:0", "m2:0"]);
        for event in seen.events.clone() {
            seen.stories.insert(event.id.clone(), (standing(&event), serde_json::from_value(story(&event)).unwrap()));
        }
        assert_eq!(seen.unread(), [""; 0]);
        seen.events(vec![event(2, "done", 1), event(1, "waiting", 2)]);
        assert_eq!(seen.unread(), ["m1:0"]);
    }

    fn story(event: &EventSummary) -> serde_json::Value {
        let callback = json!({ "id": 1, "received_at": event.received_at, "bytes": 1, "events": [], "origin": "callback" });
        json!({ "event": event, "as_of": null, "payload": "{}", "callback": callback, "deliveries": [] })
    }

    #[test]
    fn the_selected_event_stays_so_and_the_newest_stays_the_newest() {
        let mut seen = Seen::new("shop", &None);
        seen.events(vec![event(2, "done", 1), event(1, "done", 1)]);
        seen.events(vec![event(3, "done", 1), event(2, "done", 1), event(1, "done", 1)]);
        assert_eq!(seen.events[seen.selected].seq, seen.events[0].seq);
        seen.select(1);
        seen.events(vec![event(4, "done", 1), event(3, "done", 1), event(2, "done", 1)]);
        assert_eq!(seen.selected, 2);
        seen.scroll(1);
        seen.events(vec![event(4, "done", 1), event(3, "done", 1), event(2, "done", 1)]);
        assert_eq!(seen.above, 10, "who reads goes on reading");
        seen.select(9);
        assert_eq!((seen.selected, seen.above), (2, 0));
    }

    #[test]
    fn keys_send_what_the_plugin_takes_and_news_of_it_are_noted_once() {
        let mut seen = Seen::new("shop", &None);
        let plugin: PluginStatus = serde_json::from_value(json!({
            "name": "shop", "state": "active", "digest": "a".repeat(64), "handles": ["order-events"],
            "open": 0, "pinned": false, "kept": [], "unsettled": false, "problems": ["odd"]
        }))
        .unwrap();
        let settings: PluginSettings = toml::from_str("events = [\"order.fulfilled\", \"order.cancelled\"]").unwrap();
        seen.plugin(&plugin, &settings);
        seen.plugin(&plugin, &settings);
        assert!(seen.keys().starts_with("1 order.cancelled   2 order.fulfilled   f "), "{}", seen.keys());
        assert_eq!(seen.notes.len(), 2);
        assert_eq!((Key::of('2'), Key::of('x')), (Some(Key::Sample(1)), None));
    }
}
