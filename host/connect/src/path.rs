//! Where a plugin's path leads: below the connection's base URL, or nowhere.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::{Position, Url};

/// Bytes of a path with its query. Most servers refuse more.
const LONGEST: usize = 8 * 1024;

/// How often a path may be percent-encoded over itself. Once is right; servers and proxies that
/// decode twice exist.
const DECODINGS: usize = 3;

/// A base URL.
pub(crate) struct Base {
    url: Url,
    /// The same without the slash at its end: what paths are put behind.
    text: String,
}

impl Base {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|e| format!("`{text}` is not a URL: {e}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("credentials are not written into the URL: use `auth`".into());
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`{}` is not a known scheme; use https, http, smtps or smtp", url.scheme()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("a base URL has no `?` and no `#`: queries belong to the requests".into());
        }
        let text = url[..Position::AfterPath].trim_end_matches('/').to_owned();
        Ok(Self { url, text })
    }

    /// The URL.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The URL of a path and query below the base.
    ///
    /// # Errors
    /// It is not a path below the base; why, in words.
    pub(crate) fn join(&self, target: &str) -> Result<Url, String> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let denied = |why: &str| Err(format!("the path {target:?} {why}"));
        if target.len() > LONGEST {
            return Err(format!("the path is longer than {LONGEST} bytes"));
        }
        if !path.starts_with('/') {
            return denied("does not start with `/`; it is relative to the connection's URL");
        }
        if path.contains("//") {
            return denied("contains `//`");
        }
        if target.contains('#') {
            return denied("contains `#`; write %23");
        }
        if target.contains(char::is_control) {
            return denied("contains a control character");
        }
        if let Some(trick) = trick(path) {
            return denied(trick);
        }
        match Url::parse(&format!("{}{target}", self.text)) {
            Ok(url) if self.below(&url).is_some() => Ok(url),
            _ => denied("leads away from the connection's URL"),
        }
    }

    /// The path of a URL from the base on, without the query; none where it is not below the base.
    pub(crate) fn below<'u>(&self, url: &'u Url) -> Option<&'u str> {
        let same_origin = url.scheme() == self.url.scheme()
            && url.host_str() == self.url.host_str()
            && url.port_or_known_default() == self.url.port_or_known_default();
        let path = url.path().strip_prefix(self.url.path().trim_end_matches('/'))?;
        (same_origin && path.starts_with('/') && trick(path).is_none()).then_some(path)
    }
}

/// How a path could mean another one to the server than to us, if it could.
fn trick(path: &str) -> Option<&'static str> {
    let mut path = Cow::from(path);
    for _ in 0..=DECODINGS {
        if path.contains('\\') {
            return Some("contains a backslash");
        }
        if path.contains(char::is_control) {
            return Some("contains a control character");
        }
        // Some servers cut path parameters (`..;x`) off before they look for dots.
        if path.split('/').any(|segment| matches!(segment.split(';').next(), Some("." | ".."))) {
            return Some("contains a dot segment");
        }
        match percent_decode_str(&path).decode_utf8_lossy() {
            decoded if decoded == path => return None,
            decoded => path = Cow::Owned(decoded.into_owned()),
        }
    }
    Some("is percent-encoded over and over")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_base_and_keep_their_query() {
        for base in ["https://erp.example.com/api", "https://erp.example.com/api/"] {
            let base = Base::new(base).expect("a base");
            for (given, expected) in [
                ("/", "https://erp.example.com/api/"),
                ("/orders/1?f=a&f=b", "https://erp.example.com/api/orders/1?f=a&f=b"),
                ("/items/A%2FB", "https://erp.example.com/api/items/A%2FB"),
                ("/items/Grüße %", "https://erp.example.com/api/items/Gr%C3%BC%C3%9Fe%20%"),
                ("/a..b/.well-known/...", "https://erp.example.com/api/a..b/.well-known/..."),
                ("/r?next=https://x//..\\y", "https://erp.example.com/api/r?next=https://x//..\\y"),
                ("/@evil.example:80/x", "https://erp.example.com/api/@evil.example:80/x"),
            ] {
                assert_eq!(base.join(given).expect(given).as_str(), expected);
            }
        }
        assert_eq!(Base::new("http://h:81").expect("a base").join("/x").expect("a path").as_str(), "http://h:81/x");
    }

    #[test]
    fn nothing_leads_away_from_the_base() {
        let base = Base::new("https://erp.example.com/api").expect("a base");
        for path in [
            "",
            "x",
            "?x",
            "https://evil.example/",
            "//evil.example/x",
            "/a//b",
            "@evil.example/",
            ":8080/",
            ".evil.example/",
            "/..",
            "/../admin",
            "/a/../../admin",
            "/./a",
            "/%2e%2e/admin",
            "/%2E./admin",
            "/a/..%2fadmin",
            "/a%2F..%2F..%2Fadmin",
            "/%252e%252e/admin",
            "/..;/admin",
            "/..;x=1/admin",
            "/%2e%2e%3b/admin",
            "/\\evil.example",
            "/a\\..\\b",
            "/%5c..%5cadmin",
            "/a\nb",
            "/a\r\nHost: x",
            "/a\tb",
            "/a\0",
            "/%0d%0a",
            "/a%00",
            "/?a=\r\n",
            "/a#b",
            "/%25252525252e",
            "/\u{7f}",
            "/\u{85}",
        ] {
            assert!(base.join(path).is_err(), "{path:?} became {:?}", base.join(path).map(String::from));
        }
        assert!(base.join(&format!("/{}", "a".repeat(LONGEST))).is_err());
    }

    #[test]
    fn only_urls_below_the_base_are_below_it() {
        let base = Base::new("https://erp.example.com/api").expect("a base");
        let below = |text: &str| base.below(&Url::parse(text).expect("a URL")).map(str::to_owned);
        assert_eq!(below("https://erp.example.com:443/api/x?y").as_deref(), Some("/x"));
        for elsewhere in [
            "http://erp.example.com/api/x",
            "https://erp.example.com:8443/api/x",
            "https://evil.example/api/x",
            "https://erp.example.com/apix",
            "https://erp.example.com/",
            "https://erp.example.com/api/..%2fx",
        ] {
            assert_eq!(below(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_base_that_cannot_be_one_is_refused() {
        for (base, why) in
            [("erp", "not a URL"), ("ftp://x/", "scheme"), ("https://u:p@x/", "`auth`"), ("https://x/?a=1", "`?`"), ("https://x/#a", "`#`")]
        {
            let error = Base::new(base).err().expect(base);
            assert!(error.contains(why), "{error}");
        }
    }
}
