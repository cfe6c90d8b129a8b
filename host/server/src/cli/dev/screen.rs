//! The picture on a terminal: events on the left, all about the selected one on the right, below them what
//! happened and what the keys do.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, List, ListItem, ListState, Paragraph, Wrap};
use ratatui::{DefaultTerminal, Frame};
use tokio::sync::mpsc::UnboundedSender;

use super::seen::{Key, Seen};
use crate::cli::exit::Failure;
use crate::cli::output::{Output, Tone, clean};
use crate::cli::{status, story};

/// How long the thread that reads keys waits for one, before it looks whether it is still wanted.
const PAUSE: Duration = Duration::from_millis(100);

/// The terminal; it is given back when this goes.
pub(super) struct Screen {
    terminal: DefaultTerminal,
    over: Arc<AtomicBool>,
}

impl Screen {
    pub(super) fn start(keys: UnboundedSender<Key>) -> Result<Self, Failure> {
        let terminal = ratatui::try_init()?;
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                match pressed() {
                    Ok(Some(key)) if keys.send(key).is_err() => return,
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        Ok(Self { terminal, over })
    }

    pub(super) fn draw(&mut self, seen: &Seen) -> Result<(), Failure> {
        self.terminal.draw(|frame| picture(seen, frame))?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        ratatui::restore();
    }
}

fn pressed() -> io::Result<Option<Key>> {
    if !event::poll(PAUSE)? {
        return Ok(None);
    }
    Ok(match event::read()? {
        Event::Key(key) if key.kind == KeyEventKind::Press => key_of(key),
        _ => None,
    })
}

fn key_of(key: KeyEvent) -> Option<Key> {
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Quit),
        KeyCode::Char(c) => Key::of(c),
        KeyCode::Up => Some(Key::Up),
        KeyCode::Down => Some(Key::Down),
        KeyCode::Esc => Some(Key::Quit),
        _ => None,
    }
}

fn picture(seen: &Seen, frame: &mut Frame<'_>) {
    let rows = Layout::vertical([Constraint::Length(1), Constraint::Min(6), Constraint::Length(8), Constraint::Length(2)]);
    let [head, middle, notes, keys] = rows.areas(frame.area());
    let [events, detail] = Layout::horizontal([Constraint::Percentage(38), Constraint::Percentage(62)]).areas(middle);
    frame.render_widget(Line::styled(title(seen), Modifier::BOLD), head);
    draw_events(seen, frame, events);
    let told = Paragraph::new(Text::raw(selected(seen))).wrap(Wrap { trim: false });
    frame.render_widget(told.block(Block::bordered().title("the selected one")), detail);
    let lines = seen.notes.iter().flat_map(|(tone, note)| note.lines().map(|line| Line::styled(clean(line), style(*tone))));
    let lines: Vec<_> = lines.collect();
    let room = usize::from(notes.height.saturating_sub(2));
    let last = lines[lines.len().saturating_sub(room)..].to_vec();
    frame.render_widget(Paragraph::new(last).block(Block::bordered().title("what happened")), notes);
    frame.render_widget(Paragraph::new(seen.keys()).style(style(Tone::Faint)).wrap(Wrap { trim: true }), keys);
}

fn title(seen: &Seen) -> String {
    let generation = seen.generation.as_deref().map_or("not in force yet", status::short);
    let building = if seen.building { "   building…" } else { "" };
    format!("plugin {}   generation {generation}   calls go to {}{building}", seen.name, seen.erp)
}

fn draw_events(seen: &Seen, frame: &mut Frame<'_>, area: Rect) {
    let row = |event: &mortar_core::story::EventSummary| {
        let state = event.deliveries.first().map(|delivery| delivery.state);
        let words = state.map_or_else(|| "not taken".to_owned(), |state| state.to_string());
        let text = format!("{:<10} {}  {}", words, event.event_type, event.subject);
        ListItem::new(Line::styled(clean(&text), style(state.map_or(Tone::Faint, Tone::of))))
    };
    let list = List::new(seen.events.iter().map(row)).highlight_symbol("> ");
    let mut state = ListState::default().with_selected((!seen.events.is_empty()).then_some(seen.selected));
    frame.render_stateful_widget(list.block(Block::bordered().title("events")), area, &mut state);
}

/// All about the selected event.
fn selected(seen: &Seen) -> String {
    let Some(story) = seen.events.get(seen.selected).and_then(|event| seen.story_of(event)) else {
        return "a key below sends an event".to_owned();
    };
    let mut told = Vec::new();
    // Nothing that is written into memory fails.
    let _ = story.deliveries.iter().try_for_each(|delivery| story::delivery(delivery, true, &mut Output::into_memory(&mut told)));
    String::from_utf8_lossy(&told).into_owned()
}

fn style(tone: Tone) -> Style {
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return Style::new();
    }
    match tone {
        Tone::Plain => Style::new(),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
        Tone::Faint => Style::new().fg(Color::DarkGray),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Wait => Style::new().fg(Color::Yellow),
        Tone::Bad => Style::new().fg(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::seen::tests::event;
    use super::*;

    #[test]
    fn the_picture_has_plugin_events_notes_and_keys() {
        let mut seen = Seen::new("shop", &Some("http://127.0.0.1:9".into()));
        seen.building = true;
        seen.note(Tone::Bad, "src/lib.rs:3: no\nand more");
        seen.events(vec![event(1, "waiting", 2)]);
        let mut terminal = Terminal::new(TestBackend::new(110, 24)).unwrap();
        terminal.draw(|frame| picture(&seen, frame)).unwrap();
        let shown = terminal.backend().to_string();
        for words in ["plugin shop", "building…", "waiting    order.fulfilled  order:SO-1", "and more", "q quit"] {
            assert!(shown.contains(words), "`{words}` is not shown:\n{shown}");
        }
    }

    #[test]
    fn keys_are_letters_and_arrows_and_control_c_ends() {
        let key = |code, modifiers| key_of(KeyEvent::new(code, modifiers));
        assert_eq!(key(KeyCode::Char('1'), KeyModifiers::NONE), Some(Key::Sample(0)));
        assert_eq!(key(KeyCode::Down, KeyModifiers::NONE), Some(Key::Down));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Quit));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), None);
    }
}
