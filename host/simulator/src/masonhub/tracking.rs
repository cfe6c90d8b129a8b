//! Tracking numbers in the carriers' formats, check digits included.

use rand::RngExt;

/// A carrier and the service levels that parcels go by.
pub(super) struct Carrier {
    pub(super) name: &'static str,
    pub(super) services: &'static [&'static str],
    number: fn(&mut dyn FnMut() -> u8) -> String,
}

/// The carriers that MasonHub ships with here.
pub(super) const CARRIERS: &[Carrier] = &[
    Carrier { name: "UPS", services: &["ground", "2nd_day_air", "next_day_air_saver"], number: ups },
    Carrier { name: "USPS", services: &["ground_advantage", "priority"], number: usps },
    Carrier { name: "FedEx", services: &["home_delivery", "express_saver"], number: fedex },
    Carrier { name: "DHL", services: &["express_worldwide"], number: dhl },
];

impl Carrier {
    /// A new tracking number.
    pub(super) fn tracking_number(&self, rng: &mut impl RngExt) -> String {
        (self.number)(&mut || rng.random_range(0..10))
    }
}

/// `1Z`, the shipper's six characters, two digits of service, seven of the parcel, a check digit.
fn ups(digit: &mut dyn FnMut() -> u8) -> String {
    let rest = format!("8X41W703{}", digits(7, digit));
    format!("1Z{rest}{}", ups_check(&rest))
}

/// 22 digits that begin with 9400 1, the last one a check digit.
fn usps(digit: &mut dyn FnMut() -> u8) -> String {
    let rest = format!("94001{}", digits(16, digit));
    format!("{rest}{}", usps_check(&rest))
}

/// 12 digits, the last one a check digit.
fn fedex(digit: &mut dyn FnMut() -> u8) -> String {
    let rest = format!("79{}", digits(9, digit));
    format!("{rest}{}", fedex_check(&rest))
}

/// Ten digits, the last one a check digit.
fn dhl(digit: &mut dyn FnMut() -> u8) -> String {
    let rest = format!("4{}", digits(8, digit));
    format!("{rest}{}", dhl_check(&rest))
}

/// Every second character counts twice; a letter counts as its place in the alphabet plus two.
fn ups_check(rest: &str) -> u32 {
    let value = |c: char| c.to_digit(10).unwrap_or_else(|| (u32::from(c) - u32::from('A') + 2) % 10);
    (10 - weighed(rest, &[1, 2], value) % 10) % 10
}

fn usps_check(rest: &str) -> u32 {
    (10 - weighed(rest, &[3, 1], figure) % 10) % 10
}

fn fedex_check(rest: &str) -> u32 {
    weighed(rest, &[3, 1, 7], figure) % 11 % 10
}

/// The number without its last digit, modulo seven.
fn dhl_check(rest: &str) -> u32 {
    rest.chars().fold(0, |remainder, c| (remainder * 10 + figure(c)) % 7)
}

fn weighed(rest: &str, weights: &[u32], value: impl Fn(char) -> u32) -> u32 {
    rest.chars().zip(weights.iter().cycle()).map(|(c, weight)| value(c) * weight).sum()
}

fn figure(character: char) -> u32 {
    character.to_digit(10).unwrap_or(0)
}

fn digits(count: usize, digit: &mut dyn FnMut() -> u8) -> String {
    (0..count).map(|_| char::from(b'0' + digit())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_real_numbers() {
        for (check, number) in [
            (ups_check as fn(&str) -> u32, "999AA10123456784"),
            (usps_check, "9400111202555842332669"),
            (fedex_check, "799531274483"),
            (dhl_check, "3318810025"),
        ] {
            let (rest, last) = number.split_at(number.len() - 1);
            assert_eq!(check(rest).to_string(), last, "{number}");
        }
    }

    #[test]
    fn numbers_have_their_carriers_shape() {
        let mut five = || 5;
        let shapes: Vec<_> = CARRIERS.iter().map(|c| (c.name, (c.number)(&mut five))).collect();
        let lengths: Vec<_> = shapes.iter().map(|(name, number)| (*name, number.len())).collect();
        assert_eq!(lengths, [("UPS", 18), ("USPS", 22), ("FedEx", 12), ("DHL", 10)]);
        assert!(shapes[0].1.starts_with("1Z") && shapes[1].1.starts_with("94001"));
    }
}
