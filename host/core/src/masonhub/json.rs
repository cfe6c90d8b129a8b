//! Reading JSON leniently and without copies: what every record shares.
//!
//! Everywhere, `null` and an empty text mean that the field is absent.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The deepest nesting of a body. Beyond it readers in several plugin languages crash.
const MAX_DEPTH: usize = 64;

/// A text, borrowed where it holds no escapes. A whole number is read as its digits: some senders
/// write identifiers so.
#[derive(Clone, Default)]
pub(super) struct Text<'a>(Option<Cow<'a, str>>);

impl<'a> Text<'a> {
    pub(super) fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }

    pub(super) fn cow(self) -> Option<Cow<'a, str>> {
        self.0
    }

    pub(super) fn owned(self) -> Option<String> {
        self.0.map(Cow::into_owned)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text((!text.is_empty()).then_some(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text((!text.is_empty()).then(|| Cow::Owned(text.to_owned()))))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_unit<E>(self) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// A whole number: `5`, `5.0` or `"5"`.
#[derive(Clone, Copy, Default)]
pub(super) struct Whole(pub(super) Option<i64>);

impl Whole {
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(Some(number)))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Whole, E> {
                let whole = i64::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))?;
                Ok(Whole(Some(whole)))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Whole, E> {
                /// Up to here every whole number has a float of its own.
                const EXACT: f64 = 9_007_199_254_740_992.0;
                if number.fract() != 0.0 || number.abs() > EXACT {
                    return Err(E::invalid_value(de::Unexpected::Float(number), &self));
                }
                #[expect(clippy::cast_possible_truncation, reason = "whole and within EXACT, so within i64")]
                Ok(Whole(Some(number as i64)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Whole, E> {
                let trimmed = text.trim();
                if trimmed.is_empty() {
                    return Ok(Whole(None));
                }
                match (trimmed.parse(), trimmed.parse()) {
                    (Ok(number), _) => self.visit_i64(number),
                    (_, Ok(number)) => self.visit_f64(number),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_unit<E>(self) -> Result<Whole, E> {
                Ok(Whole(None))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// A finite number: `2.4` or `"2.4"`.
#[derive(Clone, Copy, Default)]
pub(super) struct Decimal(pub(super) Option<f64>);

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            #[expect(clippy::cast_precision_loss, reason = "no weight needs more than 53 bits")]
            fn visit_i64<E>(self, number: i64) -> Result<Decimal, E> {
                Ok(Decimal(Some(number as f64)))
            }

            #[expect(clippy::cast_precision_loss, reason = "no weight needs more than 53 bits")]
            fn visit_u64<E>(self, number: u64) -> Result<Decimal, E> {
                Ok(Decimal(Some(number as f64)))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Decimal, E> {
                Ok(Decimal(Some(number)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                let trimmed = text.trim();
                if trimmed.is_empty() {
                    return Ok(Decimal(None));
                }
                match trimmed.parse::<f64>() {
                    Ok(number) if number.is_finite() => Ok(Decimal(Some(number))),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_unit<E>(self) -> Result<Decimal, E> {
                Ok(Decimal(None))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// A `T` that is written as an object. What serde derives would take an array for a struct, too.
#[derive(Default)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Visit<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }
        deserializer.deserialize_any(Visit(PhantomData))
    }
}

/// A list of objects; its `null` elements are absent too.
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> List<T> {
    /// This list, or the other one where this one is empty.
    pub(super) fn or(self, other: Self) -> Self {
        if self.0.is_empty() { other } else { self }
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Visit<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of objects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = elements.next_element::<Option<Object<T>>>()? {
                    list.extend(element.map(|object| object.0));
                }
                Ok(List(list))
            }

            fn visit_unit<E>(self) -> Result<List<T>, E> {
                Ok(List::default())
            }
        }
        deserializer.deserialize_any(Visit(PhantomData))
    }
}

/// The body as text that is safe to parse.
///
/// # Errors
/// Not UTF-8, or nested deeper than [`MAX_DEPTH`].
pub(super) fn text(body: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(body).map_err(|e| format!("not UTF-8 from byte {} on", e.valid_up_to()))?;
    if too_deep(body) {
        return Err(format!("nested deeper than {MAX_DEPTH} levels"));
    }
    Ok(text)
}

fn too_deep(body: &[u8]) -> bool {
    // What opens at most so often cannot be deeper: nearly every body is done here.
    if openings(body) <= MAX_DEPTH {
        return false;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// How many `{` and `[` there are, in texts or not. Counted by the byte in short runs, because that
/// is what compilers turn into vector instructions.
fn openings(body: &[u8]) -> usize {
    // `[` is `{` without this bit.
    const CURLY: u8 = b'[' ^ b'{';
    body.chunks(128).map(|run| usize::from(run.iter().map(|b| u8::from(b | CURLY == b'{')).sum::<u8>())).sum()
}

/// No number without an exponent that is shorter is endless.
const LONG: usize = 300;

/// The first number that no plugin could hold: as wide as it is, it would be infinite. What is
/// read here leaves out such a field unseen, and the readers of some languages refuse all of it.
pub(super) fn endless_number(json: &str) -> Option<&str> {
    if !looks_endless(json.as_bytes()) {
        return None;
    }
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at += text_length(&bytes[at..]),
            _ if is_numeric(byte) => {
                let length = bytes[at..].iter().position(|byte| !is_numeric(byte)).unwrap_or(bytes.len() - at);
                let number = &json[at..at + length];
                if is_endless(number) {
                    return Some(number);
                }
                at += number.len();
            }
            _ => at += 1,
        }
    }
    None
}

/// True where some part, be it in a text or not, could be an endless number: nearly no body has
/// one. Looked at in short runs without an exit in between, which compilers turn into vector
/// instructions.
fn looks_endless(json: &[u8]) -> bool {
    /// Far less than half of the shortest endless number without an exponent: such a one fills a run.
    const RUN: usize = 64;
    json.chunks(RUN).enumerate().any(|(index, run)| {
        if run.iter().fold(true, |all, byte| all & is_numeric(byte)) {
            return run.len() == RUN;
        }
        let start = index * RUN;
        let next = &json[start + 1..json.len().min(start + 1 + RUN)];
        let exponent = |digit: &u8, e: &u8| (digit.is_ascii_digit() | (*digit == b'.')) & (e | 0x20 == b'e');
        run.iter().zip(next).fold(false, |any, (digit, e)| any | exponent(digit, e))
            && (start..).zip(run.iter().zip(next)).any(|(at, (digit, e))| exponent(digit, e) && is_in_endless(json, at))
    })
}

/// True where the byte belongs to a number, or to a text that reads like one, and it is endless.
fn is_in_endless(json: &[u8], at: usize) -> bool {
    let before = json[..at].iter().rev().take(LONG).take_while(|byte| is_numeric(byte)).count();
    let after = json[at..].iter().take(LONG).take_while(|byte| is_numeric(byte)).count();
    let (start, end) = (at - before, at + after);
    let follows = start == 0 || matches!(json[start - 1], b':' | b',' | b'[' | b' ' | b'\t' | b'\r' | b'\n');
    before.max(after) == LONG || (follows && std::str::from_utf8(&json[start..end]).is_ok_and(is_endless))
}

fn is_endless(number: &str) -> bool {
    (number.len() > LONG || number.contains(['e', 'E'])) && serde_json::from_str::<f64>(number).is_err()
}

fn is_numeric(byte: &u8) -> bool {
    matches!(byte, b'+' | b'-' | b'.' | b'0'..=b'9' | b'e' | b'E')
}

/// How long the text is that begins here, its quotes included.
fn text_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = bytes[at.min(bytes.len())..].iter().position(|b| matches!(b, b'"' | b'\\')) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// Where a part that borrows from the body stands in it, in bytes.
pub(super) fn range_in(body: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - body.as_ptr() as usize;
    start..start + part.len()
}

/// Reads an object. A failure names the field, as in `shipments[0].carton_id: …`.
///
/// # Errors
/// Not JSON, or not of the shape of `T`.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str::<Object<T>>(text).map(|object| object.0).map_err(|error| {
        if !error.is_data() {
            return format!("not JSON: {error}");
        }
        // Only now is it worth following the path, by reading a second time.
        let mut reader = serde_json::Deserializer::from_str(text);
        match serde_path_to_error::deserialize::<_, Object<T>>(&mut reader) {
            Err(located) if located.path().iter().len() > 0 => format!("{}: {}", located.path(), without_position(located.inner())),
            _ => without_position(&error),
        }
    })
}

/// Where the path says the field, line and column would only confuse: they count from the start
/// of the record.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map(|(message, _)| message.to_owned()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_texts_only() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(!too_deep(&nested(64)));
        assert!(too_deep(&nested(65)));
        assert!(!too_deep(format!("[\"{}\"]", "[".repeat(1000)).as_bytes()));
        assert!(!too_deep(format!("[\"\\\"{}\"]", "[".repeat(1000)).as_bytes()), "an escaped quote does not end the text");
        assert!(too_deep(format!("[\"\\\\\",{}", "[".repeat(64)).as_bytes()), "an escaped backslash does not hide the quote");
        assert!(!too_deep("[],".repeat(1000).as_bytes()), "many, but flat");
    }

    #[test]
    fn endless_numbers_are_found_outside_of_texts_only() {
        let long = "9".repeat(400);
        for (json, number) in [("[1e999]", "1e999"), ("{\"a\\\"1\":-1E+309}", "-1E+309"), (long.as_str(), long.as_str())] {
            assert_eq!(endless_number(json), Some(number), "{json}");
        }
        let far = format!("[{}1E+999]", "1,".repeat(200));
        assert_eq!(endless_number(&far), Some("1E+999"));
        let never_ending = "1e".repeat(500_000);
        assert_eq!(endless_number(&never_ending), Some(never_ending.as_str()), "and it is no work to find out");
        for json in [
            "[1e308,-0.1e-999,12]",
            "[\"5b0f6b1e-7c2d-4f0e-9d55\"]",
            "[\" 1e999\"]",
            "[\"1e999\"]",
            "[\"\\\"1e999\"]",
            "[\"\\\\\",1e3]",
            "\"1e999",
            "\"\\",
        ] {
            assert_eq!(endless_number(json), None, "{json}");
        }
    }

    #[test]
    fn whole_numbers_are_read_from_what_senders_write() {
        let read = |json| serde_json::from_str::<Whole>(json).map(|w| w.0).ok();
        for json in ["5", "5.0", "5e0", "\"5\"", "\" 5 \"", "\"5.0\""] {
            assert_eq!(read(json), Some(Some(5)), "{json}");
        }
        assert_eq!(read("-3"), Some(Some(-3)));
        assert_eq!(read("null"), Some(None));
        assert_eq!(read("\"\""), Some(None));
        for json in ["5.5", "\"abc\"", "1e300", "18446744073709551615", "\"NaN\"", "\"inf\"", "true", "[]", "{}"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn decimals_are_finite() {
        let read = |json| serde_json::from_str::<Decimal>(json).map(|d| d.0).ok();
        assert_eq!(read("2.4"), Some(Some(2.4)));
        assert_eq!(read("\"2.4\""), Some(Some(2.4)));
        assert_eq!(read("2"), Some(Some(2.0)));
        assert_eq!(read("null"), Some(None));
        for json in ["\"NaN\"", "\"inf\"", "\"1e999\"", "\"heavy\"", "[]"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn a_text_is_borrowed_unless_it_holds_escapes() {
        let read = |json| serde_json::from_str::<Text<'static>>(json).unwrap().cow();
        assert!(matches!(read("\"plain\""), Some(Cow::Borrowed("plain"))));
        assert_eq!(read("\"a\\u0041\"").as_deref(), Some("aA"));
        assert_eq!(read("129374").as_deref(), Some("129374"));
        assert_eq!(read("\"\""), None);
        assert_eq!(read("null"), None);
        assert!(serde_json::from_str::<Text<'static>>("1.5").is_err());
    }
}
