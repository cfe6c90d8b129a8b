//! An e-mail, from a plugin's words to what goes over the wire.

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use mortar_core::call::Mail;

/// Recipients of one e-mail, at most.
const RECIPIENTS: usize = 50;

/// Characters of a subject, at most.
const SUBJECT: usize = 500;

/// An e-mail that can be sent.
pub(crate) struct Letter {
    to: Vec<Mailbox>,
    reply_to: Option<Mailbox>,
    mail: Mail,
}

impl Letter {
    /// Reads a request's body.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let mail: Mail = serde_json::from_slice(body).map_err(|e| format!("the body is not an e-mail: {e}"))?;
        if !(1..=RECIPIENTS).contains(&mail.to.len()) {
            return Err(format!("an e-mail has 1 to {RECIPIENTS} recipients, not {}", mail.to.len()));
        }
        if mail.subject.contains(char::is_control) || mail.subject.chars().count() > SUBJECT {
            return Err(format!("a subject is one line of at most {SUBJECT} characters"));
        }
        let to = mail.to.iter().map(|address| mailbox(address)).collect::<Result<_, _>>()?;
        let reply_to = mail.reply_to.as_deref().map(mailbox).transpose()?;
        Ok(Self { to, reply_to, mail })
    }

    /// The e-mail as it is sent. The same letter with the same key is the same to the byte, and its
    /// `Message-ID` tells a duplicate from another e-mail.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn message(self, from: &Mailbox, key: &str, date: SystemTime) -> Result<Message, String> {
        let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut message = Message::builder()
            .from(from.clone())
            .subject(self.mail.subject)
            .date(date)
            .message_id(Some(format!("<{key}@{}>", from.email.domain())))
            // Out-of-office replies and other robots leave such a message alone (RFC 3834).
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()));
        for to in self.to {
            message = message.to(to);
        }
        if let Some(reply_to) = self.reply_to {
            message = message.reply_to(reply_to);
        }
        let text = SinglePart::plain(self.mail.text);
        let message = match self.mail.html {
            None => message.singlepart(text),
            Some(html) => {
                let parts = MultiPart::builder().kind(MultiPartKind::Alternative).boundary(format!("part-{key}")).singlepart(text);
                message.multipart(parts.singlepart(SinglePart::html(html)))
            }
        };
        message.map_err(|e| format!("the e-mail cannot be written: {e}"))
    }
}

/// Reads `a@example.com` or `Name <a@example.com>`, and nothing beside it.
///
/// # Errors
/// It is not one address.
pub(crate) fn mailbox(text: &str) -> Result<Mailbox, String> {
    let wrong = || format!("{text:?} is not an e-mail address such as a@example.com or Name <a@example.com>");
    let mailbox: Mailbox = text.trim().parse().map_err(|_| wrong())?;
    let address = mailbox.email.to_string();
    // The parser stops after the first address and says nothing of the rest.
    let end = text.trim().trim_end_matches('>');
    if text.contains(char::is_control) || !end.ends_with(&address) {
        return Err(wrong());
    }
    if !address.is_ascii() {
        return Err(format!("{text:?} is not ASCII, which few mail servers take; write the domain as xn--…"));
    }
    Ok(mailbox)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn letter(mail: &serde_json::Value) -> Result<Letter, String> {
        Letter::read(mail.to_string().as_bytes())
    }

    #[test]
    fn addresses_are_one_address_each() {
        for good in ["a@example.com", " Ann <a@example.com> ", "\"Ann, B.\" <a@example.com>", "Ænn <a+b@example.com>"] {
            assert!(mailbox(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@",
            "a@b@c",
            "a@example.com, b@example.com",
            "a@example.com\r\nBcc: x@example.com",
            "Ann\nB <a@example.com>",
            "a@exämple.com",
            "<a@example.com> x",
        ] {
            assert!(mailbox(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_letter_is_refused() {
        let mail = |to: Vec<String>, subject: &str| json!({ "to": to, "reply_to": null, "subject": subject, "text": "x", "html": null });
        let to = |n: usize| (0..n).map(|i| format!("a{i}@example.com")).collect::<Vec<_>>();
        assert!(letter(&mail(to(50), "Hello")).is_ok());
        assert!(letter(&mail(to(0), "Hello")).is_err());
        assert!(letter(&mail(to(51), "Hello")).is_err());
        assert!(letter(&mail(to(1), "Hello\r\nBcc: x@example.com")).is_err());
        assert!(letter(&mail(to(1), &"x".repeat(501))).is_err());
        assert!(Letter::read(b"{}").is_err());
    }

    #[test]
    fn the_same_letter_is_the_same_to_the_byte() {
        let mail = json!({ "to": ["Ann <a@example.com>"], "reply_to": "help@example.com", "subject": "Grüße", "text": "Hi\nthere", "html": "<p>Hi</p>" });
        let from = mailbox("Shop <shop@merchant.example>").unwrap();
        let write = |key| letter(&mail).unwrap().message(&from, key, SystemTime::UNIX_EPOCH).unwrap().formatted();
        assert_eq!(write("abc1"), write("abc1"));
        let text = String::from_utf8(write("abc1")).unwrap();
        for line in [
            "Message-ID: <abc1@merchant.example>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Reply-To: help@example.com\r\n",
            "boundary=\"part-abc1\"",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(text.is_ascii() && !text.replace("\r\n", "").contains('\n'), "bare line breaks in {text:?}");
    }
}
