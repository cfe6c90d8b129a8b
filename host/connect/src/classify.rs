//! What an outcome means. The only place that decides whether a request was certainly not applied
//! (it is simply sent again), is lost (it may have been applied) or is answered, and what that says
//! about the server's health.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use mortar_core::call::{Request, Response};
use mortar_core::ports::SendError;
use reqwest::StatusCode;

/// No wait that a server asks for is taken to be longer.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// How much of a body is quoted to the operator, in characters.
const QUOTED: usize = 200;

/// What came of a request, as seen on the wire.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Nothing of it was sent: no address, connection, TLS or credentials.
    Unsent {
        /// Why.
        reason: String,
        /// The wait that was asked for.
        after: Option<Duration>,
    },
    /// It was sent, at least in part, and no answer came.
    Lost(String),
    /// The server answered.
    Answered(Answer),
}

/// A status, and what followed it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// HTTP status or SMTP code.
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The whole body, or why there is none.
    pub(crate) body: Result<Vec<u8>, BodyFault>,
}

/// Why an answer's body is missing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BodyFault {
    /// It is over this limit, in bytes.
    OverLimit(usize),
    /// It broke off.
    Cut(String),
}

/// What an outcome says about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It works. Whether it did what was asked is another question.
    Up,
    /// It works, and wants to be asked less; where it says so, not before this time has passed.
    Busy(Option<Duration>),
    /// It cannot be reached, does not answer, or says that it is broken.
    Down,
}

impl Outcome {
    /// The status, where there is one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(answer) => Some(answer.status),
            Self::Unsent { .. } | Self::Lost(_) => None,
        }
    }
}

/// What came of an HTTP request.
///
/// Whether a loss matters (a write without an idempotency key) is for the pipeline to say.
pub(crate) fn http(outcome: Outcome, now: Timestamp) -> Result<Response, SendError> {
    let answer = answered(outcome)?;
    match answer.status {
        408 | 425 | 429 | 503 => Err(not_sent(answer.words(), answer.retry_after(now))),
        // A gateway answers in the place of a server that may have done the work.
        502 | 504 => Err(SendError::Lost(answer.words())),
        _ => answer.into_response(),
    }
}

/// What came of an e-mail.
pub(crate) fn mail(outcome: Outcome) -> Result<Response, SendError> {
    let answer = answered(outcome)?;
    match answer.status {
        400..=499 => Err(not_sent(answer.words(), None)),
        _ => answer.into_response(),
    }
}

/// What this answer to a request comes to, for whoever plays a server.
///
/// # Errors
/// What a connection would make of it.
pub fn answer_to(request: &Request, answer: Response, now: Timestamp) -> Result<Response, SendError> {
    let Response { status, headers, body } = answer;
    let outcome = Outcome::Answered(Answer { status, headers, body: Ok(body) });
    if request.method == Request::MAIL { mail(outcome) } else { http(outcome, now) }
}

/// What an HTTP request tells about the server's health.
///
/// A 500 is an answer, which the plugin judges. A server that says nothing else is broken all the
/// same.
pub(crate) fn http_health(outcome: &Outcome, now: Timestamp) -> Health {
    let Outcome::Answered(answer) = outcome else { return Health::Down };
    match (answer.status, &answer.body) {
        (429, _) => Health::Busy(answer.retry_after(now)),
        (500..=599, _) | (_, Err(BodyFault::Cut(_))) => Health::Down,
        (_, Ok(_) | Err(BodyFault::OverLimit(_))) => Health::Up,
    }
}

/// What an e-mail tells about the mail server's health. Other refusals are about the e-mail.
pub(crate) fn mail_health(outcome: &Outcome) -> Health {
    match outcome {
        Outcome::Answered(answer) if answer.status != 421 => Health::Up,
        Outcome::Answered(_) | Outcome::Unsent { .. } | Outcome::Lost(_) => Health::Down,
    }
}

fn answered(outcome: Outcome) -> Result<Answer, SendError> {
    match outcome {
        Outcome::Unsent { reason, after } => Err(not_sent(reason, after)),
        Outcome::Lost(reason) => Err(SendError::Lost(reason)),
        Outcome::Answered(answer) => Ok(answer),
    }
}

fn not_sent(reason: String, after: Option<Duration>) -> SendError {
    SendError::NotSent { reason, after, spent: true }
}

impl Answer {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The wait that the server asks for, at most a day; none where it asks for none.
    pub(crate) fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        let wait = match value.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                let at = DateTimeParser::new().parse_timestamp(value).ok()?;
                Duration::try_from(at.duration_since(now)).ok()?
            }
        };
        (!wait.is_zero()).then(|| wait.min(LONGEST_WAIT))
    }

    /// Status and the beginning of the body, for the operator.
    pub(crate) fn words(&self) -> String {
        let name = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let status = name.map_or_else(|| self.status.to_string(), |name| format!("{} {name}", self.status));
        match self.body.as_deref().map(quote) {
            Ok(text) if !text.is_empty() => format!("it answered {status}: {text}"),
            _ => format!("it answered {status}"),
        }
    }

    fn into_response(self) -> Result<Response, SendError> {
        match self.body {
            Ok(body) => Ok(Response { status: self.status, headers: self.headers, body }),
            Err(BodyFault::OverLimit(limit)) => Err(SendError::TooLarge {
                reason: format!("it answered {} with more than {limit} bytes; ask for less, or raise `response_limit`", self.status),
                sent: true,
            }),
            Err(BodyFault::Cut(reason)) => Err(SendError::Lost(format!("it answered {}, then the body broke off: {reason}", self.status))),
        }
    }
}

