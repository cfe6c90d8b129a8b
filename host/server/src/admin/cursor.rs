//! Where a page of a list begins.

use std::str::FromStr;

use super::error::Failure;

/// The place that a cursor names, if one is given.
pub(super) fn place<T: FromStr>(cursor: Option<&String>) -> Result<Option<T>, Failure> {
    let read = |text: &String| text.parse().map_err(|_| Failure::cursor(text));
    cursor.map(read).transpose()
}
