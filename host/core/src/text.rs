//! Texts that others wrote, fit to be shown.

/// The text, cut where it is longer than 300 bytes: an error may quote what was sent, and what was
/// sent may be long.
pub(crate) fn shortened(mut text: String) -> String {
    const LIMIT: usize = 300;
    if text.len() > LIMIT {
        text.truncate(text.floor_char_boundary(LIMIT));
        text.push('…');
    }
    text
}
