//! What the edge answers. MasonHub never sends again after a 4xx, so 4xx is only said where the
//! fault is the sender's.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use mortar_pipeline::accept::Acceptance;
use serde::Serialize;

/// The body of an answer.
pub type Body = Full<Bytes>;

/// An answer, before it is HTTP.
#[derive(Debug)]
pub(super) enum Answer {
    Stored(Acceptance),
    NotGenuine(String),
    AddressNotAllowed,
    NoSuchSource,
    NotPost,
    TooLarge,
    TooSlow,
    Broken(String),
    Unavailable(&'static str),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Text<'a> {
    Accepted {
        status: &'static str,
        events: &'a [String],
        duplicates: usize,
        /// The sender gave no id: these are hashes of the content.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        derived_ids: bool,
        /// What could not be read is kept for the operator.
        #[serde(skip_serializing_if = "Option::is_none")]
        quarantined: Option<&'a str>,
    },
    Quarantined {
        status: &'static str,
        reason: &'a str,
    },
    Refused {
        status: &'static str,
        reason: &'a str,
    },
}

impl Answer {
    /// The answer's name in metrics.
    pub(super) fn result(&self) -> &'static str {
        match self {
            Self::Stored(acceptance) if acceptance.events.is_empty() => "quarantined",
            Self::Stored(_) => "accepted",
            Self::NotGenuine(_) | Self::AddressNotAllowed => "rejected",
            Self::Unavailable(_) => "unavailable",
            Self::NoSuchSource | Self::NotPost | Self::TooLarge | Self::TooSlow | Self::Broken(_) => "refused",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Stored(_) => StatusCode::OK,
            Self::NotGenuine(_) => StatusCode::UNAUTHORIZED,
            Self::AddressNotAllowed => StatusCode::FORBIDDEN,
            Self::NoSuchSource => StatusCode::NOT_FOUND,
            Self::NotPost => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(&self) -> Text<'_> {
        let refused = |reason| Text::Refused { status: "refused", reason };
        match self {
            Self::Stored(a) if a.events.is_empty() => {
                Text::Quarantined { status: "quarantined", reason: a.unreadable.as_deref().unwrap_or("no records") }
            }
            Self::Stored(a) => Text::Accepted {
                status: "accepted",
                events: &a.events,
                duplicates: a.duplicates,
                derived_ids: a.derived_ids,
                quarantined: a.unreadable.as_deref(),
            },
            Self::NotGenuine(reason) => Text::Refused { status: "rejected", reason },
            Self::AddressNotAllowed => Text::Refused { status: "rejected", reason: "this address is not allowed" },
            Self::NoSuchSource => refused("no source has this path"),
            Self::NotPost => refused("callbacks are POSTed"),
            Self::TooLarge => refused("the body is over the limit"),
            Self::TooSlow => refused("the body came too slowly"),
            Self::Broken(reason) => refused(reason),
            Self::Unavailable(reason) => Text::Refused { status: "unavailable", reason },
        }
    }

    /// The answer as HTTP.
    pub(super) fn into_response(self, retry_after: Duration) -> Response<Body> {
        let text = serde_json::to_vec(&self.text()).unwrap_or_default();
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self {
            Self::Unavailable(_) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
            }
            Self::NotPost => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            // The rest of such a body is not read.
            Self::TooLarge | Self::TooSlow | Self::Broken(_) => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}
