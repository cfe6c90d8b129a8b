//! What is sent: an e-mail, or JSON with its signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use mortar_core::call::Mail;
use serde_json::json;
use sha2::Sha256;

use super::causes::{Notice, What};

/// Characters of a subject line that name causes.
const SUBJECT: usize = 120;

/// The e-mail that tells of these.
pub(super) fn mail(to: &[String], notices: &[Notice]) -> Mail {
    let count = |what| notices.iter().filter(|notice| notice.what == what).count();
    let names: Vec<_> = notices.iter().map(name).collect();
    let numbers = match (count(What::Raised), count(What::Over)) {
        (0, 0) => "test".to_owned(),
        (raised, 0) => format!("{raised} new"),
        (0, over) => format!("{over} over"),
        (raised, over) => format!("{raised} new, {over} over"),
    };
    let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(SUBJECT).collect::<String>();
    let lines = notices.iter().map(|notice| {
        let mark = match notice.what {
            What::Raised => "NEW",
            What::Over => "OVER",
            What::Test => "TEST",
        };
        format!("{mark}  {}\n      {}\n      {:.0}\n", name(notice), notice.text, notice.at)
    });
    Mail {
        to: to.to_vec(),
        reply_to: None,
        subject: format!("Mortar: {numbers}: {}", plain(&names.join(", "))),
        text: lines.collect::<Vec<_>>().join("\n"),
        html: None,
    }
}

fn name(notice: &Notice) -> String {
    match notice.what {
        What::Test => "a test".to_owned(),
        What::Raised | What::Over => format!("{} ({})", notice.cause.kind.title(), notice.cause.about),
    }
}

/// The body of the request that tells of these.
pub(super) fn webhook(notices: &[Notice], now: Timestamp) -> String {
    json!({ "type": "mortar.alerts", "timestamp": now, "data": { "alerts": notices } }).to_string()
}

/// The key of a secret.
///
/// # Errors
/// It is none.
pub(super) fn key(secret: &str) -> Result<Vec<u8>, String> {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).map_err(|error| format!("is not base64 after `whsec_`: {error}"))?;
    if key.len() < 16 { Err("is shorter than 16 bytes: `openssl rand -base64 32` makes one".into()) } else { Ok(key) }
}

/// The headers of Standard Webhooks.
pub(super) fn signed(key: &[u8], id: &str, now: Timestamp, body: &str) -> Vec<(String, String)> {
    let seconds = now.as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    [("content-type", "application/json".to_owned()), ("webhook-id", id.to_owned()), ("webhook-timestamp", seconds.to_string())]
        .into_iter()
        .chain([("webhook-signature", signature)])
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use mortar_core::config::AlertKind;

    use super::super::causes::Cause;
    use super::*;

    fn notice(what: What, about: &str) -> Notice {
        let cause = Cause { kind: AlertKind::DeadLetter, about: about.to_owned() };
        Notice { what, cause, text: "no such order".into(), at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_mail_says_in_its_subject_what_is_new_and_what_is_over() {
        let letter = mail(&["a@example.com".into()], &[notice(What::Raised, "1-1"), notice(What::Over, "2-1")]);
        assert_eq!(letter.subject, "Mortar: 1 new, 1 over: dead letter (1-1), dead letter (2-1)");
        assert!(letter.text.starts_with("NEW  dead letter (1-1)\n      no such order\n      1970-01-01T00:00:00Z\n"), "{}", letter.text);
    }

    #[test]
    fn no_subject_is_of_several_lines_or_without_end() {
        let notices: Vec<_> = (0..50).map(|_| notice(What::Raised, "x\r\nBcc: y@example.com")).collect();
        let subject = mail(&[], &notices).subject;
        assert!(!subject.contains(char::is_control) && subject.chars().count() < 150, "{subject}");
    }

    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../../../tests/fixtures/signature-vectors.json")).unwrap();
        let all = vectors["vectors"].as_array().unwrap();
        let vector = all.iter().find(|vector| vector["scheme"].as_str().unwrap().starts_with("Standard Webhooks")).unwrap();
        let text = |key: &str| vectors[key].as_str().unwrap();
        let now = Timestamp::from_second(text("timestamp").parse().unwrap()).unwrap();
        let headers = signed(&key(vector["secret"].as_str().unwrap()).unwrap(), text("message_id"), now, text("body"));
        assert_eq!(headers.last().unwrap().1, vector["expect"].as_str().unwrap());
    }

    #[test]
    fn a_secret_that_is_none_is_told() {
        assert!(key("whsec_***").unwrap_err().starts_with("is not base64"));
        assert!(key("whsec_c2hvcnQ=").unwrap_err().starts_with("is shorter than 16 bytes"));
    }
}
