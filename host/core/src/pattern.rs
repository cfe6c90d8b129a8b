//! Patterns of paths, as connections and grants have them.

use serde::Deserialize;

/// A pattern of an allow-list of paths; `*` stands for any characters, slashes included.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(String);

impl Pattern {
    /// Reads it.
    ///
    /// # Errors
    /// It could never match.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.starts_with(['/', '*']) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` starts neither with `/` nor with `*`, so no path matches it"))
        }
    }

    /// True where the whole path matches.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else { return self.0 == path };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        let Some(mut path) = path.strip_prefix(start).and_then(|path| path.strip_suffix(end)) else { return false };
        middle.split('*').all(|part| match path.find(part) {
            Some(at) => {
                path = &path[at + part.len()..];
                true
            }
            None => false,
        })
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, path, expected) in [
            ("/orders/*", "/orders/1/lines", true),
            ("/orders/*", "/orders", false),
            ("/orders", "/orders", true),
            ("/orders", "/orders/", false),
            ("*/read", "/a/b/read", true),
            ("*", "/", true),
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/c", false),
            ("/a*b*c*d", "/a-b-c-d", true),
            ("/a*b*c*d", "/a-c-b-d", false),
            ("/ab*ba", "/aba", false),
            ("/x*x*", "/x", false),
        ] {
            assert_eq!(Pattern::new(pattern).expect(pattern).matches(path), expected, "{pattern} {path}");
        }
        assert!(Pattern::new("orders/*").is_err());
    }
}
