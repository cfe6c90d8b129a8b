//! How ids nest, how times are stored, and the keyed hashes.

use std::hash::{Hash, Hasher};

use jiff::Timestamp;
use mortar_core::delivery::{DeliveryId, EventSeq, PluginNo, State};
use siphasher::sip128::{Hasher128, SipHasher24};

/// A delivery's key in the file: `event << 10 | plugin`.
pub(crate) type DeliveryKey = i64;

/// Bits of a part that nests in another.
const BITS: u32 = 10;

/// Parts of one kind that nest in one other: plugins of an event, calls and attempts of a delivery.
pub(crate) const NEST: i64 = 1 << BITS;

/// The event places that leave room for two nested parts.
const EVENTS: u64 = 1 << (63 - 2 * BITS);

/// The key of a delivery; none where no journal has such an event.
pub(crate) fn delivery_key(id: DeliveryId) -> Option<DeliveryKey> {
    (id.event < EVENTS && id.plugin.0 < PluginNo::LIMIT).then(|| nested(id.event.cast_signed(), i64::from(id.plugin.0)))
}

/// The delivery of a key.
pub(crate) fn delivery_id(key: DeliveryKey) -> DeliveryId {
    DeliveryId { event: event_of(key), plugin: plugin_of(key) }
}

/// The event of a delivery.
pub(crate) fn event_of(key: DeliveryKey) -> EventSeq {
    (key >> BITS).cast_unsigned()
}

/// The plugin of a delivery.
pub(crate) fn plugin_of(key: DeliveryKey) -> PluginNo {
    PluginNo((key & (NEST - 1)) as u16)
}

/// The key of a part in another.
pub(crate) fn nested(outer: i64, part: i64) -> i64 {
    outer << BITS | part
}

/// The part that [`nested`] put in.
pub(crate) fn part(key: i64) -> i64 {
    key & (NEST - 1)
}

/// The keys of all that nests in `outer`: the lowest and the highest.
pub(crate) fn all_in(outer: i64) -> (i64, i64) {
    (nested(outer, 0), nested(outer, NEST - 1))
}

/// The state of a stored number.
pub(crate) fn state(no: u8) -> Option<State> {
    State::ALL.get(usize::from(no)).copied()
}

/// A time as it is stored.
pub(crate) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// A stored time.
pub(crate) fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// The keyed hash of an event's id and source. At 128 bits under a secret key, two ids that share
/// one are not to be expected in the lifetime of any journal, so it stands for the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IdKey {
    pub(crate) high: u64,
    pub(crate) low: u64,
}

impl Hash for IdKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
    }
}

/// A hasher for keys that are hashes already.
#[derive(Clone, Copy, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 ^= word;
    }
}

/// Hashes what is a hash already.
pub(crate) type BuildAsIs = std::hash::BuildHasherDefault<AsIs>;

/// The installation's secret hash keys.
#[derive(Clone, Copy)]
pub(crate) struct HashKeys {
    ids: [u8; 16],
    subjects: [u8; 16],
}

impl HashKeys {
    /// Bytes that they are made of.
    pub(crate) const BYTES: usize = 32;

    pub(crate) fn new(bytes: [u8; Self::BYTES]) -> Self {
        let (mut ids, mut subjects) = ([0; 16], [0; 16]);
        ids.copy_from_slice(&bytes[..16]);
        subjects.copy_from_slice(&bytes[16..]);
        Self { ids, subjects }
    }

    /// What an event of this source and id is known by.
    pub(crate) fn id(&self, source: &str, id: &str) -> IdKey {
        let (high, low) = hash(&self.ids, source, id);
        IdKey { high, low }
    }

    /// What a subject of this source is known by. Two subjects that share a key, at odds of one to
    /// 10^7 among a million, would share an order.
    pub(crate) fn subject(&self, source: &str, subject: &str) -> i64 {
        hash(&self.subjects, source, subject).0.cast_signed()
    }
}

fn hash(key: &[u8; 16], source: &str, text: &str) -> (u64, u64) {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(source.as_bytes());
    // No UTF-8 text has this byte, so ("a", "bc") and ("ab", "c") differ.
    hasher.write(&[0xff]);
    hasher.write(text.as_bytes());
    hasher.finish128().as_u64()
}
