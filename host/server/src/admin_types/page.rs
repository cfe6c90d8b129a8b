//! Lists, page by page.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rows;

/// A part of a list, in an order that does not change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Of rows that were asked for with one more than the page has.
    #[must_use]
    pub fn of(mut items: Vec<T>, limit: usize, cursor: impl FnOnce(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }

    /// Of a whole list that is in the order of its names.
    #[must_use]
    pub fn named(items: Vec<T>, query: &PageQuery, name: impl Fn(&T) -> String) -> Self {
        let limit = rows(query.limit);
        let rest = items.into_iter().filter(|item| query.cursor.as_ref().is_none_or(|cursor| name(item) > *cursor));
        Self::of(rest.take(limit + 1).collect(), limit, |last| name(last))
    }
}

/// The query of a list that is short: of plugins, connections or tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Where the page before ended: its `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many, 50 if absent, 1000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let all: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        let mut query = PageQuery { cursor: None, limit: Some(2) };
        let mut pages = Vec::new();
        loop {
            let page = Page::named(all.clone(), &query, String::clone);
            pages.push(page.items.concat());
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(pages, ["ab", "cd", "e"]);
    }

    #[test]
    fn a_page_that_is_just_full_is_the_last_one() {
        let page = Page::of(vec![1, 2], 2, i32::to_string);
        assert_eq!((page.items.len(), page.next), (2, None));
    }
}
