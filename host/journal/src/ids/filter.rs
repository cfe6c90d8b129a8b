//! A Bloom filter in lines of 64 bytes: one memory access answers.

use crate::key::IdKey;

/// 64-bit words in a line.
const LINE: usize = 8;
/// Bits that an id sets in its line: each takes 9 bits of the hash's high half.
const PROBES: u32 = 7;
/// Ids for each line: two bytes an id.
const IDS_PER_LINE: usize = 32;

/// Says of an id that it is certainly not in a set, or that it may be (wrongly in about 1 of 600).
pub(super) struct Filter {
    words: Box<[u64]>,
}

impl Filter {
    /// An empty one for so many ids.
    pub(super) fn for_ids(ids: usize) -> Self {
        Self { words: vec![0; ids.div_ceil(IDS_PER_LINE).max(1) * LINE].into() }
    }

    /// The one that [`bytes`](Self::bytes) was made of; none where that cannot be.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let whole = rest.is_empty() && !words.is_empty() && words.len() % LINE == 0;
        whole.then(|| Self { words: words.iter().map(|word| u64::from_le_bytes(*word)).collect() })
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    pub(super) fn add(&mut self, key: IdKey) {
        let line = self.line(key);
        for bit in bits(key) {
            self.words[line + bit / 64] |= 1 << (bit % 64);
        }
    }

    pub(super) fn may_have(&self, key: IdKey) -> bool {
        let line = self.line(key);
        bits(key).all(|bit| self.words[line + bit / 64] & (1 << (bit % 64)) != 0)
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.words.len() * 8
    }

    /// Where the id's line starts. The low half picks the line, the high half the bits in it.
    fn line(&self, key: IdKey) -> usize {
        scale(key.low, self.words.len() / LINE) * LINE
    }
}

fn bits(key: IdKey) -> impl Iterator<Item = usize> {
    (0..PROBES).map(move |probe| (key.high >> (9 * probe)) as usize % (LINE * 64))
}

/// Maps a uniform hash to `0..parts`.
pub(super) fn scale(hash: u64, parts: usize) -> usize {
    ((u128::from(hash) * parts as u128) >> 64) as usize
}