/// The beginning of a body, as one line of text.
pub(crate) fn quote(body: &[u8]) -> String {
    let start = &body[..body.len().min(4 * QUOTED)];
    let text = String::from_utf8_lossy(start);
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Outcome {
        Outcome::Answered(Answer { status, headers: Vec::new(), body: Ok(b"said".to_vec()) })
    }

    fn broken(status: u16, fault: BodyFault) -> Outcome {
        Outcome::Answered(Answer { status, headers: Vec::new(), body: Err(fault) })
    }

    /// One word for each kind of result.
    fn kind(result: Result<Response, SendError>) -> String {
        match result {
            Ok(response) => format!("answer {}", response.status),
            Err(SendError::NotSent { spent: true, .. }) => "not sent".into(),
            Err(SendError::TooLarge { sent: true, .. }) => "too large".into(),
            Err(SendError::Lost(_)) => "lost".into(),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_outcome_of_http_has_one_meaning() {
        let cut = || BodyFault::Cut("reset".into());
        let unsent = Outcome::Unsent { reason: "refused".into(), after: None };
        let mut table = vec![(unsent, "not sent"), (Outcome::Lost("reset".into()), "lost")];
        table.extend([408, 425, 429, 503].map(|status| (answer(status), "not sent")));
        table.extend([502, 504].map(|status| (answer(status), "lost")));
        table.extend([(broken(503, cut()), "not sent"), (broken(503, BodyFault::OverLimit(9)), "not sent")]);
        table.extend([(broken(504, cut()), "lost"), (broken(200, cut()), "lost"), (broken(500, cut()), "lost")]);
        table.extend([(broken(200, BodyFault::OverLimit(9)), "too large"), (broken(400, BodyFault::OverLimit(9)), "too large")]);
        for (outcome, expected) in table {
            assert_eq!(kind(http(outcome.clone(), Timestamp::UNIX_EPOCH)), expected, "{outcome:?}");
        }
        for status in (200..=599).filter(|status| ![408, 425, 429, 502, 503, 504].contains(status)) {
            assert_eq!(kind(http(answer(status), Timestamp::UNIX_EPOCH)), format!("answer {status}"));
        }
    }

    #[test]
    fn every_outcome_says_whether_the_server_is_up() {
        let health = |outcome: &Outcome| http_health(outcome, Timestamp::UNIX_EPOCH);
        let unsent = Outcome::Unsent { reason: "refused".into(), after: None };
        let cut = broken(200, BodyFault::Cut("reset".into()));
        for outcome in [&unsent, &Outcome::Lost("reset".into()), &cut] {
            assert_eq!(health(outcome), Health::Down, "{outcome:?}");
        }
        for status in 100..=599 {
            let expected = match status {
                429 => Health::Busy(None),
                500.. => Health::Down,
                _ => Health::Up,
            };
            assert_eq!(health(&answer(status)), expected, "{status}");
        }
        assert_eq!(health(&broken(200, BodyFault::OverLimit(9))), Health::Up, "it says too much, but it works");
        let headers = vec![("retry-after".to_owned(), "7".to_owned())];
        let busy = Outcome::Answered(Answer { status: 429, headers, body: Ok(Vec::new()) });
        assert_eq!(health(&busy), Health::Busy(Some(Duration::from_secs(7))));

        for (outcome, expected) in [(unsent, Health::Down), (Outcome::Lost("reset".into()), Health::Down), (answer(421), Health::Down)] {
            assert_eq!(mail_health(&outcome), expected, "{outcome:?}");
        }
        for status in [250, 450, 452, 550, 554] {
            assert_eq!(mail_health(&answer(status)), Health::Up, "{status}");
        }
    }

    #[test]
    fn every_outcome_of_mail_has_one_meaning() {
        let unsent = Outcome::Unsent { reason: "refused".into(), after: None };
        let table = [
            (unsent, "not sent"),
            (Outcome::Lost("reset".into()), "lost"),
            (answer(250), "answer 250"),
            (answer(421), "not sent"),
            (answer(451), "not sent"),
            (answer(550), "answer 550"),
            (answer(554), "answer 554"),
        ];
        for (outcome, expected) in table {
            assert_eq!(kind(mail(outcome.clone())), expected, "{outcome:?}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_date_within_bounds() {
        let now: Timestamp = "2025-01-01T00:00:00Z".parse().expect("a time");
        for (value, expected) in [
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("Wed, 01 Jan 2025 00:01:30 GMT", Some(90)),
            ("9999999", Some(24 * 3600)),
            ("Fri, 01 Jan 2100 00:00:00 GMT", Some(24 * 3600)),
            ("Tue, 31 Dec 2024 00:00:00 GMT", None),
            ("0", None),
            ("-5", None),
            ("soon", None),
            ("", None),
            ("99999999999999999999999", None),
        ] {
            let headers = vec![("retry-after".to_owned(), value.to_owned())];
            let answer = Answer { status: 503, headers, body: Ok(Vec::new()) };
            assert_eq!(answer.retry_after(now), expected.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn words_quote_a_bounded_beginning_in_one_line() {
        let body = format!("{{\"error\":\r\n\t\"database\u{7} down\"}}{}", "x".repeat(10_000));
        let words = Answer { status: 503, headers: Vec::new(), body: Ok(body.into_bytes()) }.words();
        assert!(words.starts_with("it answered 503 Service Unavailable: {\"error\": \"database down\"}"), "{words}");
        assert!(words.chars().count() < 250 && !words.contains(char::is_control), "{words}");
    }
}
