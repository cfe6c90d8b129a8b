//! Somebody who visits the dashboard, without a browser.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::{self, Answer};
use crate::setup::Host;

/// A visitor with the cookies that they were given.
pub struct Visitor {
    base: String,
    cookies: BTreeMap<String, String>,
}

impl Answer {
    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Visitor {
    /// Somebody who is not logged in.
    pub fn new(host: &Host) -> Self {
        Self { base: format!("http://{}", host.admin()), cookies: BTreeMap::new() }
    }

    /// Logs in from the plain login page.
    pub async fn log_in(&mut self, token: &str) -> Answer {
        self.log_in_from("/login", token).await
    }

    /// Logs in from this address of the login page.
    pub async fn log_in_from(&mut self, page: &str, token: &str) -> Answer {
        let form = self.get(page).await.text();
        let (key, next) = (field(&form, "key"), field(&form, "next"));
        self.post_as_is("/login", &[("key", key), ("next", next), ("token", token.to_owned())], &[]).await
    }

    /// Asks for a page.
    pub async fn get(&mut self, page: &str) -> Answer {
        self.send("GET", page, &[], String::new()).await
    }

    /// The key of the session's forms.
    pub async fn key(&mut self) -> String {
        field(&self.get("/events").await.text(), "key")
    }

    /// Posts a form as the page `on` does.
    pub async fn post(&mut self, path: &str, on: &str, fields: &[(&str, &str)]) -> Answer {
        let key = field(&self.get(on).await.text(), "key");
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).chain([("key", key)]);
        self.post_as_is(path, &fields.collect::<Vec<_>>(), &[]).await
    }

    /// Posts exactly these fields.
    pub async fn post_as_is(&mut self, path: &str, fields: &[(&str, String)], headers: &[(&str, &str)]) -> Answer {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let headers: Vec<_> = [("content-type", "application/x-www-form-urlencoded")].iter().chain(headers).copied().collect();
        self.send("POST", path, &headers, body.join("&")).await
    }

    async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let headers: Vec<_> = headers.iter().copied().chain((!cookies.is_empty()).then_some(("cookie", cookies.as_str()))).collect();
        let answer = http::send(method, &format!("{}{path}", self.base), &headers, body).await.unwrap();
        for cookie in answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()) {
            if let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// The value of a hidden field.
fn field(page: &str, name: &str) -> String {
    let value = page.split_once(&format!("name=\"{name}\" value=\"")).and_then(|(_, rest)| rest.split_once('"'));
    value.map(|(value, _)| value.replace("&#x2f;", "/").replace("&amp;", "&")).unwrap_or_default()
}
