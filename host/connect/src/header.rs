//! Which headers a plugin may set.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// Bytes of all headers that a plugin sets on a request.
const LIMIT: usize = 64 * 1024;

/// Headers that frame a request, say where it goes or for whom it is sent: never a plugin's.
const HOST_OWNED: [&str; 13] = [
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// True where neither a plugin nor the configuration may set it.
pub(crate) fn is_host_owned(name: &HeaderName) -> bool {
    HOST_OWNED.contains(&name.as_str()) || name.as_str().starts_with("proxy-")
}

/// Why a plugin's headers are refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// Not a plugin's to set, or not a header.
    Denied(String),
    /// Too many bytes.
    TooLarge(String),
}

/// Adds a plugin's headers to those of the host. `owned` are the connection's own.
pub(crate) fn add(headers: &mut HeaderMap, given: &[(String, String)], owned: &[HeaderName]) -> Result<(), HeaderError> {
    if given.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > LIMIT {
        return Err(HeaderError::TooLarge(format!("the request's headers are over {LIMIT} bytes")));
    }
    headers.reserve(given.len());
    for (name, value) in given {
        let denied = |why: &str| Err(HeaderError::Denied(format!("the header {name:?} {why}")));
        let Ok(key) = HeaderName::from_bytes(name.as_bytes()) else { return denied("is not a header name") };
        if is_host_owned(&key) {
            return denied("is the host's to set; leave it out");
        }
        if owned.contains(&key) {
            return denied("is set by the connection; leave it out");
        }
        let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else { return denied("has a value with a control character") };
        headers.append(key, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_one(name: &str, value: &str) -> Result<HeaderMap, HeaderError> {
        let mut headers = HeaderMap::new();
        let owned = [HeaderName::from_static("x-api-key"), HeaderName::from_static("idempotency-key")];
        add(&mut headers, &[(name.to_owned(), value.to_owned())], &owned).map(|()| headers)
    }

    #[test]
    fn what_belongs_to_the_host_is_denied_by_name() {
        let owned = [
            "Host",
            "AUTHORIZATION",
            "Proxy-Authorization",
            "proxy-anything",
            "Connection",
            "Content-Length",
            "Transfer-Encoding",
            "TE",
            "Upgrade",
            "Trailer",
            "X-Api-Key",
            "Idempotency-Key",
        ];
        for name in owned {
            match add_one(name, "x") {
                Err(HeaderError::Denied(why)) => assert!(why.contains(name), "{why}"),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_header_is_denied() {
        for (name, value) in
            [("", "x"), ("a b", "x"), ("a:b", "x"), ("x\r\nhost", "x"), ("é", "x"), ("x", "a\r\nb: c"), ("x", "a\nb"), ("x", "a\0")]
        {
            assert!(matches!(add_one(name, value), Err(HeaderError::Denied(_))), "{name:?}: {value:?}");
        }
        assert!(matches!(add_one("x", &"a".repeat(LIMIT)), Err(HeaderError::TooLarge(_))));
    }

    #[test]
    fn the_rest_is_the_plugins() {
        for name in ["Content-Type", "Accept", "If-Match", "Cookie", "X-CSRF-Token", "User-Agent", "Prefer"] {
            assert_eq!(add_one(name, "ü").expect(name)[name].as_bytes(), "ü".as_bytes());
        }
    }
}
